//! Making paths visible: what is said of them is checked against what came, and what they refer to must be there.

use std::collections::HashSet;

use futures::{StreamExt, TryStreamExt, stream};
use snowbank_catalog::rooms::{HashPart, NewPath, Publication, Published, StoredNar};
use snowbank_nix::content_address::{ContentAddress, Method};
use snowbank_nix::hash::NarHash;
use snowbank_nix::mentions::Mentions;
use snowbank_nix::nar::{ContentCheck, Event, Verdict};
use snowbank_nix::nar_info::NarInfo;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::StorePath;

use super::CacheView;
use super::offer::TOGETHER;
use crate::service::worker::causes;
use crate::service::{Kind, Result, ServiceError};

/// Missing paths that an error names.
const NAMED: usize = 5;

/// Paths that are checked at once: of some the content has to be read again.
const CHECKS: usize = 8;

impl CacheView {
    /// Makes a path visible whose NAR came before, from the info that plain Nix pushes for it.
    ///
    /// # Errors
    /// When the info does not fit its NAR, when something that it refers to is missing, or nothing may be pushed.
    pub async fn put_info(&self, hash_part: &str, told: NarInfo) -> Result<()> {
        self.may_push()?;
        let NarInfo { info, url, .. } = told;
        if info.path.hash_part() != hash_part {
            return Err(refused(
                &info.path,
                "its name begins with other digits than the file that tells of it",
            ));
        }
        let name = url.split(['?', '#']).next().and_then(|url| url.rsplit('/').next()).unwrap_or_default();
        let nar = match self.service.0.catalog.staged(&self.stage(name)).await? {
            Some(staged) => Some(staged.nar),
            None => self.service.0.catalog.nar(self.cache.id, &self.views, &info.nar_hash).await?,
        };
        let Some(nar) = nar else {
            return Err(refused(
                &info.path,
                format!("its NAR {name} was not pushed before it, or waited too long"),
            ));
        };
        self.check(&info, &nar).await?;
        self.publish(vec![NewPath { info, upstream: false }]).await
    }

    /// Makes paths visible whose NARs came before, all of them or none.
    ///
    /// # Errors
    /// As for [`CacheView::put_info`].
    pub async fn put_infos(&self, infos: Vec<PathInfo>) -> Result<()> {
        self.may_push()?;
        for some in infos.chunks(TOGETHER) {
            let hashes: Vec<NarHash> = some.iter().map(|info| info.nar_hash).collect();
            let here = self.nars_here(&hashes).await?;
            let checks: Vec<_> = some
                .iter()
                .map(|info| async {
                    let nar = here.get(&info.nar_hash);
                    let nar = nar.ok_or_else(|| incomplete(std::slice::from_ref(&info.path), &[]))?;
                    self.check(info, nar).await
                })
                .collect();
            let () = stream::iter(checks).buffer_unordered(CHECKS).try_collect().await?;
        }
        self.publish(infos.into_iter().map(|info| NewPath { info, upstream: false }).collect()).await
    }

    /// Holds what is said of a path against its NAR.
    pub(super) async fn check(&self, info: &PathInfo, nar: &StoredNar) -> Result<()> {
        let PathInfo { path, .. } = info;
        if (info.nar_hash, info.nar_size) != (nar.hash, nar.size) {
            let message = format!(
                "its NAR has the hash {} and {} bytes, and is said to have {} and {}",
                nar.hash, nar.size, info.nar_hash, info.nar_size
            );
            return Err(refused(path, message));
        }
        match &info.ca {
            // Its path follows from content and references, so these are what they are said to be.
            Some(ca) => self.check_address(info, ca, nar).await,
            None => check_references(info, nar),
        }
    }

