//! Content addresses, as the `ca` column of Nix's database and the `CA` line of a `.narinfo` have them:
//! `text:sha256:<nix32>`, `fixed:[r:|git:]<function>:<nix32>`.

use std::{fmt, str::FromStr};

use crate::hash::{Algorithm, Digest, HashError};

/// What of a path was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// The bytes of a file that `builtins.toFile` or an instantiation wrote; it may have references.
    Text,
    /// The bytes of a file.
    Flat,
    /// The NAR, its own hash part left out where it refers to itself.
    Nar,
    /// A git tree or blob; experimental in Nix.
    Git,
}

impl Method {
    /// What stands before the hash function in the text of a fixed output.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Text | Self::Flat => "",
            Self::Nar => "r:",
            Self::Git => "git:",
        }
    }
}

/// An assertion that a path follows from its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentAddress {
    method: Method,
    digest: Digest,
}

/// Why a text is not a content address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentAddressError {
    /// Neither `text:` nor `fixed:` in the beginning.
    #[error("it begins with neither `text:` nor `fixed:`")]
    Prefix,
    /// A hash function that this kind of address does not have.
    #[error("a text's address is a SHA-256 hash, and git's a SHA-1 or SHA-256 hash")]
    Algorithm,
    /// No hash.
    #[error("its hash cannot be read: {0}")]
    Hash(#[from] HashError),
}

impl ContentAddress {
    /// An address of these parts; `None` for a hash function that the method does not have.
    #[must_use]
    pub fn new(method: Method, digest: Digest) -> Option<Self> {
        let good = match method {
            Method::Text => digest.algorithm() == Algorithm::Sha256,
            Method::Git => matches!(digest.algorithm(), Algorithm::Sha1 | Algorithm::Sha256),
            Method::Flat | Method::Nar => true,
        };
        good.then_some(Self { method, digest })
    }

    /// What was hashed.
    #[must_use]
    pub const fn method(&self) -> Method {
        self.method
    }

    /// Its hash.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }
}

impl FromStr for ContentAddress {
    type Err = ContentAddressError;

    fn from_str(text: &str) -> Result<Self, ContentAddressError> {
        let (method, hash) = match text.split_once(':') {
            Some(("text", hash)) => (Method::Text, hash),
            Some(("fixed", rest)) => [Method::Nar, Method::Git]
                .into_iter()
                .find_map(|method| Some((method, rest.strip_prefix(method.prefix())?)))
                .unwrap_or((Method::Flat, rest)),
            _ => return Err(ContentAddressError::Prefix),
        };
        // An SRI hash has no colon: Nix does not take one here.
        if !hash.contains(':') {
            return Err(HashError::Untyped.into());
        }
        Self::new(method, Digest::parse(hash)?).ok_or(ContentAddressError::Algorithm)
    }
}

impl fmt::Display for ContentAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.method {
            Method::Text => write!(f, "text:{}", self.digest),
            method => write!(f, "fixed:{}{}", method.prefix(), self.digest),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHA256: &str = "sha256:1qwy7y49hyqd7kdpkyjfclz5fkfqalqapzc4v18lbibkx1yzdzib";
    const MD5: &str = "md5:3y8bwfr609h3lh9ch0izcqq7fl";

    #[test]
    fn every_form_is_read_and_written() {
        for (text, method) in [
            (format!("text:{SHA256}"), Method::Text),
            (format!("fixed:{SHA256}"), Method::Flat),
            (format!("fixed:{MD5}"), Method::Flat),
            (format!("fixed:r:{SHA256}"), Method::Nar),
            (format!("fixed:r:{MD5}"), Method::Nar),
            (format!("fixed:git:{SHA256}"), Method::Git),
        ] {
            let address: ContentAddress = text.parse().unwrap();
            assert_eq!((address.method(), address.to_string()), (method, text));
        }
    }

    #[test]
    fn any_encoding_is_read_and_nix32_written() {
        let hash = Digest::parse(SHA256).unwrap();
        for text in [hash.base16(), hash.base64()] {
            let address: ContentAddress = format!("fixed:r:{text}").parse().unwrap();
            assert_eq!(address.to_string(), format!("fixed:r:{SHA256}"));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "text", SHA256, "source:x", "FIXED:r", ":"] {
            assert_eq!(text.parse::<ContentAddress>(), Err(ContentAddressError::Prefix), "{text}");
        }
        for text in [format!("text:{MD5}"), format!("fixed:git:{MD5}")] {
            assert_eq!(text.parse::<ContentAddress>(), Err(ContentAddressError::Algorithm), "{text}");
        }
        let sri = Digest::parse(SHA256).unwrap().sri();
        for text in ["text:", "fixed:r:", "fixed:x:sha256:0", "text:r:sha256:0", &format!("fixed:{sri}")] {
            assert!(matches!(text.parse::<ContentAddress>(), Err(ContentAddressError::Hash(_))), "{text}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "((text|fixed):)?(r:|git:)?(sha256:|md5:)?.{0,70}") {
            if let Ok(address) = text.parse::<ContentAddress>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
