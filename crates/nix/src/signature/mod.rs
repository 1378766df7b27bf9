//! Signatures over path infos: Ed25519, in Nix's lines of `<key name>:<base 64>`.

mod key;

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};

pub use key::{PublicKey, SecretKey, SecretKeyError};

/// Bytes of the longest key name.
pub const MAX_KEY_NAME: usize = 255;

/// Why a line is not a signature or key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// No name and colon in the beginning, or a name with spaces or control characters, or of more than
    /// [`MAX_KEY_NAME`] bytes.
    #[error("it does not begin with the name of a key and a colon")]
    Name,
    /// Something other than base 64, or too few or too many bytes.
    #[error("what follows the key's name is not the base 64 of {wanted} bytes")]
    Bytes {
        /// Bytes that belong there.
        wanted: usize,
    },
    /// Bytes that are no point of the curve, or two halves of a secret key that do not belong together.
    #[error("it is not a key")]
    Key,
}

/// A signature and the name of the key that made it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signature {
    key_name: String,
    bytes: [u8; 64],
}

impl Signature {
    /// The name of the key; whether it is really that key's is another matter.
    #[must_use]
    pub fn key_name(&self) -> &str {
        &self.key_name
    }

    /// Reads a signature from each word of a space-separated list, as Nix's database keeps them. Words that are no
    /// signatures are left out: nobody could ever verify them.
    pub fn from_words(words: &str) -> impl Iterator<Item = Self> {
        words.split_ascii_whitespace().filter_map(|word| word.parse().ok())
    }
}

impl FromStr for Signature {
    type Err = LineError;

    fn from_str(line: &str) -> Result<Self, LineError> {
        let (name, bytes) = parse_line(line)?;
        Ok(Self { key_name: name.to_owned(), bytes })
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.key_name, STANDARD.encode(self.bytes))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({self})")
    }
}

/// Splits `<name>:<base 64 of N bytes>`.
fn parse_line<const N: usize>(line: &str) -> Result<(&str, [u8; N]), LineError> {
    let (name, text) = line.split_once(':').ok_or(LineError::Name)?;
    check_name(name)?;
    let wrong = LineError::Bytes { wanted: N };
    if text.len() != N.div_ceil(3) * 4 {
        return Err(wrong);
    }
    let bytes = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
    Ok((name, bytes.ok_or(wrong)?))
}

fn check_name(name: &str) -> Result<(), LineError> {
    let good = (1..=MAX_KEY_NAME).contains(&name.len())
        && !name.contains(|c: char| c == ':' || c.is_whitespace() || c.is_control());
    good.then_some(()).ok_or(LineError::Name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(name: &str, bytes: usize) -> String {
        format!("{name}:{}", STANDARD.encode(vec![7; bytes]))
    }

    #[test]
    fn a_signature_is_a_name_and_sixty_four_bytes() {
        let text = line("cache.nixos.org-1", 64);
        let signature: Signature = text.parse().unwrap();
        assert_eq!((signature.key_name(), signature.to_string()), ("cache.nixos.org-1", text));
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        for name in ["", " ", "a b", "a\n", &"x".repeat(MAX_KEY_NAME + 1)] {
            assert_eq!(line(name, 64).parse::<Signature>(), Err(LineError::Name), "{name:?}");
        }
        let bytes = LineError::Bytes { wanted: 64 };
        for text in [line("a", 63), line("a", 65), line("a", 0), line("a:b", 64), line("a", 64) + "\n"] {
            assert_eq!(text.parse::<Signature>(), Err(bytes), "{text}");
        }
        assert_eq!("a".parse::<Signature>(), Err(LineError::Name));
    }

    #[test]
    fn a_list_is_read_without_what_is_no_signature() {
        let (a, b) = (line("a", 64), line("b", 64));
        let read: Vec<_> = Signature::from_words(&format!("{a} nonsense  {b} "))
            .map(|signature| signature.to_string())
            .collect();
        assert_eq!(read, [a, b]);
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "[a-z:]{0,3}:?.{0,90}") {
            let _ = text.parse::<Signature>();
            let _ = text.parse::<PublicKey>();
            let _ = SecretKey::parse(&text);
        }
    }
}
