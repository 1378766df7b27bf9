//! Claiming what is missing, and restoring what was claimed, until nothing is left.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use snowbank_nix::store_path::StorePath;
use tokio::task::{JoinSet, spawn_blocking};

use super::report::Reason;
use super::shared::Shared;
use super::writer::{Claimed, Writer};
use super::{PackSource, RestoreError, UpstreamSource, fetch, lane};
use crate::snapshot::Source;

/// Between two looks at paths that somebody else is making.
const PAUSE: Duration = Duration::from_millis(200);

/// Restores all jobs that are waiting, by one round; by more where somebody else is making some of them, or where not
/// all can be claimed at once.
///
/// Who is busy is asked again at the end, while what refers to those paths is still held. Nobody waits for anybody
/// then: all that is complete but for references to busy paths was registered before, and the owner of one, another
/// restore or a build, needs nothing for it that is held here.
pub(super) async fn rounds<W: Writer, P: PackSource, U: UpstreamSource>(
    shared: &Arc<Shared<W, P>>,
    upstream: &Arc<U>,
) -> Result<(), RestoreError> {
    let mut busy = HashSet::new();
    let mut last = Instant::now();
    while !shared.is_over() {
        let mut waiting = shared.ledger.waiting();
        if waiting.is_empty() {
            break;
        }
        waiting.sort_by_key(|job| busy.contains(job));
        let room = shared.writer.at_once(waiting.len()).saturating_sub(shared.ledger.held());
        waiting.truncate(room.max(1));
        let (claimed, found) = claim(shared, &waiting, &mut busy).await?;
        if !claimed.is_empty() {
            restore(shared, upstream, claimed).await?;
        } else if found == 0 {
            if last.elapsed() >= shared.options.patience {
                let shared = Arc::clone(shared);
                blocking(move || waiting.into_iter().for_each(|job| give_up(&shared, job))).await?;
                continue;
            }
            tokio::time::sleep(PAUSE).await;
            continue;
        }
        last = Instant::now();
        let shared = Arc::clone(shared);
        blocking(move || shared.commit_all()).await?;
    }
    Ok(())
}

fn give_up<W: Writer, P: PackSource>(shared: &Shared<W, P>, job: usize) {
    shared.miss(job, &(Reason::Busy, "its lock is held by another process".to_owned()));
}

/// Claims those of `jobs` that can be. Returns them, and how many others turned out to be valid.
async fn claim<W: Writer, P: PackSource>(
    shared: &Arc<Shared<W, P>>,
    jobs: &[usize],
    busy: &mut HashSet<usize>,
) -> Result<(Vec<usize>, usize), RestoreError> {
    let numbers: BTreeMap<StorePath, usize> =
        jobs.iter().map(|&job| (shared.jobs[job].info.path.clone(), job)).collect();
    let number = |paths: BTreeSet<StorePath>| -> Vec<usize> {
        paths.iter().filter_map(|path| numbers.get(path).copied()).collect()
    };
    let paths: BTreeSet<StorePath> = numbers.keys().cloned().collect();
    let writer = Arc::clone(&shared.writer);
    let Claimed { claimed, busy: others, valid } = blocking(move || writer.claim(&paths)).await??;
    let (mut claimed, valid) = (number(claimed), number(valid));
    busy.extend(number(others));
    valid.iter().for_each(|&job| shared.ledger.found(job));
    let unwanted = shared.ledger.claimed(&claimed);
    claimed.retain(|job| !unwanted.contains(job));
    let giving = Arc::clone(shared);
    let discard = move |job: usize| giving.writer.discard(&giving.jobs[job].info.path);
    blocking(move || unwanted.into_iter().for_each(discard)).await?;
    Ok((claimed, valid.len()))
}

/// Restores what was claimed, by all lanes and from all upstreams at once.
async fn restore<W: Writer, P: PackSource, U: UpstreamSource>(
    shared: &Arc<Shared<W, P>>,
    upstream: &Arc<U>,
    claimed: Vec<usize>,
) -> Result<(), RestoreError> {
    let (packed, fetched): (Vec<usize>, Vec<usize>) =
        claimed.into_iter().partition(|&job| matches!(shared.jobs[job].source, Source::Packs(_)));
    let mut tasks = JoinSet::new();
    let queue = Arc::new(lane::queue(shared, &packed));
    for _ in 0..shared.options.lanes.min(packed.len()) {
        tasks.spawn(lane::lane(Arc::clone(shared), Arc::clone(&queue)));
    }
    if !fetched.is_empty() {
        tasks.spawn(fetch::fetch(Arc::clone(shared), Arc::clone(upstream), fetched));
    }
    while let Some(done) = tasks.join_next().await {
        done.map_err(|_| RestoreError::Lost)??;
    }
    Ok(())
}

/// Does what may wait where it may.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, RestoreError> {
    spawn_blocking(work).await.map_err(|_| RestoreError::Lost)
}