    async fn check_address(&self, info: &PathInfo, ca: &ContentAddress, nar: &StoredNar) -> Result<()> {
        if !info.is_content_addressed(&self.dir()) {
            return Err(refused(&info.path, format!("it does not follow from its content address {ca}")));
        }
        let mut check = ContentCheck::default();
        if matches!(ca.method(), Method::Text | Method::Flat) {
            let take = |check: &mut ContentCheck, event: &Event<'_>, _| check.event(event);
            check = self.service.through(nar.recipe, nar.size, check, take).await?;
        }
        let content = check.finish(nar.hash);
        match content.has(ca, info.references.contains(&info.path)) {
            // Nix compares it, too, when it adds such a path.
            Verdict::Holds | Verdict::Unknown => Ok(()),
            Verdict::Differs => Err(refused(&info.path, format!("its content is not what {ca} stands for"))),
        }
    }

    /// Makes paths visible that were checked, all at once.
    pub(super) async fn publish(&self, paths: Vec<NewPath>) -> Result<()> {
        let elsewhere = self.elsewhere(&paths).await?;
        let publication = Publication {
            cache: self.cache.id,
            view: self.view(),
            views: &self.views,
            pusher: &self.pusher,
            elsewhere: &elsewhere,
        };
        match self.service.0.catalog.publish(&publication, &paths).await? {
            Published::Done { .. } => Ok(()),
            Published::Refused { nars, references } => Err(incomplete(&nars, &references)),
        }
    }

    /// Of what these paths refer to and this cache does not have, what the upstreams of this cache have.
    async fn elsewhere(&self, paths: &[NewPath]) -> Result<Vec<HashPart>> {
        let Some(upstreams) = self.service.0.upstreams.of(self.name()) else { return Ok(Vec::new()) };
        let own: HashSet<&StorePath> = paths.iter().map(|new| &new.info.path).collect();
        let wanted: HashSet<&StorePath> = paths.iter().flat_map(|new| &new.info.references).collect();
        let wanted: Vec<StorePath> = wanted.difference(&own).map(|path| (*path).clone()).collect();
        let hash_parts: Vec<HashPart> = wanted.iter().map(HashPart::of).collect();
        let here = self.service.0.catalog.paths(self.cache.id, &self.views, &hash_parts).await?;
        let here: HashSet<&StorePath> = here.iter().map(|found| &found.info.path).collect();
        let missing: Vec<StorePath> = wanted.iter().filter(|path| !here.contains(path)).cloned().collect();
        let answer = upstreams.present(&missing).await;
        if let Some(error) = answer.error {
            let cause = causes(&error);
            tracing::warn!(
                cache = self.name(),
                cause,
                failed = answer.failed,
                "upstream caches could not be asked"
            );
        }
        let there = missing.iter().zip(answer.present).filter(|(_, there)| *there);
        Ok(there.map(|(path, _)| HashPart::of(path)).collect())
    }
}

/// Every reference must occur in the content, as it does in whatever Nix built. What occurs and is no reference is no
/// fault: Nix looks only for what a build was given.
fn check_references(info: &PathInfo, nar: &StoredNar) -> Result<()> {
    let Some(Ok(mentions)) = nar.mentions.as_deref().map(Mentions::from_bytes) else { return Ok(()) };
    match info.references.iter().find(|path| !mentions.mentions(path)) {
        Some(path) => {
            Err(refused(&info.path, format!("it is said to refer to {path}, which its NAR does not name")))
        }
        None => Ok(()),
    }
}

fn refused(path: &StorePath, why: impl std::fmt::Display) -> ServiceError {
    ServiceError::new(Kind::InvalidArgument, format!("{path} is refused: {why}"))
}

fn incomplete(nars: &[StorePath], references: &[(StorePath, StorePath)]) -> ServiceError {
    let names = |paths: Vec<String>| {
        let more = paths.len().saturating_sub(NAMED);
        let named = paths.into_iter().take(NAMED).collect::<Vec<_>>().join(", ");
        if more > 0 { format!("{named} and {more} more") } else { named }
    };
    let message = if nars.is_empty() {
        let missing =
            references.iter().map(|(path, reference)| format!("{reference} (for {path})")).collect();
        format!("the closure is not complete, neither this cache nor its upstreams have {}", names(missing))
    } else {
        format!(
            "the NARs of these were not pushed: {}",
            names(nars.iter().map(ToString::to_string).collect())
        )
    };
    ServiceError::new(Kind::FailedPrecondition, message)
}
