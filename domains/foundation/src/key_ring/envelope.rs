//! The text of a sealed value:
//! `v1.<key id>.<nonce>.<wrapped data key>.<nonce>.<ciphertext>`, each part in base64url
//! without padding.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::KeyRingError;

/// Bytes of a nonce of XChaCha20. They are so many that random ones never repeat.
pub(super) const NONCE_BYTES: usize = 24;

const VERSION: &str = "v1";

/// An encrypted text as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(String);

impl Sealed {
    /// A stored text. Whether it is sealed shows when it is opened.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text to store.
    #[must_use]
    pub fn into_stored(self) -> String {
        self.0
    }

    /// The id of the key that encrypts its data key; none if the text is damaged.
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        let mut parts = self.0.split('.');
        (parts.next() == Some(VERSION)).then(|| parts.next()).flatten()
    }

    /// What every text sealed with this key begins with.
    #[must_use]
    pub fn prefix_of(key_id: &str) -> String {
        format!("{VERSION}.{key_id}.")
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({:?})", self.key_id())
    }
}

/// The parts of a sealed text.
pub(super) struct Envelope<'a> {
    pub(super) key_id: &'a str,
    pub(super) wrap_nonce: [u8; NONCE_BYTES],
    pub(super) wrapped: Vec<u8>,
    pub(super) nonce: [u8; NONCE_BYTES],
    pub(super) ciphertext: Vec<u8>,
}

impl<'a> Envelope<'a> {
    /// Reads the parts.
    ///
    /// # Errors
    /// [`KeyRingError::Malformed`].
    pub(super) fn read(sealed: &'a Sealed) -> Result<Self, KeyRingError> {
        let parts: Vec<&str> = sealed.0.split('.').collect();
        let [VERSION, key_id, wrap_nonce, wrapped, nonce, ciphertext] = parts[..] else {
            return Err(KeyRingError::Malformed);
        };
        Ok(Self {
            key_id,
            wrap_nonce: read_nonce(wrap_nonce)?,
            wrapped: decode(wrapped)?,
            nonce: read_nonce(nonce)?,
            ciphertext: decode(ciphertext)?,
        })
    }

    /// Writes the parts.
    pub(super) fn seal(&self) -> Sealed {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        Sealed(format!(
            "{VERSION}.{}.{}.{}.{}.{}",
            self.key_id,
            encode(&self.wrap_nonce),
            encode(&self.wrapped),
            encode(&self.nonce),
            encode(&self.ciphertext)
        ))
    }
}

fn read_nonce(text: &str) -> Result<[u8; NONCE_BYTES], KeyRingError> {
    decode(text)?.try_into().map_err(|_| KeyRingError::Malformed)
}

fn decode(text: &str) -> Result<Vec<u8>, KeyRingError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyRingError::Malformed)
}
