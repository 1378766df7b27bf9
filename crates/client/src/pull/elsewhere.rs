//! What the cache leaves to upstream caches, with all that it refers to.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt, TryStreamExt, stream};
use snowbank_binary_cache::bulk::MAX_PATHS;
use snowbank_binary_cache::upstream::Upstreams;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::StorePath;

use super::PullError;
use super::plan::PlanError;

/// Paths that are asked for at once.
const AT_ONCE: usize = 32;

/// The infos of `paths` and of what they refer to, but for what is `known`: each signed by a key of the upstream that has
/// it, or following from its NAR's hash.
pub(super) async fn find(
    upstreams: &Upstreams,
    paths: BTreeSet<StorePath>,
    known: impl Fn(&StorePath) -> bool,
) -> Result<BTreeMap<StorePath, PathInfo>, PullError> {
    let (mut found, mut level) = (BTreeMap::new(), paths);
    while !level.is_empty() {
        if found.len() + level.len() > MAX_PATHS {
            return Err(PlanError::TooMuch.into());
        }
        let asking: Vec<_> =
            std::mem::take(&mut level).into_iter().map(|path| one(upstreams, path)).collect();
        let answers: Vec<_> = stream::iter(asking).buffer_unordered(AT_ONCE).try_collect().await?;
        let mut missing = Vec::new();
        for (path, info) in answers {
            match info {
                Some(info) => drop(found.insert(path, info)),
                None => missing.push(path),
            }
        }
        if !missing.is_empty() {
            missing.sort_unstable();
            return Err(PullError::Incomplete(missing));
        }
        let next = found.values().flat_map(|info| &info.references);
        level = next.filter(|path| !found.contains_key(*path) && !known(path)).cloned().collect();
    }
    Ok(found)
}

async fn one(upstreams: &Upstreams, path: StorePath) -> Result<(StorePath, Option<PathInfo>), PullError> {
    match upstreams.query(path.hash_part()).await {
        Ok(found) => {
            let info = found.map(|found| found.narinfo.info).filter(|info| info.path == path);
            Ok((path, info))
        }
        Err(error) => Err(PullError::Upstream { path, error: Box::new(error) }),
    }
}
