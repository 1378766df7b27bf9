//! Jobs: durable work that any process of the service may take, under a lease with a fencing number.

use std::time::Duration;

use async_trait::async_trait;

use super::Recoded;
use crate::Result;
use crate::ids::{JobId, RepresentationId};

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Recodes a raw representation; the subject is its number.
    Recode,
    /// Enforces retention and limits; periodic, the subject is 0.
    Evict,
    /// Collects what is unreachable; periodic, the subject is 0.
    Collect,
}

/// A job that this process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The job.
    pub job: JobId,
    /// What it does.
    pub kind: JobKind,
    /// What it does it to.
    pub subject: i64,
    /// Rises with every claim of this job: the holder of an older number has lost it.
    pub fence: i64,
    /// How many claims there were before this one.
    pub attempts: u32,
}

/// How much work waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queue {
    /// Jobs that could be claimed now.
    pub ready: u64,
    /// Jobs under a lease.
    pub running: u64,
    /// Jobs that wait for their time.
    pub waiting: u64,
}

/// The job queue.
#[async_trait]
pub trait Jobs {
    /// Sees to it that a periodic job exists, first due at once.
    async fn ensure_periodic(&self, kind: JobKind) -> Result<()>;

    /// Makes a job due now; one that is there already is brought forward, and one that runs is due again as
    /// soon as it is given back.
    async fn hasten(&self, kind: JobKind, subject: i64) -> Result<()>;

    /// Takes the job of these kinds that has been due longest and is under no lease.
    async fn claim(&self, kinds: &[JobKind], lease: Duration) -> Result<Option<Claim>>;

    /// Lets the lease run from now. False when the claim was lost.
    async fn renew(&self, claim: &Claim, lease: Duration) -> Result<bool>;

    /// Ends the job.
    async fn finish(&self, claim: &Claim) -> Result<()>;

    /// Gives the job back, due after `delay`: a failed one, or a periodic one that is done.
    async fn give_back(&self, claim: &Claim, delay: Duration) -> Result<()>;

    /// Ends a recode job: the entry's representation becomes `recoded`, the raw one is retired, the recipe
    /// becomes permanent, the job ends: one transaction. False, and nothing changes, when the claim was lost,
    /// the entry or the recipe is gone, a pack that it names is not live, or either is of another domain.
    async fn swap(&self, claim: &Claim, raw: RepresentationId, recoded: &Recoded) -> Result<bool>;

    /// How many jobs of this kind there are.
    async fn queue(&self, kind: JobKind) -> Result<Queue>;
}
