//! Keys: a line each, `<name>:<base 64>`; the secret one of seed and public key, as libsodium keeps them.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};

use super::{LineError, Signature, check_name, parse_line};

/// A key that tells whether its secret half made a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: VerifyingKey,
}

impl PublicKey {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether `signature` names this key and was made by its secret half over `message`.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        let bytes = ed25519_dalek::Signature::from_bytes(&signature.bytes);
        signature.key_name == self.name && self.key.verify_strict(message, &bytes).is_ok()
    }
}

impl FromStr for PublicKey {
    type Err = LineError;

    fn from_str(line: &str) -> Result<Self, LineError> {
        let (name, bytes) = parse_line(line)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| LineError::Key)?;
        Ok(Self { name: name.to_owned(), key })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, STANDARD.encode(self.key.as_bytes()))
    }
}

/// A key that signs. Neither its `Debug` nor any error shows it.
pub struct SecretKey {
    name: String,
    key: SigningKey,
}

/// Why no key could be made.
#[derive(Debug, thiserror::Error)]
pub enum SecretKeyError {
    /// A name that no key can have.
    #[error("a key cannot have this name: it is empty, too long, or holds a colon or a space")]
    Name,
    /// The system gave no random bytes.
    #[error("the system gives no random bytes for a key")]
    Random(#[from] getrandom::Error),
}

impl SecretKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// When the name cannot be a key's, or the system has no random bytes.
    pub fn generate(name: &str) -> Result<Self, SecretKeyError> {
        check_name(name).map_err(|_| SecretKeyError::Name)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        Ok(Self { name: name.to_owned(), key: SigningKey::from_bytes(&seed) })
    }

    /// Reads the line of a key file, as `nix-store --generate-binary-cache-key` writes it; a line break behind it is
    /// passed over.
    ///
    /// # Errors
    /// When it is no such line.
    pub fn parse(line: &str) -> Result<Self, LineError> {
        let (name, bytes) = parse_line(line.trim_ascii_end())?;
        let key = SigningKey::from_keypair_bytes(&bytes).map_err(|_| LineError::Key)?;
        Ok(Self { name: name.to_owned(), key })
    }

    /// The line of a key file, without a line break. Who holds it can sign.
    #[must_use]
    pub fn expose(&self) -> String {
        format!("{}:{}", self.name, STANDARD.encode(self.key.to_keypair_bytes()))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The half that everybody may know.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// Signs `message`.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature { key_name: self.name.clone(), bytes: self.key.sign(message).to_bytes() }
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_holds_for_its_key_name_and_message() {
        let key = SecretKey::generate("host-1").unwrap();
        let signature = key.sign(b"message");
        assert!(key.public().verify(b"message", &signature));
        assert!(!key.public().verify(b"messagf", &signature));
        let other = SecretKey::generate("host-1").unwrap();
        assert!(!other.public().verify(b"message", &signature));
        let renamed = PublicKey { name: "host-2".to_owned(), ..key.public() };
        assert!(!renamed.verify(b"message", &signature));
    }

    #[test]
    fn keys_come_back_from_their_lines() {
        let key = SecretKey::generate("host-1").unwrap();
        let read = SecretKey::parse(&format!("{}\n", key.expose())).unwrap();
        assert_eq!((read.name(), read.expose()), ("host-1", key.expose()));
        assert_eq!(key.public().to_string().parse(), Ok(key.public()));
    }

    /// RFC 8032, section 7.1, test 2.
    #[test]
    fn the_published_vector_is_signed_alike() {
        let seed = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
        let public = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
        let expected = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                        085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";
        let line = STANDARD.encode(hex::decode(format!("{seed}{public}")).unwrap());
        let key = SecretKey::parse(&format!("rfc8032:{line}")).unwrap();
        let signature = key.sign(&[0x72]);
        assert_eq!(hex::encode(signature.bytes), expected);
    }

    #[test]
    fn halves_that_do_not_belong_together_are_no_key() {
        let keys = ["a", "b"].map(|name| SecretKey::generate(name).unwrap());
        let [seed, other] = keys.map(|key| key.key.to_keypair_bytes());
        let line = STANDARD.encode([&seed[..32], &other[32..]].concat());
        assert_eq!(SecretKey::parse(&format!("a:{line}")).unwrap_err(), LineError::Key);
    }

    #[test]
    fn a_name_that_would_break_the_line_is_refused() {
        for name in ["", "a:b", "a b", "a\nb"] {
            assert!(matches!(SecretKey::generate(name), Err(SecretKeyError::Name)), "{name:?}");
        }
    }

    #[test]
    fn the_secret_stays_out_of_debug_output() {
        let key = SecretKey::generate("host-1").unwrap();
        assert_eq!(format!("{key:?}"), "SecretKey(host-1)");
    }
}
