//! Path infos on the wire, in their form since protocol 1.16.

use std::{collections::BTreeSet, io::Read};

use super::{DaemonError, request::Request, wire::Wire};
use crate::{
    hash::{Algorithm, Digest, HashError, NarHash},
    nar_info::{MAX_REFERENCES, MAX_SIGNATURES},
    path_info::PathInfo,
    signature::Signature,
    store_path::{StoreDir, StorePath},
};

impl Request {
    /// The path and all that is known of it. When it was registered is left to the daemon.
    pub(super) fn info(self, dir: &StoreDir, info: &PathInfo) -> Self {
        let deriver = info.deriver.as_ref().map(|deriver| dir.display(deriver)).unwrap_or_default();
        let ca = info.ca.as_ref().map(ToString::to_string).unwrap_or_default();
        let (now, ultimate) = (0, false);
        self.path(dir, &info.path)
            .string(deriver)
            .string(hex::encode(info.nar_hash.bytes()))
            .strings(info.references.iter().map(|path| dir.display(path)).collect::<Vec<_>>().iter())
            .number(now)
            .number(info.nar_size)
            .truth(ultimate)
            .signatures(&info.signatures)
            .string(ca)
    }

    pub(super) fn signatures(self, signatures: &BTreeSet<Signature>) -> Self {
        self.strings(signatures.iter().map(ToString::to_string).collect::<Vec<_>>().iter())
    }
}

impl<S: Read> Wire<S> {
    pub(super) fn path(&mut self, dir: &StoreDir) -> Result<StorePath, DaemonError> {
        self.parsed("a store path", |text| dir.parse(text))
    }

    /// What is known of `path`.
    pub(super) fn info(&mut self, dir: &StoreDir, path: StorePath) -> Result<PathInfo, DaemonError> {
        let deriver = self.parsed("a deriver", |text| unless_empty(text, |text| dir.parse(text)))?;
        let nar_hash = self.parsed("a hash", nar_hash)?;
        let references = self.items("references", MAX_REFERENCES, |wire| wire.path(dir))?;
        let (_registered, nar_size, _ultimate) = (self.number()?, self.number()?, self.truth()?);
        let signatures = self.signatures()?;
        let ca = self.parsed("a content address", |text| unless_empty(text, str::parse))?;
        Ok(PathInfo { path, nar_hash, nar_size, references, deriver, signatures, ca })
    }

    /// Signatures; what is none is left out, as nobody could ever verify it.
    pub(super) fn signatures(&mut self) -> Result<BTreeSet<Signature>, DaemonError> {
        let words: Vec<String> = self.items("signatures", MAX_SIGNATURES, |wire| wire.word("a signature"))?;
        Ok(words.iter().filter_map(|word| word.parse().ok()).collect())
    }
}

fn unless_empty<T, E>(text: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<Option<T>, E> {
    if text.is_empty() { Ok(None) } else { parse(text).map(Some) }
}

/// A hash without the name of its function, as all daemons write it, or with it.
fn nar_hash(text: &str) -> Result<NarHash, HashError> {
    if text.contains([':', '-']) {
        return NarHash::parse(text);
    }
    let digest = Digest::parse_bare(text, Algorithm::Sha256)?;
    digest.bytes().try_into().map(NarHash::from_bytes).map_err(|_| HashError::Malformed)
}
