use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use crate::{Error, Result};

/// A port of 127.0.0.1 for a server that is to come back at its address, or is not there at all.
///
/// The free port that an app gets is anybody's as soon as the app is closed: in a run of many tests,
/// a client that tries again may meet the server of another. This one is given to nobody else while
/// it is held: it lies outside the range from which operating systems choose free ports, and whoever
/// reserves one finds it taken, or asks [`portpicker`], in this process or in another. Only a program
/// that was told this very number could still listen there.
///
/// ```
/// # use socketio_fixtures::hello::router as my_server;
/// use socketio_harness::{
///     Reconnection, ReservedPort, Result, close, create_app, create_socketio_client,
/// };
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result {
/// let port = ReservedPort::pick()?;
/// let app = create_app(my_server()).port(port.number()).await?;
/// let client = create_socketio_client(&app).reconnection(Reconnection::new()).await?;
/// close(app).disconnect_clients().await?;
///
/// let app = create_app(my_server()).port(port.number()).await?;
/// client.connection_events().reconnected().await?;
/// # client.close().await?;
/// # close(app).await
/// # }
/// ```
#[derive(Debug)]
pub struct ReservedPort {
    number: u16,
    /// The same port of UDP, which portpicker asks about, too.
    _held: UdpSocket,
}

impl ReservedPort {
    /// Reserves a port on which nobody listens.
    ///
    /// Fails with [`Error::Listen`] if none is found.
    pub fn pick() -> Result<Self> {
        let mut last = io::ErrorKind::AddrInUse.into();
        for _ in 0..ATTEMPTS {
            match Self::try_pick() {
                Ok(port) => return Ok(port),
                // Another has picked it at the same moment.
                Err(error) => last = error,
            }
        }
        Err(Error::Listen { addr: (Ipv4Addr::LOCALHOST, 0).into(), source: last })
    }

    fn try_pick() -> io::Result<Self> {
        let number = match portpicker::pick_unused_port() {
            Some(number) => number,
            // It asks for IPv6, which not every machine has.
            None => fastrand::u16(RANGE),
        };
        let held = UdpSocket::bind((Ipv4Addr::LOCALHOST, number))?;
        // Last: on a port that somebody holds, nobody listens for a moment either.
        TcpListener::bind((Ipv4Addr::LOCALHOST, number))?;
        Ok(Self { number, _held: held })
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// From which portpicker picks, too. Systems choose their own from 32768 or 49152 on.
const RANGE: std::ops::Range<u16> = 15_000..25_000;
const ATTEMPTS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_picked_twice_while_it_is_reserved() {
        let ports: Vec<_> = (0..100).map(|_| ReservedPort::pick().unwrap()).collect();
        let mut numbers: Vec<_> = ports.iter().map(ReservedPort::number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 100);
        let reserved = numbers[0];
        assert!(!portpicker::is_free(reserved));
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, reserved)).is_ok());
    }
}
