//! Certificates for test servers, issued by a CA of the test.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::NamedTempFile;

/// A CA with its certificate in a file.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: NamedTempFile,
}

/// A certificate and its key, in PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    /// Creates a CA with a new key.
    ///
    /// # Panics
    /// If its certificate cannot be created or written.
    #[must_use]
    pub fn create() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names are good names");
        params.distinguished_name.push(DnType::CommonName, "Authority of a test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, new_key()).expect("a certificate");
        let file = NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), issuer.pem()).expect("a temporary file can be written");
        Self { issuer, file }
    }

    /// The file with its certificate in PEM. It is deleted when the value is dropped.
    #[must_use]
    pub fn file(&self) -> &Path {
        self.file.path()
    }

    /// Its certificate in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for `localhost`.
    pub(crate) fn issue(&self) -> Issued {
        let key = new_key();
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a host's name");
        let certificate = params.signed_by(&key, &*self.issuer).expect("a certificate");
        Issued { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

fn new_key() -> KeyPair {
    KeyPair::generate().expect("a key")
}
