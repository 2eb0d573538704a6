use std::sync::OnceLock;
use std::time::Duration;

use crate::{Error, Result};

/// How long a wait may take unless told otherwise: 5 s, scaled.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

/// The environment variable that stretches every deadline, for slow machines: `3` makes 15 s of
/// the default 5 s.
pub const TIMEOUT_SCALE_VARIABLE: &str = "SOCKETIO_TEST_TIMEOUT_SCALE";

/// `duration`, stretched by [`TIMEOUT_SCALE_VARIABLE`].
pub fn scaled(duration: Duration) -> Duration {
    let factor = *scale().as_ref().unwrap_or(&1.0);
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

/// Fails if [`TIMEOUT_SCALE_VARIABLE`] is set to something that is no factor.
pub(crate) fn check_scale() -> Result {
    scale().as_ref().map(|_| ()).map_err(Clone::clone)
}

fn scale() -> &'static Result<f64> {
    static SCALE: OnceLock<Result<f64>> = OnceLock::new();
    SCALE.get_or_init(|| match std::env::var_os(TIMEOUT_SCALE_VARIABLE) {
        Some(value) => parse_scale(&value.to_string_lossy()),
        None => Ok(1.0),
    })
}

fn parse_scale(text: &str) -> Result<f64> {
    text.parse().ok().filter(|factor: &f64| factor.is_finite() && *factor > 0.0).ok_or_else(|| {
        Error::InvalidOption {
            what: TIMEOUT_SCALE_VARIABLE,
            value: text.to_owned(),
            reason: "expected a factor above 0, such as 2.5".into(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_a_positive_number() {
        assert!((parse_scale("2.5").unwrap() - 2.5).abs() < f64::EPSILON);
        for text in ["", "0", "-1", "NaN", "inf", "fast"] {
            let error = parse_scale(text).unwrap_err().to_string();
            assert!(error.contains("expected a factor above 0"), "{error}");
        }
    }
}
