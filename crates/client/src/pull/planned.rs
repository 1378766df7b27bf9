//! A pull before anything is written: what there is, whether it is believed, and whether it is all.

use std::collections::{BTreeMap, BTreeSet};

use snowbank_binary_cache::upstream::Upstreams;
use snowbank_nix::closure::Closure;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::Place;
use snowbank_nix::store_path::StorePath;
use tokio::task::spawn_blocking;

use super::PullError;
use super::here::Here;
use super::plan::PlannedPath;
use super::told::{Asking, Told};
use super::trust::Trust;
use crate::site::Site;

/// What to pull, from where.
pub struct Question<'a> {
    /// The cache.
    pub site: &'a Site,
    /// The paths, wanted with all that they refer to.
    pub roots: &'a BTreeSet<StorePath>,
    /// Where the store lies.
    pub place: &'a Place,
    /// Whom to believe.
    pub trust: &'a Trust,
    /// Who has what the cache leaves out.
    pub upstreams: &'a Upstreams,
}

/// A pull that can begin.
#[derive(Debug)]
pub struct Planned {
    /// What is missing and the cache has.
    pub(super) paths: BTreeMap<StorePath, PlannedPath>,
    /// What is missing and others have.
    pub(super) elsewhere: BTreeMap<StorePath, PathInfo>,
    /// What is there and is referred to, with all that it needs.
    pub(super) valid: Closure,
    /// What nothing but its content proves.
    pub(super) unproven: BTreeSet<StorePath>,
    pub(super) here: Here,
    pub(super) site: Site,
    pub(super) place: Place,
}

impl Question<'_> {
    /// Asks, and looks at what is told.
    ///
    /// # Errors
    /// When the server does not answer, does not have all, or tells what is not believed.
    pub async fn plan(&self) -> Result<Planned, PullError> {
        let place = self.place.clone();
        let here = blocking(move || Here::read(&place)).await??;
        let asking = Asking {
            site: self.site,
            roots: self.roots,
            dir: self.place.dir(),
            trust: self.trust,
            upstreams: self.upstreams,
        };
        let Told { paths, elsewhere, unproven } = asking.ask(&here).await?;
        let infos: Vec<&PathInfo> =
            paths.values().map(|planned| &planned.info).chain(elsewhere.values()).collect();
        let used =
            infos.iter().flat_map(|info| &info.references).chain(self.roots).filter(|path| here.has(path));
        let (used, place): (BTreeSet<_>, _) = (used.cloned().collect(), self.place.clone());
        let valid = blocking(move || Here::closure(&place, &used)).await??;
        // Circles, and references of which nothing was told.
        Closure::new(infos.into_iter().chain(valid.iter()).cloned())?;
        let (site, place) = (self.site.clone(), self.place.clone());
        Ok(Planned { paths, elsewhere, valid, unproven, here, site, place })
    }
}

impl Planned {
    /// How many paths are missing.
    #[must_use]
    pub fn missing(&self) -> usize {
        self.paths.len() + self.elsewhere.len()
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PullError> {
    spawn_blocking(work).await.map_err(|_| PullError::Lost)
}
