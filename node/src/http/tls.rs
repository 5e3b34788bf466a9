//! The certificate that browsers are shown.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use crypto::hash::hex;
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::HttpError;
use crate::config::PeopleConfig;

/// Makes the node's own certificate in its folder, unless there is one. It names this machine.
pub fn make_certificate(folder: &Path, listen: std::net::SocketAddr) -> Result<(), HttpError> {
    let (certificate_path, key_path) = own_paths(folder);
    if key_path.exists() {
        return Ok(());
    }
    let failed = |error: rcgen::Error| HttpError::Certificate(error.to_string());
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if !listen.ip().is_unspecified() && !listen.ip().is_loopback() {
        names.push(listen.ip().to_string());
    }
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if !host.trim().is_empty() && host.trim() != "(none)" {
        names.push(host.trim().to_owned());
    }
    // P-256, because browsers take no Ed25519.
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).map_err(failed)?;
    let mut parameters = rcgen::CertificateParams::new(names).map_err(failed)?;
    parameters.distinguished_name = rcgen::DistinguishedName::new();
    parameters.distinguished_name.push(rcgen::DnType::CommonName, "Tombolo node");
    let certificate = parameters.self_signed(&key).map_err(failed)?;
    let failed = |error: std::io::Error| HttpError::Certificate(error.to_string());
    // The certificate first: the key is what says that both are there.
    fs::write(&certificate_path, certificate.pem()).map_err(failed)?;
    let mut options = fs::OpenOptions::new();
    let mut file =
        options.write(true).create_new(true).mode(0o600).open(&key_path).map_err(failed)?;
    file.write_all(key.serialize_pem().as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

/// TLS for the people's listener, and the SHA-256 fingerprint of the certificate.
pub(super) fn server_config(
    folder: &Path,
    people: &PeopleConfig,
) -> Result<(Arc<ServerConfig>, String), HttpError> {
    let (certificates, key) = load(folder, people)?;
    let fingerprint = fingerprint_of(&certificates)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key));
    let mut config = config.map_err(|error| HttpError::Certificate(error.to_string()))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok((Arc::new(config), fingerprint))
}

/// The SHA-256 fingerprint of the certificate that browsers will be shown.
pub fn fingerprint(folder: &Path, people: &PeopleConfig) -> Result<String, HttpError> {
    fingerprint_of(&load(folder, people)?.0)
}

type Chain = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn load(folder: &Path, people: &PeopleConfig) -> Result<Chain, HttpError> {
    let (certificate_path, key_path) =
        people.certificate.clone().unwrap_or_else(|| own_paths(folder));
    let wrong = |path: &Path, error: rustls_pki_types::pem::Error| {
        HttpError::Certificate(format!("{}: {error}", path.display()))
    };
    let certificates = CertificateDer::pem_file_iter(&certificate_path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(&certificate_path, error))?;
    let key = PrivateKeyDer::from_pem_file(&key_path).map_err(|error| wrong(&key_path, error))?;
    Ok((certificates, key))
}

fn fingerprint_of(certificates: &[CertificateDer<'_>]) -> Result<String, HttpError> {
    let first = certificates.first();
    let first = first.ok_or_else(|| HttpError::Certificate("the file holds none".to_owned()))?;
    let digest = ring::digest::digest(&ring::digest::SHA256, first);
    let bytes: Vec<String> = digest.as_ref().iter().map(|byte| hex(&[*byte])).collect();
    Ok(bytes.join(":").to_uppercase())
}

fn own_paths(folder: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    (folder.join("people-certificate.pem"), folder.join("people-key.pem"))
}
