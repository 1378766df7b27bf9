//! Whether what a cache says of a path is to be believed.

use snowbank_nix::content_address::Method;
use snowbank_nix::hash::Algorithm;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::signature::PublicKey;
use snowbank_nix::store_path::StoreDir;

/// Whom to believe.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Whoever signs with one of these keys, and content that proves what is said of it.
    Keys(Vec<PublicKey>),
    /// The cache, whatever it says.
    All,
}

/// Why a path is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belief {
    /// It is signed, or follows from the hash of its NAR, or everything is believed.
    Certain,
    /// It follows from its content, once that was looked at.
    Content,
    /// It is not.
    None,
}

impl Trust {
    pub(super) fn believes(&self, info: &PathInfo, dir: &StoreDir) -> Belief {
        let Self::Keys(keys) = self else { return Belief::Certain };
        if info.signer(dir, keys).is_some() || (info.nar_size > 0 && info.follows_from_nar_hash(dir)) {
            return Belief::Certain;
        }
        // A NAR that names itself is hashed without its name, which nobody does here.
        let looked_at = info.ca.is_some_and(|ca| {
            matches!(ca.method(), Method::Text | Method::Flat) && ca.digest().algorithm() == Algorithm::Sha256
        });
        if looked_at && info.is_content_addressed(dir) { Belief::Content } else { Belief::None }
    }
}
