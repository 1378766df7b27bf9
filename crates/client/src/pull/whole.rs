//! A closure of a cache for who writes it to no store.

use std::collections::BTreeSet;
use std::sync::Arc;

use snowbank_binary_cache::upstream::Upstreams;
use snowbank_nix::closure::Closure;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::{StoreDir, StorePath};

use super::here::Here;
use super::laid::Laid;
use super::local::Local;
use super::source::Counts;
use super::told::{Asking, Told};
use super::{PullError, PulledPacks, Trust};
use crate::site::Site;
use crate::snapshot::Snapshot;

/// What is asked for, and of whom.
pub(crate) struct Whole<'a> {
    pub(crate) site: &'a Site,
    pub(crate) roots: &'a BTreeSet<StorePath>,
    /// What is known already, with all that it refers to.
    pub(crate) known: &'a [PathInfo],
    pub(crate) dir: &'a StoreDir,
    pub(crate) trust: &'a Trust,
    /// Who has what the cache leaves out.
    pub(crate) elsewhere: &'a Upstreams,
}

/// The closure but for what is known already, as if it had been saved: without what it refers to of that.
pub(crate) struct Believed {
    pub(crate) snapshot: Snapshot,
    pub(crate) packs: PulledPacks,
    /// What nothing but its content proves.
    pub(crate) unproven: BTreeSet<StorePath>,
}

/// Asks, and believes what a trusted key has signed or content proves, as a pull does.
pub(crate) async fn whole(
    Whole { site, roots, known, dir, trust, elsewhere }: Whole<'_>,
) -> Result<Believed, PullError> {
    let asking = Asking { site, roots, dir, trust, upstreams: elsewhere };
    let here = Here::of(known.iter().map(|info| info.path.clone()).collect());
    let Told { paths, elsewhere, unproven } = asking.ask(&here).await?;
    let infos = paths.values().map(|planned| &planned.info).chain(elsewhere.values()).chain(known);
    // Circles, and references of which nothing was told.
    Closure::new(infos.cloned())?;
    let laid = Laid { site, local: Arc::<Local>::default(), counts: Arc::<Counts>::default() };
    let (snapshot, packs) = laid.out(dir, paths.values(), elsewhere.values());
    Ok(Believed { snapshot, packs, unproven })
}
