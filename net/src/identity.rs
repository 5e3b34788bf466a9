//! Who a party is: an Ed25519 key of its own making, known to partners by its public half.

use std::fmt;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crypto::password::Cost;
use crypto::random::Generator;
use crypto::sealed;
use crypto::signature::PublicKey;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::error::NetError;

/// A party's key and the self-signed certificate that carries it. Shows no secret in `Debug`.
pub struct Identity {
    key_pem: Zeroizing<String>,
    signer: Ed25519KeyPair,
    certificate: CertificateDer<'static>,
    certificate_pem: String,
    public_key: PublicKey,
}

impl Identity {
    /// Makes a new identity. The certificate names `party`, for people who look at it; partners
    /// trust the key alone, so it never expires.
    pub fn generate(party: &str) -> Result<Self, NetError> {
        let what = "could not make a key and certificate";
        let failed = |error: rcgen::Error| identity_error(what, &error);
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).map_err(failed)?;
        let mut parameters =
            rcgen::CertificateParams::new(vec![TLS_NAME.to_owned()]).map_err(failed)?;
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, party);
        let certificate = parameters.self_signed(&key).map_err(failed)?;
        Self::from_pem(Zeroizing::new(key.serialize_pem()), certificate.pem())
    }

    /// Reads `key.pem` and `certificate.pem` from a folder. A key file that others may read is
    /// refused, and so is one under a passphrase.
    pub fn load(folder: &Path) -> Result<Self, NetError> {
        Self::load_sealed(folder, None)
    }

    /// Like [`Identity::load`], for a key that may be under a passphrase.
    pub fn load_sealed(folder: &Path, passphrase: Option<&str>) -> Result<Self, NetError> {
        let key_path = folder.join(KEY_FILE);
        let what = format!("could not read the key {}", key_path.display());
        let metadata = fs::metadata(&key_path).map_err(|error| identity_error(&what, &error))?;
        if metadata.permissions().mode() & 0o077 != 0 {
            let cause = "other users may read it; set its permissions to 0600";
            return Err(identity_error(&what, &cause));
        }
        let key = fs::read_to_string(&key_path).map_err(|error| identity_error(&what, &error))?;
        let key = match (sealed::is_sealed(&key), passphrase) {
            (false, _) => Zeroizing::new(key),
            (true, None) => {
                let cause = "it is under a passphrase, and none was given";
                return Err(identity_error(&what, &cause));
            }
            (true, Some(passphrase)) => {
                let opened = sealed::open(&key, passphrase);
                let opened = opened.map_err(|error| identity_error(&what, &error))?;
                let text = std::str::from_utf8(&opened);
                let text = text.map_err(|error| identity_error(&what, &error))?;
                Zeroizing::new(text.to_owned())
            }
        };
        let path = folder.join(CERTIFICATE_FILE);
        let what = format!("could not read the certificate {}", path.display());
        let certificate =
            fs::read_to_string(&path).map_err(|error| identity_error(&what, &error))?;
        Self::from_pem(key, certificate)
    }

    /// Writes `key.pem` (permissions 0600) and `certificate.pem` into a folder, which is made if
    /// need be. An existing key is never overwritten.
    pub fn save(&self, folder: &Path) -> Result<(), NetError> {
        self.write(folder, &self.key_pem)
    }

    /// Like [`Identity::save`], with the key under a passphrase that every start needs: who copies
    /// the file has to guess it, at `cost` each time.
    pub fn save_sealed(
        &self,
        folder: &Path,
        passphrase: &str,
        cost: Cost,
        rng: &mut Generator,
    ) -> Result<(), NetError> {
        let sealed = sealed::seal(self.key_pem.as_bytes(), passphrase, cost, rng);
        let sealed = sealed.map_err(|error| identity_error("could not seal the key", &error))?;
        self.write(folder, &sealed)
    }

    fn write(&self, folder: &Path, key: &str) -> Result<(), NetError> {
        let what = format!("could not write the identity into {}", folder.display());
        let failed = |error: std::io::Error| identity_error(&what, &error);
        fs::create_dir_all(folder).map_err(failed)?;
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(folder.join(KEY_FILE)).map_err(failed)?;
        file.write_all(key.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::write(folder.join(CERTIFICATE_FILE), &self.certificate_pem).map_err(failed)
    }

    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// Signs a statement; 64 bytes.
    pub fn sign(&self, statement: &[u8]) -> Vec<u8> {
        self.signer.sign(statement).as_ref().to_vec()
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    pub(crate) fn tls_key(&self) -> Result<PrivateKeyDer<'static>, NetError> {
        PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes())
            .map_err(|error| identity_error("could not read the key", &error))
    }

    fn from_pem(key_pem: Zeroizing<String>, certificate_pem: String) -> Result<Self, NetError> {
        let what = "could not read the key";
        let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())
            .map_err(|error| identity_error(what, &error))?;
        let signer = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_der())
            .map_err(|error| identity_error(what, &error))?;
        let what = "could not read the certificate";
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
            .map_err(|error| identity_error(what, &error))?;
        let public_key =
            key_of(&certificate).ok_or_else(|| identity_error(what, &"it holds no Ed25519 key"))?;
        if signer.public_key().as_ref() != public_key.as_bytes() {
            return Err(identity_error(what, &"it belongs to another key than the one beside it"));
        }
        Ok(Self { key_pem, signer, certificate, certificate_pem, public_key })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Identity").field(&self.public_key).finish_non_exhaustive()
    }
}

