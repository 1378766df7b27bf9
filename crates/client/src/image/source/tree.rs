//! A NAR as a tree, which is what its path's info says, or fails.

use std::io::Read;

use snowbank_nix::content_address::ContentAddress;
use snowbank_nix::hash::NarHash;
use snowbank_nix::nar::{ContentCheck, Event, Verdict};
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::StorePath;
use snowbank_oci::tree::{NarTree, Tree, TreeError};

/// A path whose content proves nothing.
#[derive(Debug, thiserror::Error)]
#[error("its content does not have the address {0}, and no trusted key has signed it")]
struct Unproven(ContentAddress);

/// What has to be shown of the content, beside its NAR's hash.
struct Proof {
    check: ContentCheck,
    address: ContentAddress,
}

/// A NAR as a tree, of which more than the hash is checked where nothing else proves it.
pub(super) struct ProvenTree<R> {
    path: StorePath,
    hash: NarHash,
    tree: NarTree<R>,
    proof: Option<Proof>,
}

impl<R: Read> ProvenTree<R> {
    /// The NAR of this path; its content must have the address, where one is named.
    pub(super) fn new(info: &PathInfo, address: Option<ContentAddress>, source: R) -> Self {
        Self {
            path: info.path.clone(),
            hash: info.nar_hash,
            tree: NarTree::new(info.path.clone(), source, info.nar_hash, info.nar_size),
            proof: address.map(|address| Proof { check: ContentCheck::default(), address }),
        }
    }
}

impl<R: Read + Send> Tree for ProvenTree<R> {
    fn next_event(&mut self) -> Result<Option<Event<'_>>, TreeError> {
        let Self { path, hash, tree, proof } = self;
        let event = tree.next_event()?;
        match (&event, proof.as_mut()) {
            (Some(event), Some(Proof { check, .. })) => check.event(event),
            (None, Some(_)) => {
                if let Some(Proof { check, address }) = proof.take()
                    && check.finish(*hash).has(&address, false) != Verdict::Holds
                {
                    return Err(TreeError { path: path.clone(), source: Unproven(address).into() });
                }
            }
            (_, None) => {}
        }
        Ok(event)
    }
}
