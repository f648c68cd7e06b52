//! The key ring: it encrypts what must be read again, such as the credentials of integrations.
//!
//! Each text is encrypted with a data key of its own (XChaCha20-Poly1305, random nonce), and
//! the data key with a key of the ring. The first key of the ring encrypts, all of them
//! decrypt. So a rotation encrypts only data keys again ([`KeyRing::rewrap`]), without reading
//! what they protect. What a text belongs to ([`Aad`]) is authenticated with it: a row that is
//! copied to another owner, or an earlier row that is put back, does not open.

mod envelope;

use std::{fmt, sync::Arc};

use chacha20poly1305::{
    Key, KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use secrecy::{
    ExposeSecret, SecretString,
    zeroize::{Zeroize, Zeroizing},
};
use uuid::Uuid;

pub use envelope::Sealed;
use envelope::{Envelope, NONCE_BYTES};

/// Bytes of each key of the ring and of each data key.
pub const KEY_BYTES: usize = 32;

/// What a sealed text belongs to. It opens only with the same values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aad<'a> {
    /// What it is for, such as `credential`.
    pub purpose: &'a str,
    /// The id of its row.
    pub id: Uuid,
    /// The owner of the row.
    pub owner: Uuid,
    /// The type of the row, if there are several.
    pub kind: &'a str,
    /// The revision of the row, which each change raises.
    pub revision: i64,
}

impl Aad<'_> {
    /// The authenticated bytes. Texts carry their length, so that different values never give
    /// the same bytes.
    fn bytes(&self) -> Vec<u8> {
        let Self { purpose, id, owner, kind, revision } = self;
        format!("{}:{purpose}|{id}|{owner}|{}:{kind}|{revision}", purpose.len(), kind.len()).into_bytes()
    }
}

/// Why a text was not sealed or opened. No error contains a key or a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyRingError {
    /// The ring has no key.
    #[error("there is no key for credentials: set CREDENTIAL_KEYS")]
    NoKey,
    /// The text was sealed with a key that the ring does not have.
    #[error("the key {0:?} is not in CREDENTIAL_KEYS")]
    UnknownKey(String),
    /// The text is no envelope of this version.
    #[error("the sealed text is damaged")]
    Malformed,
    /// The key is there, but the text was changed or belongs to something else.
    #[error("the sealed text does not belong here or was changed")]
    Refused,
}

/// A key of the ring with its id.
struct RingKey {
    id: String,
    cipher: XChaCha20Poly1305,
}

/// The keys of an installation. Cheap to clone.
#[derive(Clone, Default)]
pub struct KeyRing(Arc<[RingKey]>);