/// The key that a certificate carries; `None` unless it is an Ed25519 key.
pub(crate) fn key_of(certificate: &CertificateDer<'_>) -> Option<PublicKey> {
    let parsed = rustls::server::ParsedCertificate::try_from(certificate).ok()?;
    let info = parsed.subject_public_key_info();
    let key = info.strip_prefix(ED25519_INFO_PREFIX)?;
    key.try_into().ok().map(PublicKey::new)
}

/// The name in every certificate and in every TLS handshake: it tells nothing, keys do.
pub(crate) const TLS_NAME: &str = "tombolo";
const KEY_FILE: &str = "key.pem";
const CERTIFICATE_FILE: &str = "certificate.pem";
/// DER of `SubjectPublicKeyInfo` for Ed25519 before the 32 bytes of the key (RFC 8410, section 4).
const ED25519_INFO_PREFIX: &[u8] =
    &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

fn identity_error(what: &str, cause: &dyn fmt::Display) -> NetError {
    NetError::Identity { what: what.to_owned(), cause: cause.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_survives_the_disk_and_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::generate("bank").unwrap();
        identity.save(folder.path()).unwrap();
        let mode = fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = Identity::load(folder.path()).unwrap();
        assert_eq!(again.public_key(), identity.public_key());
        let other = Identity::generate("bank").unwrap();
        assert!(matches!(other.save(folder.path()), Err(NetError::Identity { .. })));
        assert!(again.public_key().verify(b"statement", &identity.sign(b"statement")));
        assert!(!again.public_key().verify(b"statement", &other.sign(b"statement")));
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        Identity::generate("bank").unwrap().save(folder.path()).unwrap();
        let key = folder.path().join(KEY_FILE);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Identity::load(folder.path()).unwrap_err();
        assert!(error.to_string().contains("0600"), "{error}");
    }

    #[test]
    fn a_sealed_key_needs_its_passphrase() {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity::generate("bank").unwrap();
        let mut rng = Generator::from_seed([4; 32]);
        identity.save_sealed(folder.path(), "open sesame", Cost::TEST, &mut rng).unwrap();
        let text = fs::read_to_string(folder.path().join(KEY_FILE)).unwrap();
        assert!(!text.contains("PRIVATE KEY"), "{text}");
        let error = Identity::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("passphrase"), "{error}");
        assert!(Identity::load_sealed(folder.path(), Some("open sesama")).is_err());
        let again = Identity::load_sealed(folder.path(), Some("open sesame")).unwrap();
        assert_eq!(again.public_key(), identity.public_key());
    }
}
