//! What Nix knows of a store path.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{
    content_address::{ContentAddress, Method},
    hash::{Digest, NarHash},
    signature::{PublicKey, SecretKey, Signature},
    store_path::{References, StoreDir, StorePath},
};

/// All that is known of a valid store path and can be handed on. (When it was registered, and whether it was built
/// here, concern one machine only.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathInfo {
    /// The path.
    pub path: StorePath,
    /// The SHA-256 of its NAR.
    pub nar_hash: NarHash,
    /// Bytes of its NAR; 0 where nobody wrote it down.
    pub nar_size: u64,
    /// The paths that it refers to; itself among them where it does.
    pub references: BTreeSet<StorePath>,
    /// The derivation that made it; nothing says that it is valid too.
    pub deriver: Option<StorePath>,
    /// Signatures over [`fingerprint`](Self::fingerprint).
    pub signatures: BTreeSet<Signature>,
    /// What makes its path follow from its content, if anything does.
    pub ca: Option<ContentAddress>,
}

impl PathInfo {
    /// What is signed: path, hash, size and references. Deriver and content address are not covered.
    #[must_use]
    pub fn fingerprint(&self, dir: &StoreDir) -> String {
        let mut text = format!("1;{};{};{};", dir.display(&self.path), self.nar_hash, self.nar_size);
        for (at, reference) in self.references.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            // Writing to a string cannot fail.
            let _ = write!(text, "{comma}{dir}/{reference}");
        }
        text
    }

    /// Adds the signature of `key`.
    pub fn sign(&mut self, dir: &StoreDir, key: &SecretKey) {
        self.signatures.insert(key.sign(self.fingerprint(dir).as_bytes()));
    }

    /// The first of `keys` that made one of the signatures. A size of 0 is covered by none, as in Nix.
    #[must_use]
    pub fn signer<'a>(&self, dir: &StoreDir, keys: &'a [PublicKey]) -> Option<&'a PublicKey> {
        if self.nar_size == 0 {
            return None;
        }
        let fingerprint = self.fingerprint(dir);
        let signed = |key: &&PublicKey| {
            self.signatures.iter().any(|signature| key.verify(fingerprint.as_bytes(), signature))
        };
        keys.iter().find(signed)
    }

    /// Whether the path follows from its content address and references, so that it needs no signature. Whether the
    /// content has that address is for the reader of the content to see.
    #[must_use]
    pub fn is_content_addressed(&self, dir: &StoreDir) -> bool {
        let Some(ca) = &self.ca else { return false };
        let mut others = self.references.clone();
        let itself = others.remove(&self.path);
        let references = References { others: &others, itself };
        dir.content_path(self.path.name(), ca, references).as_ref() == Ok(&self.path)
    }

    /// Whether the path follows from [`nar_hash`](Self::nar_hash) and the references alone: it is content-addressed, and
    /// its address is the hash of its NAR. Then whoever has a NAR of this hash has seen that it is the path's content.
    #[must_use]
    pub fn follows_from_nar_hash(&self, dir: &StoreDir) -> bool {
        // A path that refers to itself is hashed without its own name.
        let hashed = self
            .ca
            .is_some_and(|ca| ca.method() == Method::Nar && *ca.digest() == Digest::from(self.nar_hash));
        hashed && !self.references.contains(&self.path) && self.is_content_addressed(dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(digit: char) -> StorePath {
        format!("{}-a", digit.to_string().repeat(32)).parse().unwrap()
    }

    fn info() -> PathInfo {
        PathInfo {
            path: path('b'),
            nar_hash: NarHash::of(b""),
            nar_size: 120,
            references: [path('c'), path('a'), path('b')].into(),
            deriver: None,
            signatures: BTreeSet::new(),
            ca: None,
        }
    }

    #[test]
    fn the_fingerprint_names_sorted_full_paths() {
        let [a, b, c] = ['a', 'b', 'c'].map(|digit| format!("/nix/store/{}", path(digit)));
        let hash = "sha256:0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73";
        assert_eq!(info().fingerprint(&StoreDir::default()), format!("1;{b};{hash};120;{a},{b},{c}"));
        let alone = PathInfo { references: BTreeSet::new(), ..info() };
        assert_eq!(alone.fingerprint(&StoreDir::default()), format!("1;{b};{hash};120;"));
    }

    #[test]
    fn a_signature_holds_while_nothing_that_it_covers_changes() {
        let (dir, key) = (StoreDir::default(), SecretKey::generate("host-1").unwrap());
        let keys = [SecretKey::generate("other-1").unwrap().public(), key.public()];
        let mut signed = info();
        assert_eq!(signed.signer(&dir, &keys), None);
        signed.sign(&dir, &key);
        assert_eq!(signed.signer(&dir, &keys), Some(&keys[1]));
        let same = PathInfo { deriver: Some(path('d')), ..signed.clone() };
        assert_eq!(same.signer(&dir, &keys), Some(&keys[1]));
        for changed in [
            PathInfo { path: path('d'), ..signed.clone() },
            PathInfo { nar_hash: NarHash::of(b"x"), ..signed.clone() },
            PathInfo { nar_size: 128, ..signed.clone() },
            PathInfo { references: BTreeSet::new(), ..signed.clone() },
        ] {
            assert_eq!(changed.signer(&dir, &keys), None);
        }
    }

    #[test]
    fn a_size_that_nobody_knows_is_not_signed() {
        let (dir, key) = (StoreDir::default(), SecretKey::generate("host-1").unwrap());
        let mut unknown = PathInfo { nar_size: 0, ..info() };
        unknown.sign(&dir, &key);
        assert_eq!(unknown.signer(&dir, &[key.public()]), None);
    }

    #[test]
    fn a_content_address_must_lead_to_the_path() {
        let ca = "fixed:r:sha256:1qwy7y49hyqd7kdpkyjfclz5fkfqalqapzc4v18lbibkx1yzdzib";
        let good = PathInfo {
            path: "xv2iccirbrvklck36f1g7vldn5v58vck-myfile".parse().unwrap(),
            references: BTreeSet::new(),
            ca: Some(ca.parse().unwrap()),
            ..info()
        };
        let dir = StoreDir::default();
        assert!(good.is_content_addressed(&dir));
        assert!(!PathInfo { ca: None, ..good.clone() }.is_content_addressed(&dir));
        assert!(!PathInfo { path: path('b'), ..good.clone() }.is_content_addressed(&dir));
        assert!(!PathInfo { references: [path('a')].into(), ..good.clone() }.is_content_addressed(&dir));
        assert!(!good.is_content_addressed(&StoreDir::new("/elsewhere").unwrap()));
    }

    #[test]
    fn only_the_address_of_a_nar_proves_its_hash() {
        let dir = StoreDir::default();
        let addressed = |method: Method, hash: NarHash| {
            let ca = ContentAddress::new(method, hash.into()).unwrap();
            let path = dir.content_path("a", &ca, References::NONE).unwrap();
            PathInfo { path, references: BTreeSet::new(), ca: Some(ca), ..info() }
        };
        assert!(addressed(Method::Nar, info().nar_hash).follows_from_nar_hash(&dir));
        for other in [
            addressed(Method::Nar, NarHash::of(b"x")),
            addressed(Method::Flat, info().nar_hash),
            addressed(Method::Text, info().nar_hash),
            PathInfo { path: path('b'), ..addressed(Method::Nar, info().nar_hash) },
            PathInfo { references: [path('c')].into(), ..addressed(Method::Nar, info().nar_hash) },
            PathInfo { ca: None, ..addressed(Method::Nar, info().nar_hash) },
        ] {
            assert!(!other.follows_from_nar_hash(&dir), "{other:?}");
        }
    }
}
