//! TLS 1.3 with pinned keys on both sides.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crypto::signature::PublicKey;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, ServerConfig,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client, server};

use crate::error::NetError;
use crate::identity::{Identity, key_of};

/// Which keys may pass, and the last one that was turned away.
#[derive(Debug, Default)]
pub(crate) struct Pins {
    state: Mutex<PinState>,
}

#[derive(Debug, Default)]
struct PinState {
    /// With multiplicity: several conversations may wait for one peer.
    allowed: Vec<PublicKey>,
    turned_away: Option<String>,
}

impl Pins {
    pub(crate) fn allow(&self, key: PublicKey) {
        let mut state = self.state();
        state.allowed.push(key);
        // Who knocked before is not why the new peer does not come.
        state.turned_away = None;
    }

    pub(crate) fn forget(&self, key: PublicKey) {
        let mut state = self.state();
        if let Some(index) = state.allowed.iter().position(|allowed| *allowed == key) {
            state.allowed.swap_remove(index);
        }
    }

    /// What the last stranger presented, for the error of whoever waits in vain.
    pub(crate) fn turned_away(&self) -> Option<String> {
        self.state().turned_away.clone()
    }

    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        let key = key_of(certificate);
        let mut state = self.state();
        if key.is_some_and(|key| state.allowed.contains(&key)) {
            return Ok(());
        }
        let seen = key.map_or_else(|| "no Ed25519 key".to_owned(), |key| key.to_string());
        state.turned_away = Some(seen);
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, PinState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose handshake passes.
#[derive(Clone, Debug)]
pub(crate) enum Admitted {
    /// Who holds one of these keys.
    Pinned(Arc<Pins>),
    /// Who holds the key that it presents, whichever it is: what that key may do is decided later.
    AnyKey,
}

impl Admitted {
    fn check(&self, certificate: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        match self {
            Self::Pinned(pins) => pins.check(certificate),
            Self::AnyKey if key_of(certificate).is_some() => Ok(()),
            Self::AnyKey => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }
}

/// Connects TLS over `stream` to a server that holds the key `expected`, under the name
/// `server_name`, which a port before it may look at.
pub(crate) async fn connect(
    stream: TcpStream,
    identity: &Identity,
    peer: &str,
    expected: PublicKey,
    server_name: &str,
) -> Result<client::TlsStream<TcpStream>, NetError> {
    let (config, pins) = client(identity, expected)?;
    let name = ServerName::try_from(server_name.to_owned())
        .map_err(|error| NetError::InvalidInput { what: error.to_string() })?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| {
        let peer = peer.to_owned();
        match pins.turned_away() {
            Some(seen) => NetError::IdentityMismatch { peer, expected: expected.to_string(), seen },
            None => NetError::Unreachable { peer, cause: format!("TLS failed: {error}") },
        }
    })
}

/// What the dialling side speaks to a server that holds the key `expected`, and the pins that
/// remember who else was met.
pub(crate) fn client(
    identity: &Identity,
    expected: PublicKey,
) -> Result<(ClientConfig, Arc<Pins>), NetError> {
    let pins = Arc::new(Pins::default());
    pins.allow(expected);
    let provider = provider();
    let admitted = Admitted::Pinned(Arc::clone(&pins));
    let verifier = Verifier { admitted, provider: Arc::clone(&provider) };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| tls_error(&error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_auth_cert(vec![identity.certificate()], identity.tls_key()?)
        .map_err(|error| tls_error(&error))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok((config, pins))
}

/// What the accepting side speaks: clients must be `admitted`.
pub(crate) fn server(
    identity: &Identity,
    admitted: Admitted,
) -> Result<Arc<ServerConfig>, NetError> {
    let provider = provider();
    let verifier = Verifier { admitted, provider: Arc::clone(&provider) };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| tls_error(&error))?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(vec![identity.certificate()], identity.tls_key()?)
        .map_err(|error| tls_error(&error))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed handshake would skip the look at the pins, which may have changed meanwhile.
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// The key that the client of an accepted connection holds.
pub(crate) fn client_key(stream: &server::TlsStream<TcpStream>) -> io::Result<PublicKey> {
    let certificates = stream.get_ref().1.peer_certificates();
    let key = certificates.and_then(<[_]>::first).and_then(key_of);
    key.ok_or_else(|| io::Error::other("the client presented no Ed25519 key"))
}

/// Trust is a pinned key: names, issuers and dates in certificates mean nothing here.
struct Verifier {
    admitted: Admitted,
    provider: Arc<CryptoProvider>,
}

impl Verifier {
    fn verify(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Verifier").field("admitted", &self.admitted).finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.admitted.check(end_entity).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(only_tls13())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.admitted.check(end_entity).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(only_tls13())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verify(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ED25519]
    }
}

const ALPN: &[u8] = b"h2";

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// TLS 1.2 is not offered, so this is never asked for.
fn only_tls13() -> rustls::Error {
    rustls::Error::General("only TLS 1.3 is spoken here".to_owned())
}

fn tls_error(error: &rustls::Error) -> NetError {
    NetError::Identity { what: "could not set up TLS".to_owned(), cause: error.to_string() }
}
