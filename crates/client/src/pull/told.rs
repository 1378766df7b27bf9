//! What a cache tells of a closure: whether it is all, and whether it is believed.

use std::collections::{BTreeMap, BTreeSet};

use snowbank_binary_cache::upstream::Upstreams;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::{StoreDir, StorePath};

use super::here::Here;
use super::plan::{Plan, PlannedPath};
use super::planned::blocking;
use super::trust::{Belief, Trust};
use super::{PullError, ask, elsewhere};
use crate::site::Site;

/// What is asked for, and of whom.
pub(super) struct Asking<'a> {
    pub(super) site: &'a Site,
    pub(super) roots: &'a BTreeSet<StorePath>,
    pub(super) dir: &'a StoreDir,
    pub(super) trust: &'a Trust,
    /// Who has what the cache leaves out.
    pub(super) upstreams: &'a Upstreams,
}

/// What is not here of a closure.
pub(super) struct Told {
    /// What the cache has.
    pub(super) paths: BTreeMap<StorePath, PlannedPath>,
    /// What others have.
    pub(super) elsewhere: BTreeMap<StorePath, PathInfo>,
    /// What nothing but its content proves.
    pub(super) unproven: BTreeSet<StorePath>,
}

impl Asking<'_> {
    /// Asks for what is not `here`.
    pub(super) async fn ask(&self, here: &Here) -> Result<Told, PullError> {
        let Plan { mut paths, mut elsewhere } = ask::ask(self.site, self.roots, here).await?;
        paths.retain(|path, _| !here.has(path));
        elsewhere.retain(|path| !here.has(path));
        let missing = |path: &&StorePath| !here.has(path) && !paths.contains_key(*path);
        let not_there: Vec<StorePath> = self.roots.iter().filter(missing).cloned().collect();
        if !not_there.is_empty() {
            return Err(PullError::Absent(not_there));
        }
        let unproven = self.judge(&paths).await?;
        let known = |path: &StorePath| here.has(path) || paths.contains_key(path);
        let elsewhere = elsewhere::find(self.upstreams, elsewhere, known).await?;
        Ok(Told { paths, elsewhere, unproven })
    }

    /// Checks all signatures; says which paths have to be proven by their content.
    async fn judge(
        &self,
        paths: &BTreeMap<StorePath, PlannedPath>,
    ) -> Result<BTreeSet<StorePath>, PullError> {
        let infos: Vec<PathInfo> = paths.values().map(|planned| planned.info.clone()).collect();
        let (trust, dir) = (self.trust.clone(), self.dir.clone());
        let (unproven, unsigned) = blocking(move || {
            let (mut unproven, mut unsigned) = (BTreeSet::new(), Vec::new());
            for info in infos {
                match trust.believes(&info, &dir) {
                    Belief::Certain => {}
                    Belief::Content => drop(unproven.insert(info.path)),
                    Belief::None => unsigned.push(info.path),
                }
            }
            (unproven, unsigned)
        })
        .await?;
        if unsigned.is_empty() { Ok(unproven) } else { Err(PullError::Unsigned(unsigned)) }
    }
}
