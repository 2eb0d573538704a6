use std::io;
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use crate::connector::{Connecting, Connector, Transit, connecting};
use crate::{Error, Result};

/// Encrypts what another connector opens.
pub(crate) struct Tls {
    inner: Arc<dyn Connector>,
    config: Arc<ClientConfig>,
}

impl Tls {
    /// Trusts the certificate authorities that browsers trust, and `roots`, as PEM.
    pub(crate) fn new(inner: Arc<dyn Connector>, roots: &[Vec<u8>]) -> Result<Self> {
        let mut store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for pem in roots {
            add(&mut store, pem)?;
        }
        let config = ClientConfig::builder().with_root_certificates(store).with_no_client_auth();
        Ok(Self { inner, config: Arc::new(config) })
    }
}

impl Connector for Tls {
    fn connect<'a>(&'a self, host: &'a str, port: u16) -> Connecting<'a> {
        connecting(async move {
            let stream = self.inner.connect(host, port).await?;
            let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let name = ServerName::try_from(name)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
            let connector = TlsConnector::from(Arc::clone(&self.config));
            connector.connect(name, stream).await.map_err(explained)
        })
    }

    fn is_in_memory(&self) -> bool {
        self.inner.is_in_memory()
    }

    fn transit(&self) -> Transit {
        self.inner.transit()
    }
}

/// Adds what to do to what rustls says is wrong.
fn explained(error: io::Error) -> io::Error {
    let cause = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    let remedy = match cause {
        Some(rustls::Error::InvalidMessage(_)) => {
            "what answers speaks no TLS: the URL of a plain server begins with http"
        }
        Some(rustls::Error::InvalidCertificate(_)) => {
            "a certificate of your own making is trusted with .root_certificate(pem)"
        }
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{error}\n  {remedy}"))
}

fn add(store: &mut RootCertStore, pem: &[u8]) -> Result {
    let invalid = |reason: String| Error::InvalidOption {
        what: "root certificate",
        value: String::from_utf8_lossy(pem).chars().take(40).collect(),
        reason,
    };
    let mut found = false;
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| invalid(error.to_string()))?;
        store.add(certificate).map_err(|error| invalid(error.to_string()))?;
        found = true;
    }
    if found { Ok(()) } else { Err(invalid("expected a certificate in PEM".into())) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connector::TcpConnector;

    struct Memory;

    impl Connector for Memory {
        fn connect<'a>(&'a self, _host: &'a str, _port: u16) -> Connecting<'a> {
            connecting(async { Ok(tokio::io::duplex(64).0) })
        }

        fn is_in_memory(&self) -> bool {
            true
        }

        fn transit(&self) -> Transit {
            Transit { begun: 7, under_way: 3 }
        }
    }

    #[test]
    fn what_the_connector_tells_of_its_streams_holds_for_encrypted_ones() {
        let tls = Tls::new(Arc::new(Memory), &[]).unwrap();
        assert!(tls.is_in_memory());
        assert_eq!(tls.transit(), Transit { begun: 7, under_way: 3 });
    }

    #[test]
    fn a_root_that_is_no_certificate_is_named() {
        for pem in ["", "not a certificate"] {
            let roots = [pem.as_bytes().to_vec()];
            let error = Tls::new(Arc::new(TcpConnector), &roots).err().unwrap().to_string();
            assert!(error.contains("expected a certificate in PEM"), "{error}");
        }
    }
}
