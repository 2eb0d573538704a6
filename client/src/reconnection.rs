use std::time::Duration;

/// When and how often a lost connection is made again; see
/// [`ClientBuilder::reconnection`](crate::ClientBuilder::reconnection).
///
/// The rule is the official client's: the n-th delay is `delay × factor^(n-1)`, moved up or down by
/// a random share of at most `jitter`, and never above `max_delay`. The randomness comes from a
/// seed, so that a test waits equally long on every run.
///
/// ```
/// use std::time::Duration;
/// use socketio_mock_client::Reconnection;
///
/// let reconnection = Reconnection::new().delay(Duration::from_millis(10)).attempts(3);
/// ```
#[derive(Debug, Clone)]
pub struct Reconnection {
    delay: Duration,
    max_delay: Duration,
    factor: f64,
    jitter: f64,
    pub(crate) attempts: Option<u32>,
    seed: u64,
}

impl Reconnection {
    /// The official client's defaults: 1 s, doubled up to 5 s, half of it random, for ever.
    pub fn new() -> Self {
        Self {
            delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(5),
            factor: 2.0,
            jitter: 0.5,
            attempts: None,
            seed: 0,
        }
    }

    /// The first delay.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self.max_delay = self.max_delay.max(delay);
        self
    }

    /// The longest delay.
    #[must_use]
    pub fn max_delay(mut self, max_delay: Duration) -> Self {
        self.max_delay = max_delay;
        self
    }

    /// What each delay is multiplied by to give the next.
    #[must_use]
    pub fn factor(mut self, factor: f64) -> Self {
        self.factor = factor;
        self
    }

    /// The random share of each delay, from 0 (none) to 1.
    #[must_use]
    pub fn jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter.clamp(0.0, 1.0);
        self
    }

    /// How many attempts are made before the connection is given up. Default: no limit.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// Where the randomness begins.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The delays, one an attempt.
    pub(crate) fn delays(&self) -> Delays {
        Delays { plan: self.clone(), random: fastrand::Rng::with_seed(self.seed), attempt: 0 }
    }
}

impl Default for Reconnection {
    fn default() -> Self {
        Self::new()
    }
}

/// See [`Reconnection::delays`].
#[derive(Debug)]
pub(crate) struct Delays {
    plan: Reconnection,
    random: fastrand::Rng,
    attempt: u32,
}

impl Iterator for Delays {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.plan.attempts.is_some_and(|limit| self.attempt >= limit) {
            return None;
        }
        let exponent = i32::try_from(self.attempt).unwrap_or(i32::MAX);
        self.attempt = self.attempt.saturating_add(1);
        let base = self.plan.delay.as_secs_f64() * self.plan.factor.powi(exponent);
        let share = (self.random.f64() * 2.0 - 1.0) * self.plan.jitter;
        let seconds = (base * (1.0 + share)).min(self.plan.max_delay.as_secs_f64());
        Some(Duration::try_from_secs_f64(seconds).unwrap_or(self.plan.max_delay))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milliseconds(plan: &Reconnection, count: usize) -> Vec<u128> {
        plan.delays().take(count).map(|delay| delay.as_millis()).collect()
    }

    #[test]
    fn delays_double_up_to_the_longest() {
        let plan = Reconnection::new().jitter(0.0);
        assert_eq!(milliseconds(&plan, 5), [1000, 2000, 4000, 5000, 5000]);
        assert_eq!(milliseconds(&plan.factor(1.0), 3), [1000, 1000, 1000]);
    }

    #[test]
    fn attempts_end() {
        assert_eq!(Reconnection::new().attempts(3).delays().count(), 3);
        assert_eq!(Reconnection::new().attempts(0).delays().count(), 0);
    }

    #[test]
    fn jitter_comes_from_the_seed_and_stays_within_its_share() {
        let plan = Reconnection::new().factor(1.0);
        assert_eq!(milliseconds(&plan, 20), milliseconds(&plan, 20));
        assert_ne!(milliseconds(&plan, 20), milliseconds(&plan.clone().seed(1), 20));
        assert!(milliseconds(&plan, 1000).iter().all(|delay| (500..=1500).contains(delay)));
    }

    #[test]
    fn absurd_plans_still_have_delays() {
        let plan = Reconnection::new().factor(f64::INFINITY);
        assert_eq!(plan.delays().nth(2), Some(Duration::from_secs(5)));
        assert_eq!(Reconnection::new().factor(-3.0).delays().nth(1).unwrap().as_secs(), 5);
    }
}
