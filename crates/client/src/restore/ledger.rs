//! How far each path is, and what may be registered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use snowbank_nix::store_path::StorePath;

use super::plan::Job;
use super::report::{Miss, Paths, Reason};
use crate::snapshot::Source;

/// Bytes of NARs that are complete, after which they are registered.
const BYTES: u64 = 512 << 20;

/// Time after which they are.
const TIME: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Claimed,
    Complete,
    Valid,
    Missed,
}

/// How far each path is. Paths go by their number, in an order in which references come first.
pub(super) struct Ledger {
    jobs: Arc<[Job]>,
    inner: Mutex<Inner>,
}

struct Inner {
    states: Vec<State>,
    /// Bytes that were completed since the last look at what can be registered, and when that was.
    fresh: u64,
    looked: Instant,
    missed: BTreeMap<StorePath, Miss>,
    sums: Sums,
}

/// What has become valid.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sums {
    pub(super) others: Paths,
    pub(super) packs: Paths,
    pub(super) upstream: Paths,
}

impl Ledger {
    pub(super) fn new(jobs: Arc<[Job]>) -> Self {
        let inner = Inner {
            states: vec![State::Waiting; jobs.len()],
            fresh: 0,
            looked: Instant::now(),
            missed: BTreeMap::new(),
            sums: Sums::default(),
        };
        Self { jobs, inner: Mutex::new(inner) }
    }

    /// Those that are neither claimed nor done with.
    pub(super) fn waiting(&self) -> Vec<usize> {
        self.all(|state| state == State::Waiting)
    }

    /// How many are claimed and not yet registered.
    pub(super) fn held(&self) -> usize {
        self.all(|state| matches!(state, State::Claimed | State::Complete)).len()
    }

    /// Those that are not done with.
    pub(super) fn unfinished(&self) -> Vec<usize> {
        self.all(|state| !matches!(state, State::Valid | State::Missed))
    }

    /// Whether there is still a point in writing this one.
    pub(super) fn is_wanted(&self, job: usize) -> bool {
        self.lock().states[job] == State::Claimed
    }

    /// Notes that paths were claimed; says which of them are not wanted any more.
    pub(super) fn claimed(&self, jobs: &[usize]) -> Vec<usize> {
        let mut inner = self.lock();
        let mut unwanted = Vec::new();
        for &job in jobs {
            match inner.states[job] {
                State::Waiting => inner.states[job] = State::Claimed,
                _ => unwanted.push(job),
            }
        }
        unwanted
    }

    /// Notes that somebody else made a path valid.
    pub(super) fn found(&self, job: usize) {
        let mut inner = self.lock();
        inner.states[job] = State::Valid;
        inner.sums.others.add(&self.jobs[job].info);
    }

    /// Notes that a path is written; false when it is not wanted any more.
    pub(super) fn complete(&self, job: usize) -> bool {
        let mut inner = self.lock();
        let wanted = inner.states[job] == State::Claimed;
        if wanted {
            inner.states[job] = State::Complete;
            inner.fresh += self.jobs[job].info.nar_size;
        }
        wanted
    }

    /// Whether it is time to register what can be.
    pub(super) fn is_due(&self) -> bool {
        let inner = self.lock();
        inner.fresh >= BYTES || (inner.fresh > 0 && inner.looked.elapsed() >= TIME)
    }

    /// Complete paths whose references are valid or among them, references first.
    pub(super) fn ready(&self) -> Vec<usize> {
        let mut inner = self.lock();
        (inner.fresh, inner.looked) = (0, Instant::now());
        let mut good: Vec<bool> = inner.states.iter().map(|&state| state == State::Valid).collect();
        let mut ready = Vec::new();
        for (number, job) in self.jobs.iter().enumerate() {
            let complete = inner.states[number] == State::Complete;
            if complete && job.references.iter().all(|&reference| good[reference]) {
                good[number] = true;
                ready.push(number);
            }
        }
        ready
    }

    /// Notes that paths were registered.
    pub(super) fn registered(&self, jobs: impl IntoIterator<Item = usize>) {
        let mut inner = self.lock();
        for job in jobs {
            inner.states[job] = State::Valid;
            let Job { info, source, .. } = &self.jobs[job];
            match source {
                Source::Packs(_) => inner.sums.packs.add(info),
                Source::Upstream => inner.sums.upstream.add(info),
            }
        }
    }

    /// Gives a path up and what needs it; says which paths those are, so that nothing of them stays.
    pub(super) fn miss(&self, job: usize, reason: Reason, why: &str) -> Vec<usize> {
        let mut inner = self.lock();
        if matches!(inner.states[job], State::Valid | State::Missed) {
            return Vec::new();
        }
        inner.states[job] = State::Missed;
        let mut gone = vec![job];
        let mut at = 0;
        while let Some(&number) = gone.get(at) {
            at += 1;
            for &referrer in &self.jobs[number].referrers {
                if !matches!(inner.states[referrer], State::Valid | State::Missed) {
                    inner.states[referrer] = State::Missed;
                    gone.push(referrer);
                }
            }
        }
        let cause = &self.jobs[job].info.path;
        for &number in &gone {
            let through = (number != job).then(|| cause.clone());
            let miss = Miss { reason, detail: why.to_owned(), through };
            inner.missed.insert(self.jobs[number].info.path.clone(), miss);
        }
        gone
    }

    /// What was given up, and what is valid now.
    pub(super) fn result(&self) -> (BTreeMap<StorePath, Miss>, Sums) {
        let inner = self.lock();
        (inner.missed.clone(), inner.sums)
    }

    fn all(&self, which: impl Fn(State) -> bool) -> Vec<usize> {
        let inner = self.lock();
        inner.states.iter().enumerate().filter_map(|(job, &state)| which(state).then_some(job)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
