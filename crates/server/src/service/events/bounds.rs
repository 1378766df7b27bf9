//! Keeping what happened within bounds, and sampling what is stored.

use std::time::Duration;

use snowbank_catalog::rooms::{Keep, NewSample, Usage};

use crate::service::{Result, Service};

/// Events of a repository that are kept of each kind.
const MOST: u64 = 20_000;
/// How long counts by day and samples are kept: a year and a little, for charts.
const COUNTS: Duration = Duration::from_secs(400 * 24 * 3600);
/// Rows deleted in one statement.
const BATCH: u64 = 500;

impl Service {
    /// Samples what is stored, and forgets what is too old or too much. Part of upkeep.
    pub(in crate::service) async fn keep_events(&self) -> Result<()> {
        self.write_events().await?;
        let kept = self.settings().times.events.0;
        if !kept.is_zero() {
            self.sample().await?;
        }
        let counts = if kept.is_zero() { Duration::ZERO } else { COUNTS };
        let keep = Keep { events: kept, most: MOST, counts };
        while self.0.catalog.sweep_events(&keep, BATCH).await? > 0 {}
        Ok(())
    }

    async fn sample(&self) -> Result<()> {
        let (uploads, packs) = self.disk_usage().await?;
        let usage = self.0.catalog.usage(None, 0, u64::MAX).await?;
        let cascade = self.whole_cascade().await?;
        let all = NewSample {
            repo: None,
            disk: Some(uploads + packs),
            bound: self.settings().max_disk.map(|bound| bound.0),
            bytes: usage.iter().map(|usage| usage.bytes).sum(),
            entries: usage.iter().map(|usage| usage.entries).sum(),
        };
        let each = |usage: &Usage| NewSample {
            repo: Some(usage.repository.id),
            disk: None,
            bound: Some(cascade.of_repository(&usage.repository.name).size.0),
            bytes: usage.bytes,
            entries: usage.entries,
        };
        let samples: Vec<_> = std::iter::once(all).chain(usage.iter().map(each)).collect();
        Ok(self.0.catalog.note_samples(&samples).await?)
    }
}
