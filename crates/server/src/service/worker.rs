//! The worker: takes jobs from the catalog's queue, one at a time, until it is told to stop.

use std::time::Duration;

use snowbank_catalog::rooms::{Claim, JobKind};
use tokio_util::sync::CancellationToken;

use super::{EvictReport, JobEnd, Result, Service};

/// How often the queue is looked at when nothing was saved here: other processes save too.
const LOOK: Duration = Duration::from_secs(2);
/// How often gathered access times are written and blocks that recoding left behind are deleted.
const TIDY: Duration = Duration::from_secs(2);
/// How often events are written that have gathered.
const RECORD: Duration = Duration::from_secs(1);
/// A job that failed so often is given up; what it was about stays as it is.
const MAX_ATTEMPTS: u32 = 6;

/// Works in the background for a service.
pub struct Worker {
    service: Service,
}

impl Worker {
    /// A worker for this service.
    #[must_use]
    pub fn new(service: Service) -> Self {
        Self { service }
    }

    /// Works until `stop`. A job under way is left to its lease, to be done again by whoever comes next.
    pub async fn run(self, stop: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.jobs() => {}
            () = self.tidy() => {}
            () = self.record() => {}
        }
        if let Err(error) = self.service.write_access_times().await {
            tracing::warn!(%error, "the last access times could not be written");
        }
        if let Err(error) = self.service.write_events().await {
            tracing::warn!(%error, "the last events could not be written");
        }
    }

    fn lease(&self) -> Duration {
        self.service.settings().times.lease.0
    }

    async fn tidy(&self) {
        loop {
            tokio::time::sleep(TIDY).await;
            if let Err(error) = self.service.write_access_times().await {
                tracing::warn!(%error, "access times could not be written");
            }
            if self.service.settings().jobs.upkeep
                && let Err(error) = self.service.sweep().await
            {
                tracing::warn!(%error, "what nothing holds any more could not be deleted");
            }
        }
    }

    /// Writes what has gathered every second, or as soon as it is much.
    async fn record(&self) {
        loop {
            tokio::select! {
                () = self.service.0.events.many() => {}
                () = tokio::time::sleep(RECORD) => {}
            }
            if let Err(error) = self.service.write_events().await {
                tracing::warn!(%error, "events could not be written");
                tokio::time::sleep(RECORD).await;
            }
        }
    }

    async fn jobs(&self) {
        let jobs = &self.service.settings().jobs;
        let mut kinds = Vec::new();
        if jobs.recode {
            kinds.push(JobKind::Recode);
        }
        if jobs.upkeep {
            kinds.extend([JobKind::Evict, JobKind::Collect]);
        }
        loop {
            match self.next(&kinds).await {
                Ok(true) => {}
                Ok(false) => self.rest().await,
                Err(error) => {
                    tracing::warn!(%error, "the job queue does not answer");
                    self.rest().await;
                }
            }
        }
    }

    async fn rest(&self) {
        tokio::select! {
            () = self.service.0.saved.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }

    /// Does one job, if there is one.
    pub(super) async fn next(&self, kinds: &[JobKind]) -> Result<bool> {
        let catalog = &self.service.0.catalog;
        for kind in kinds.iter().filter(|kind| **kind != JobKind::Recode) {
            catalog.ensure_periodic(*kind).await?;
        }
        let Some(claim) = catalog.claim(kinds, self.lease()).await? else { return Ok(false) };
        let done = tokio::select! {
            done = self.perform(&claim) => done,
            () = self.keep(&claim) => {
                tracing::warn!(job = %claim.job, "a job was lost to another process");
                return Ok(true);
            }
        };
        let end = if done.is_ok() { JobEnd::Done } else { JobEnd::Failed };
        self.service.0.metrics.job(claim.kind, end);
        match done {
            Ok(()) if claim.kind == JobKind::Recode => catalog.finish(&claim).await?,
            Ok(()) => catalog.give_back(&claim, self.service.settings().times.upkeep.0).await?,
            Err(error) => self.failed(&claim, &error).await?,
        }
        Ok(true)
    }

    async fn perform(&self, claim: &Claim) -> Result<()> {
        match claim.kind {
            JobKind::Recode => {
                let outcome = self.service.recode(claim).await?;
                tracing::debug!(representation = claim.subject, ?outcome, "recoded");
                Ok(())
            }
            JobKind::Evict => {
                if self.service.evict().await? != EvictReport::default() {
                    self.service.0.catalog.hasten(JobKind::Collect, 0).await?;
                }
                Ok(())
            }
            JobKind::Collect => self.service.collect().await.map(|_| ()),
        }
    }

    /// Renews the claim until it is lost.
    async fn keep(&self, claim: &Claim) {
        loop {
            tokio::time::sleep(self.lease() / 4).await;
            match self.service.0.catalog.renew(claim, self.lease()).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => tracing::warn!(%error, "a job's lease could not be renewed"),
            }
        }
    }

    async fn failed(&self, claim: &Claim, error: &super::ServiceError) -> Result<()> {
        let cause = std::error::Error::source(error).map(causes).unwrap_or_default();
        let given_up = claim.kind == JobKind::Recode && claim.attempts + 1 >= MAX_ATTEMPTS;
        tracing::error!(kind = ?claim.kind, subject = claim.subject, %error, cause, given_up, "a job failed");
        if given_up {
            return Ok(self.service.0.catalog.finish(claim).await?);
        }
        let delay = Duration::from_secs(5) * 2u32.saturating_pow(claim.attempts.min(8));
        Ok(self.service.0.catalog.give_back(claim, delay).await?)
    }
}

/// The chain of causes in one line.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
