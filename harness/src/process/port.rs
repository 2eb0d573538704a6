use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};

/// A free port, for a process that has to be told a number.
///
/// Until the server listens on it, nothing but this keeps others from being told the same. It holds
/// the same port of UDP, which [`portpicker`] asks about, too: so tests that run side by side, in
/// other processes as well, never pick one port twice.
#[derive(Debug)]
pub(crate) struct ReservedPort {
    socket: UdpSocket,
}

impl ReservedPort {
    pub(crate) fn pick() -> io::Result<Self> {
        let mut last = io::ErrorKind::AddrInUse.into();
        for _ in 0..ATTEMPTS {
            let port = match portpicker::pick_unused_port() {
                Some(port) => port,
                // It asks for IPv6, which not every machine has.
                None => TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port(),
            };
            match UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) {
                Ok(socket) => return Ok(Self { socket }),
                // Another has picked it at the same moment.
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    pub(crate) fn number(&self) -> io::Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }
}

const ATTEMPTS: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_picked_twice_while_it_is_reserved() {
        let ports: Vec<_> = (0..100).map(|_| ReservedPort::pick().unwrap()).collect();
        let mut numbers: Vec<_> = ports.iter().map(|port| port.number().unwrap()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 100);
        let reserved = numbers[0];
        assert!(!portpicker::is_free(reserved));
        drop(ports);
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, reserved)).is_ok());
    }
}
