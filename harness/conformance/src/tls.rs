//! What encrypts the connections to a subject whose URL begins with `https`.

use std::{fmt, io, sync::Arc};

use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        self, ClientConfig, RootCertStore,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

/// The name a server has to prove, and whose word is taken for it.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    name: ServerName<'static>,
    roots: RootCertStore,
    config: Arc<ClientConfig>,
}

impl Tls {
    /// Trusts the certificate authorities that browsers trust.
    pub(crate) fn to(host: &str) -> Result<Self, String> {
        let name = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(name).map_err(|error| error.to_string())?;
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let config = config(&roots);
        Ok(Self { name, roots, config })
    }

    /// Trusts the certificates in `pem`, too.
    pub(crate) fn trust(&mut self, pem: &[u8]) -> Result<(), CertificateError> {
        let before = self.roots.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| CertificateError::new(&error))?;
            self.roots.add(certificate).map_err(|error| CertificateError::new(&error))?;
        }
        if self.roots.len() == before {
            return Err(CertificateError::new(
                &"there is none in PEM, -----BEGIN CERTIFICATE-----",
            ));
        }
        self.config = config(&self.roots);
        Ok(())
    }

    pub(crate) async fn encrypt(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let connector = TlsConnector::from(Arc::clone(&self.config));
        connector.connect(self.name.clone(), stream).await.map_err(explained)
    }
}

fn config(roots: &RootCertStore) -> Arc<ClientConfig> {
    let config = ClientConfig::builder().with_root_certificates(roots.clone());
    Arc::new(config.with_no_client_auth())
}

/// Adds what to do to what rustls says is wrong.
fn explained(error: io::Error) -> io::Error {
    let cause = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    let remedy = match cause {
        Some(rustls::Error::InvalidMessage(_)) => "what answers speaks no TLS",
        Some(rustls::Error::InvalidCertificate(_)) => {
            "one of your own making has to be trusted as a root certificate"
        }
        _ => return error,
    };
    io::Error::new(error.kind(), format!("{error} ({remedy})"))
}

/// What is no certificate, or would be trusted in vain.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("no certificate to trust: {problem}")]
#[non_exhaustive]
pub struct CertificateError {
    /// What is wrong with it.
    pub problem: String,
}

impl CertificateError {
    fn new(problem: &dyn fmt::Display) -> Self {
        Self { problem: problem.to_string() }
    }

    pub(crate) fn without_tls() -> Self {
        Self::new(&"the server is asked without TLS; the URL of one with TLS begins with https")
    }
}