impl KeyRing {
    /// A ring of these keys with their ids, of which the first one encrypts. The settings check
    /// that ids are unique, have 1 to 32 letters, digits, `-` and `_`, and that there is a key.
    pub fn new<'k>(keys: impl IntoIterator<Item = (String, &'k [u8; KEY_BYTES])>) -> Self {
        let keys = keys.into_iter().map(|(id, key)| RingKey { id, cipher: cipher(key) });
        Self(keys.collect())
    }

    /// Whether the ring can seal.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The id of the key that encrypts.
    ///
    /// # Errors
    /// [`KeyRingError::NoKey`].
    pub fn writing_key(&self) -> Result<&str, KeyRingError> {
        self.first().map(|key| key.id.as_str())
    }

    /// The ids of all keys, the one that encrypts first.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.id.as_str())
    }

    /// Encrypts a text that belongs to `aad`.
    ///
    /// # Errors
    /// [`KeyRingError::NoKey`].
    pub fn seal(&self, aad: &Aad<'_>, plain: &SecretString) -> Result<Sealed, KeyRingError> {
        let key = self.first()?;
        let data_key = Zeroizing::new(rand::random::<[u8; KEY_BYTES]>());
        let (wrap_nonce, wrapped) = wrap(key, &data_key)?;
        let nonce = rand::random();
        let ciphertext = encrypt(&cipher(&data_key), &nonce, plain.expose_secret().as_bytes(), &aad.bytes())?;
        Ok(Envelope { key_id: &key.id, wrap_nonce, wrapped, nonce, ciphertext }.seal())
    }

    /// Decrypts a text that was sealed for the same `aad`.
    ///
    /// # Errors
    /// All but [`KeyRingError::NoKey`].
    pub fn open(&self, aad: &Aad<'_>, sealed: &Sealed) -> Result<SecretString, KeyRingError> {
        let envelope = Envelope::read(sealed)?;
        let data_key = self.unwrap(&envelope)?;
        let plain = decrypt(&cipher(&data_key), &envelope.nonce, &envelope.ciphertext, &aad.bytes())?;
        String::from_utf8(plain).map(SecretString::from).map_err(|error| {
            error.into_bytes().zeroize();
            KeyRingError::Refused
        })
    }

    /// Encrypts the data key of a text with the first key of the ring; the text itself stays as
    /// it is. None if the first key has encrypted it already.
    ///
    /// # Errors
    /// All of them; [`KeyRingError::Refused`] if the data key was changed.
    pub fn rewrap(&self, sealed: &Sealed) -> Result<Option<Sealed>, KeyRingError> {
        let key = self.first()?;
        let envelope = Envelope::read(sealed)?;
        if envelope.key_id == key.id {
            return Ok(None);
        }
        let data_key = self.unwrap(&envelope)?;
        let (wrap_nonce, wrapped) = wrap(key, &data_key)?;
        Ok(Some(Envelope { key_id: &key.id, wrap_nonce, wrapped, ..envelope }.seal()))
    }

    fn first(&self) -> Result<&RingKey, KeyRingError> {
        self.0.first().ok_or(KeyRingError::NoKey)
    }

    fn unwrap(&self, envelope: &Envelope<'_>) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyRingError> {
        let key = self.0.iter().find(|key| key.id == envelope.key_id);
        let key = key.ok_or_else(|| KeyRingError::UnknownKey(envelope.key_id.to_owned()))?;
        let data_key = decrypt(&key.cipher, &envelope.wrap_nonce, &envelope.wrapped, &wrap_aad(&key.id))?;
        let data_key = Zeroizing::new(data_key);
        let data_key: &[u8; KEY_BYTES] = data_key.as_slice().try_into().map_err(|_| KeyRingError::Refused)?;
        Ok(Zeroizing::new(*data_key))
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.key_ids()).finish()
    }
}

fn cipher(key: &[u8; KEY_BYTES]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&Key::from(*key))
}

fn wrap(key: &RingKey, data_key: &[u8; KEY_BYTES]) -> Result<([u8; NONCE_BYTES], Vec<u8>), KeyRingError> {
    let nonce = rand::random();
    let wrapped = encrypt(&key.cipher, &nonce, data_key, &wrap_aad(&key.id))?;
    Ok((nonce, wrapped))
}

/// What a wrapped data key is authenticated with. The texts' own data is not in it, so that a
/// rotation needs nothing but the sealed text.
fn wrap_aad(key_id: &str) -> Vec<u8> {
    format!("atelier data key v1|{key_id}").into_bytes()
}

fn encrypt(
    cipher: &XChaCha20Poly1305,
    nonce: &[u8; NONCE_BYTES],
    plain: &[u8],
    aad: &[u8],
) -> Result<Vec<u8>, KeyRingError> {
    let payload = Payload { msg: plain, aad };
    cipher.encrypt(&XNonce::from(*nonce), payload).map_err(|_| KeyRingError::Refused)
}

fn decrypt(
    cipher: &XChaCha20Poly1305,
    nonce: &[u8; NONCE_BYTES],
    ciphertext: &[u8],
    aad: &[u8],
) -> Result<Vec<u8>, KeyRingError> {
    let payload = Payload { msg: ciphertext, aad };
    cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| KeyRingError::Refused)
}

#[cfg(test)]
mod tests;
