//! Reading hashes.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Algorithm, Digest, HashError};
use crate::nix32;

impl Digest {
    /// Reads a hash that says what it is: `NAME:` and any encoding, or SRI.
    ///
    /// # Errors
    /// When it is none of these; letters in base 16 may have either case, all else is written in one way.
    pub fn parse(text: &str) -> Result<Self, HashError> {
        if let Some((name, digest)) = text.split_once(':') {
            return Self::parse_bare(digest, Algorithm::named(name)?);
        }
        let (name, digest) = text.split_once('-').ok_or(HashError::Untyped)?;
        let algorithm = Algorithm::named(name)?;
        if digest.len() != base64_len(algorithm.size()) {
            return Err(HashError::Length { length: digest.len(), algorithm: algorithm.name() });
        }
        Self::decoded(algorithm, &STANDARD.decode(digest).map_err(|_| HashError::Malformed)?)
    }

    /// Reads a digest of `algorithm` without the name of the function; its length tells the encoding.
    ///
    /// # Errors
    /// When it is no such digest.
    pub fn parse_bare(text: &str, algorithm: Algorithm) -> Result<Self, HashError> {
        let (size, length) = (algorithm.size(), text.len());
        let bytes = match length {
            length if length == size * 2 => hex::decode(text).ok(),
            length if length == nix32::encoded_len(size) => nix32::decode(text).ok(),
            length if length == base64_len(size) => STANDARD.decode(text).ok(),
            _ => return Err(HashError::Length { length, algorithm: algorithm.name() }),
        };
        Self::decoded(algorithm, &bytes.ok_or(HashError::Malformed)?)
    }

    fn decoded(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, HashError> {
        Self::new(algorithm, bytes).ok_or(HashError::Malformed)
    }
}

/// Characters of `bytes` bytes in base 64, padding included.
const fn base64_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const NIX32: &str = "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73";
    const BASE64: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    #[test]
    fn every_encoding_is_read_and_written() {
        let digest = Digest::new(Algorithm::Sha256, &hex::decode(HEX).unwrap()).unwrap();
        for (text, written) in [
            (format!("sha256:{HEX}"), digest.base16()),
            (format!("sha256:{NIX32}"), digest.nix32()),
            (format!("sha256:{BASE64}"), digest.base64()),
            (format!("sha256-{BASE64}"), digest.sri()),
        ] {
            assert_eq!(Digest::parse(&text), Ok(digest), "{text}");
            assert_eq!(written, text);
        }
        assert_eq!(Digest::parse(&format!("sha256:{}", HEX.to_uppercase())), Ok(digest));
        assert_eq!(digest.to_string(), format!("sha256:{NIX32}"));
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        use HashError::{Algorithm, Length, Malformed, Untyped};
        let (md5, sha256) = ("md5", "sha256");
        for (text, error) in [
            ("", Untyped),
            (NIX32, Untyped),
            (":0", Algorithm),
            ("sha3:0", Algorithm),
            ("SHA256:0", Algorithm),
            ("sha256:", Length { length: 0, algorithm: sha256 }),
            (&format!("md5:{NIX32}"), Length { length: 52, algorithm: md5 }),
            (&format!("sha256:{}", "0".repeat(4000)), Length { length: 4000, algorithm: sha256 }),
            (&format!("sha256-{HEX}"), Length { length: 64, algorithm: sha256 }),
            (&format!("sha256:{}", HEX.replace('e', "g")), Malformed),
            (&format!("sha256:2{}", &NIX32[1..]), Malformed),
            (&format!("sha256:{}", BASE64.replace('+', "-")), Malformed),
            (&format!("sha256-{}", BASE64.replace("FU=", "FV=")), Malformed),
        ] {
            assert_eq!(Digest::parse(text), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_digest_of_any_function_comes_back(bytes: [u8; 32], more: [u8; 32], which in 0..Algorithm::ALL.len()) {
            let algorithm = Algorithm::ALL[which];
            let bytes = [bytes, more].concat();
            let digest = Digest::new(algorithm, &bytes[..algorithm.size()]).unwrap();
            for text in [digest.base16(), digest.nix32(), digest.base64(), digest.sri()] {
                prop_assert_eq!(Digest::parse(&text), Ok(digest));
            }
        }

        #[test]
        fn arbitrary_text_never_panics(text: String) {
            let _ = Digest::parse(&text);
            let _ = Digest::parse(&format!("sha256:{text}"));
            let _ = Digest::parse(&format!("md5-{text}"));
        }
    }
}
