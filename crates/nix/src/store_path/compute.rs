//! From a content's hash to its store path.

use std::{collections::BTreeSet, fmt::Write as _};

use sha2::{Digest as _, Sha256};

use super::{ComputeError, NameError, StoreDir, StorePath};
use crate::{
    content_address::{ContentAddress, Method},
    hash::{Algorithm, Digest},
};

/// What a content-addressed path refers to.
#[derive(Clone, Copy, Debug)]
pub struct References<'a> {
    /// Other paths.
    pub others: &'a BTreeSet<StorePath>,
    /// Whether it refers to itself.
    pub itself: bool,
}

impl References<'_> {
    /// None at all.
    pub const NONE: Self = Self { others: &BTreeSet::new(), itself: false };
}

impl StoreDir {
    /// The path that content of this address has under `name`.
    ///
    /// # Errors
    /// When Nix knows no path for such an address with such references, or the name is not allowed.
    pub fn content_path(
        &self,
        name: &str,
        address: &ContentAddress,
        references: References<'_>,
    ) -> Result<StorePath, ComputeError> {
        let digest = address.digest();
        match (address.method(), digest.algorithm()) {
            (Method::Text, _) if references.itself => Err(ComputeError::SelfReference),
            (Method::Text, Algorithm::Sha256) => Ok(self.typed("text", references, digest, name)?),
            (Method::Text, _) => Err(ComputeError::Algorithm),
            (Method::Nar, Algorithm::Sha256) => Ok(self.typed("source", references, digest, name)?),
            (Method::Git, Algorithm::Md5 | Algorithm::Sha512 | Algorithm::Blake3) => {
                Err(ComputeError::Algorithm)
            }
            _ if references.itself || !references.others.is_empty() => Err(ComputeError::References),
            (method, _) => {
                let inner = Sha256::digest(format!("fixed:out:{}{}:", method.prefix(), digest.base16()));
                Ok(self.path("output:out", &format!("sha256:{}", hex::encode(inner)), name)?)
            }
        }
    }

    /// A path whose references are a part of its type.
    fn typed(
        &self,
        kind: &str,
        references: References<'_>,
        digest: &Digest,
        name: &str,
    ) -> Result<StorePath, NameError> {
        let mut kind = kind.to_owned();
        for reference in references.others {
            // Writing to a string cannot fail.
            let _ = write!(kind, ":{self}/{reference}");
        }
        if references.itself {
            kind.push_str(":self");
        }
        self.path(&kind, &digest.base16(), name)
    }

    fn path(&self, kind: &str, inner: &str, name: &str) -> Result<StorePath, NameError> {
        let digest = Sha256::digest(format!("{kind}:{inner}:{self}:{name}"));
        let mut folded = [0; 20];
        for (at, byte) in digest.iter().enumerate() {
            folded[at % 20] ^= byte;
        }
        StorePath::from_digest(&folded, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha256(text: &str) -> Digest {
        Digest::new(Algorithm::Sha256, &Sha256::digest(text)).unwrap()
    }

    fn path(name: &str, method: Method, digest: Digest) -> Result<StorePath, ComputeError> {
        let address = ContentAddress::new(method, digest).unwrap();
        StoreDir::default().content_path(name, &address, References::NONE)
    }

    #[test]
    fn a_source_has_the_path_that_nix_gives_it() {
        // The NAR of a file of `mycontent\n`.
        let nar = Digest::parse("sha256:1qwy7y49hyqd7kdpkyjfclz5fkfqalqapzc4v18lbibkx1yzdzib").unwrap();
        assert!(nar.base16().starts_with("sha256:2bfef67d"));
        let path = path("myfile", Method::Nar, nar).unwrap();
        assert_eq!(path.base_name(), "xv2iccirbrvklck36f1g7vldn5v58vck-myfile");
    }

    #[test]
    fn a_fixed_output_has_the_path_that_nix_gives_it() {
        let path = path("bar", Method::Flat, sha256("mycontent\n")).unwrap();
        assert_eq!(path.base_name(), "a00d5f71k0vp5a6klkls0mvr1f7sx6ch-bar");
    }

    #[test]
    fn the_store_directory_and_every_reference_count() {
        let address = ContentAddress::new(Method::Nar, sha256("x")).unwrap();
        let others = BTreeSet::from([path("a", Method::Flat, sha256("a")).unwrap()]);
        let (here, there) = (StoreDir::default(), StoreDir::new("/elsewhere").unwrap());
        let plain = References::NONE;
        let paths = BTreeSet::from([
            here.content_path("x", &address, plain).unwrap(),
            there.content_path("x", &address, plain).unwrap(),
            here.content_path("x", &address, References { itself: true, ..plain }).unwrap(),
            here.content_path("x", &address, References { others: &others, itself: false }).unwrap(),
            here.content_path("x", &address, References { others: &others, itself: true }).unwrap(),
        ]);
        assert_eq!(paths.len(), 5);
    }

    #[test]
    fn references_where_there_is_no_place_for_them_are_refused() {
        let here = StoreDir::default();
        let others = BTreeSet::from([path("a", Method::Flat, sha256("a")).unwrap()]);
        let to_others = References { others: &others, itself: false };
        let to_itself = References { itself: true, ..References::NONE };
        let flat = ContentAddress::new(Method::Flat, sha256("x")).unwrap();
        assert_eq!(here.content_path("x", &flat, to_others), Err(ComputeError::References));
        assert_eq!(here.content_path("x", &flat, to_itself), Err(ComputeError::References));
        let text = ContentAddress::new(Method::Text, sha256("x")).unwrap();
        assert_eq!(here.content_path("x", &text, to_itself), Err(ComputeError::SelfReference));
        assert!(here.content_path("x", &text, to_others).is_ok());
    }

    #[test]
    fn a_name_that_is_not_allowed_has_no_path() {
        let error = path("a/b", Method::Nar, sha256("x")).unwrap_err();
        assert_eq!(error, ComputeError::Name(NameError::Character));
    }
}
