//! What the nodes share, and a way to it for each.

use std::sync::Arc;

use socketio_mock_client::Target;
use url::Url;

use super::node::WayToRedis;
#[cfg(unix)]
use super::redis::Redis;
use crate::faults::Faults;
use crate::report::Leftover;
use crate::trace::Diary;
use crate::{Error, Result};

/// Which Redis a cluster is to have.
#[derive(Debug, Clone, Default)]
pub(super) enum Wanted {
    #[default]
    None,
    #[cfg(unix)]
    Own,
    At(String),
}

/// The Redis of a cluster.
#[derive(Debug)]
pub(super) enum Store {
    None,
    #[cfg(unix)]
    Own(Box<Redis>),
    At {
        url: Url,
        faults: Box<Faults>,
    },
}

impl Store {
    pub(super) async fn open(wanted: Wanted, diary: Diary) -> Result<Self> {
        match wanted {
            Wanted::None => Ok(Self::None),
            #[cfg(unix)]
            Wanted::Own => Ok(Self::Own(Box::new(Redis::create(diary).await?))),
            Wanted::At(url) => {
                let wrong = |reason: &dyn std::fmt::Display| {
                    let expected = "expected something like \"redis://127.0.0.1:6379\"";
                    Error::Redis(format!("`.redis_at(\"{url}\")`: {reason}; {expected}").into())
                };
                let parsed = Url::parse(&url).map_err(|error| wrong(&error))?;
                if parsed.scheme() != "redis" {
                    return Err(wrong(&"its connections cannot be led through the harness"));
                }
                let host = parsed.host_str().ok_or_else(|| wrong(&"it has no host"))?;
                let target = Target::new(host, parsed.port().unwrap_or(6379));
                Ok(Self::At { faults: Box::new(Faults::new(target, diary)), url: parsed })
            }
        }
    }

    /// A way for one node, and the URL that leads there.
    pub(super) fn way(&self) -> Result<Option<(WayToRedis, Arc<str>)>> {
        let (all, url) = match self {
            Self::None => return Ok(None),
            #[cfg(unix)]
            Self::Own(redis) => (redis.faults(), None),
            Self::At { url, faults } => (&**faults, Some(url)),
        };
        let faults = all.apart();
        let relay = faults.relay()?;
        let addr = relay.addr();
        let url = match url {
            None => format!("redis://{addr}"),
            // With its user, password and database.
            Some(url) => {
                let mut url = url.clone();
                let moved =
                    url.set_ip_host(addr.ip()).and_then(|()| url.set_port(Some(addr.port())));
                if moved.is_err() {
                    let reason = format!("`{url}` cannot be led through the harness");
                    return Err(Error::Redis(reason.into()));
                }
                url.into()
            }
        };
        Ok(Some((WayToRedis { faults, relay }, url.into())))
    }

    #[cfg(unix)]
    pub(super) fn own(&self) -> Option<&Redis> {
        match self {
            Self::Own(redis) => Some(redis),
            Self::None | Self::At { .. } => None,
        }
    }

    pub(super) async fn take_down(self) -> Vec<Leftover> {
        match self {
            Self::None => Vec::new(),
            #[cfg(unix)]
            Self::Own(redis) => redis.take_down().await,
            Self::At { faults, .. } => {
                faults.end().await;
                Vec::new()
            }
        }
    }
}
