//! Retention of binary caches: what goes, and its going.

use std::collections::HashMap;

use snowbank_catalog::ids::PathId;
use snowbank_catalog::rooms::{Cache, HashPart, PathRow};

use super::ITSELF;
use super::retention::{Bounds, Known, Reason, going};
use crate::service::{Result, Service, metrics};

/// Paths read, or deleted, in one statement.
const PAGE: u64 = 1000;

/// What goes of a cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheEvictReport {
    /// The cache.
    pub cache: String,
    /// Paths that nobody used for the retention time, and that nothing used refers to.
    pub unused: u64,
    /// Paths that went because the cache was over its size.
    pub over_size: u64,
    /// Some of them, as `<hash part>: why`.
    pub some: Vec<String>,
}

/// Paths that a report names.
const NAMED: usize = 20;

impl Service {
    /// What [`Service::expire`] would remove of every cache.
    pub(in crate::service) async fn plan_expiry(&self) -> Result<Vec<CacheEvictReport>> {
        let mut reports = Vec::new();
        for cache in self.0.catalog.caches().await? {
            let plan = self.plan_cache(&cache).await?;
            reports.push(plan.report);
        }
        reports.retain(|report| report.unused + report.over_size > 0);
        Ok(reports)
    }

    /// Removes from every cache what its retention and its size do not keep.
    pub(in crate::service) async fn expire(&self) -> Result<Vec<CacheEvictReport>> {
        let mut reports = Vec::new();
        for cache in self.0.catalog.caches().await? {
            let plan = self.plan_cache(&cache).await?;
            // From the top down, so that what is cut off between two statements leaves whole closures.
            for batch in plan.paths.chunks(PAGE as usize) {
                self.0.catalog.delete_paths(batch, Some(plan.since)).await?;
            }
            if let Some(settings) = self.settings().caches.get(&cache.name)
                && let Some(retention) = settings.retention
            {
                self.0.catalog.sweep_files(cache.id, retention.0).await?;
                self.0.catalog.sweep_layers(cache.id, retention.0).await?;
            }
            if !plan.paths.is_empty() {
                let CacheEvictReport { cache, unused, over_size, .. } = &plan.report;
                self.0.metrics.evicted(metrics::Reason::PathUnused, *unused, 0);
                self.0.metrics.evicted(metrics::Reason::PathOverSize, *over_size, 0);
                tracing::info!(cache, unused, over_size, "paths of a binary cache went");
                reports.push(plan.report);
            }
        }
        Ok(reports)
    }

    async fn plan_cache(&self, cache: &Cache) -> Result<CachePlan> {
        let since = self.0.catalog.now().await?;
        let mut plan = CachePlan { paths: Vec::new(), since, report: CacheEvictReport::default() };
        plan.report.cache.clone_from(&cache.name);
        let Some(settings) = self.settings().caches.get(&cache.name) else { return Ok(plan) };
        let keep = settings.retention.map(|span| i64::try_from(span.0.as_millis()).unwrap_or(i64::MAX));
        let bounds = Bounds {
            since: keep.map(|keep| since.0.saturating_sub(keep)),
            size: settings.size.map(|size| size.0),
        };
        if bounds.since.is_none() && bounds.size.is_none() {
            return Ok(plan);
        }
        let (rows, known) = self.known(cache).await?;
        for (at, reason) in going(&known, bounds) {
            let row: &(PathId, HashPart) = &rows[at];
            plan.paths.push(row.0);
            let why = match reason {
                Reason::Unused => {
                    plan.report.unused += 1;
                    "not used for the cache's retention"
                }
                Reason::OverSize => {
                    plan.report.over_size += 1;
                    "over the cache's size, and not used for longest"
                }
            };
            if plan.report.some.len() < NAMED {
                plan.report.some.push(format!("{}: {why}", row.1));
            }
        }
        Ok(plan)
    }

    /// All paths of a cache: about 250 bytes each.
    async fn known(&self, cache: &Cache) -> Result<(Vec<(PathId, HashPart)>, Vec<Known>)> {
        let pins = self.0.catalog.pins(cache.id).await?;
        let pinned: std::collections::HashSet<HashPart> =
            pins.iter().map(|pin| HashPart::of(&pin.path)).collect();
        let (mut rows, mut known) = (Vec::new(), Vec::new());
        let (mut views, mut paths) = (Numbers::default(), Numbers::default());
        views.of(ITSELF.to_owned());
        let mut after = None;
        loop {
            let page: Vec<PathRow> = self.0.catalog.walk_paths(cache.id, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok((rows, known)) };
            after = Some(last.id);
            for row in page {
                rows.push((row.id, row.hash_part));
                known.push(Known {
                    pinned: row.view == ITSELF && pinned.contains(&row.hash_part),
                    view: views.of(row.view),
                    path: paths.of(row.hash_part),
                    references: row.references.into_iter().map(|part| paths.of(part)).collect(),
                    // One that waits for its NAR takes nothing, and shares nothing.
                    nar: row.nar.map_or(-row.id.0, |nar| nar.0),
                    stored: row.stored,
                    used: row.used.0,
                });
            }
        }
    }
}

struct CachePlan {
    paths: Vec<PathId>,
    since: snowbank_catalog::ids::Timestamp,
    report: CacheEvictReport,
}

/// Numbers instead of what is long.
struct Numbers<T>(HashMap<T, u32>);

impl<T> Default for Numbers<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: std::hash::Hash + Eq> Numbers<T> {
    fn of(&mut self, one: T) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(one).or_insert(next)
    }
}
