//! Signatures of JSON web tokens: HS256 for our own tokens, ES256 for Apple. The library's own
//! set of algorithms would bring a second generation of cryptographic libraries, for keys that
//! nobody here has.

use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey, EncodingKey,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{Error, ErrorKind},
    signature::{self, Signer, Verifier},
};
use p256::{
    ecdsa::{self, signature::Signer as _, signature::Verifier as _},
    pkcs8::DecodePrivateKey,
};
use sha2::Sha256;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: new_signer,
    verifier_factory: new_verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Sets the algorithms of this process. Whoever signs or verifies tokens calls it first; only
/// the first call has an effect.
pub fn ensure_algorithms() {
    // An error says that they are set already.
    let _ = PROVIDER.install_default();
}

fn new_signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => Ok(Box::new(Hs256::new(key.as_bytes())?)),
        (Algorithm::ES256, AlgorithmFamily::Ec) => {
            let key = ecdsa::SigningKey::from_pkcs8_der(key.as_bytes());
            Ok(Box::new(Es256Signer(key.map_err(|_| ErrorKind::InvalidEcdsaKey)?)))
        }
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

fn new_verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let bytes = key.try_get_as_bytes()?;
    match (algorithm, key.family()) {
        (Algorithm::HS256, AlgorithmFamily::Hmac) => Ok(Box::new(Hs256::new(bytes)?)),
        (Algorithm::ES256, AlgorithmFamily::Ec) => {
            let key = ecdsa::VerifyingKey::from_sec1_bytes(bytes);
            Ok(Box::new(Es256Verifier(key.map_err(|_| ErrorKind::InvalidEcdsaKey)?)))
        }
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

/// HMAC with SHA-256 (RFC 7518, 3.2).
struct Hs256(Hmac<Sha256>);

impl Hs256 {
    fn new(secret: &[u8]) -> Result<Self, Error> {
        Hmac::new_from_slice(secret).map(Self).map_err(|_| ErrorKind::InvalidKeyFormat.into())
    }
}

impl Signer<Vec<u8>> for Hs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        Ok(self.0.clone().chain_update(message).finalize().into_bytes().to_vec())
    }
}

impl Verifier<Vec<u8>> for Hs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let mac = self.0.clone().chain_update(message);
        mac.verify_slice(signature).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

impl JwtVerifier for Hs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::HS256
    }
}

/// ECDSA with P-256 and SHA-256 (RFC 7518, 3.4).
struct Es256Signer(ecdsa::SigningKey);

impl Signer<Vec<u8>> for Es256Signer {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let signed: Result<ecdsa::Signature, _> = self.0.try_sign(message);
        signed.map(|signature| signature.to_bytes().to_vec()).map_err(|_| signature::Error::new())
    }
}

impl JwtSigner for Es256Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

struct Es256Verifier(ecdsa::VerifyingKey);

impl Verifier<Vec<u8>> for Es256Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        let signature = ecdsa::Signature::from_slice(signature).map_err(|_| signature::Error::new())?;
        self.0.verify(message, &signature).map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Es256Verifier {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{Header, Validation, crypto};
    use serde_json::{Value, json};

    use super::*;

    /// Test case 2 of RFC 4231, with its result as base64url.
    const KEY: &[u8] = b"Jefe";
    const MESSAGE: &[u8] = b"what do ya want for nothing?";
    const SIGNATURE: &str = "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM";

    #[test]
    fn signs_and_verifies_the_example_of_the_rfc() {
        ensure_algorithms();
        let signed = crypto::sign(MESSAGE, &EncodingKey::from_secret(KEY), Algorithm::HS256);
        assert_eq!(signed.expect("signed"), SIGNATURE);

        let verify = |signature: &str, message: &[u8], key: &[u8]| {
            crypto::verify(signature, message, &DecodingKey::from_secret(key), Algorithm::HS256)
                .expect("verified")
        };
        assert!(verify(SIGNATURE, MESSAGE, KEY));
        assert!(!verify(SIGNATURE, b"what do you want for nothing?", KEY));
        assert!(!verify(SIGNATURE, MESSAGE, b"jefe"));
        assert!(!verify(&SIGNATURE[..20], MESSAGE, KEY));
    }

    #[test]
    fn refuses_other_algorithms_and_keys_of_another_family() {
        ensure_algorithms();
        let secret = EncodingKey::from_secret(b"0123456789abcdef0123456789abcdef");
        for algorithm in [Algorithm::HS512, Algorithm::ES256, Algorithm::RS256] {
            let signed = jsonwebtoken::encode(&Header::new(algorithm), &json!({"sub": "me"}), &secret);
            assert!(signed.is_err(), "{algorithm:?}");
        }
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &json!({"sub": "me"}), &secret);
        let mut validation = Validation::new(Algorithm::HS512);
        validation.set_required_spec_claims::<&str>(&[]);
        let key = DecodingKey::from_secret(b"0123456789abcdef0123456789abcdef");
        assert!(jsonwebtoken::decode::<Value>(&token.expect("signed"), &key, &validation).is_err());
    }
}
