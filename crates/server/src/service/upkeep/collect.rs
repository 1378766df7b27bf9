//! Collection: what nothing reaches any more goes, in two acts, beside running saves and restores.

use futures::future::try_join_all;
use futures::stream::TryStreamExt;
use snowbank_cas::bucket::{pack_name, pack_of};
use snowbank_cas::id::PackId;
use snowbank_catalog::rooms::Pack;

use super::evict::EvictReport;
use super::repack::RepackPlan;
use crate::service::{CacheEvictReport, Kind, Result, Service, ServiceError};

/// Objects deleted at once.
const DELETES: usize = 8;
/// Rows dealt with in one statement.
const BATCH: u64 = 500;

/// What eviction and collection would do now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CollectPlan {
    /// Entries that are over a limit, to be evicted. What that makes dead is not in the rest of the plan yet.
    pub evict: EvictReport,
    /// Paths of binary caches that go by their caches' retention and sizes, and why.
    pub caches: Vec<CacheEvictReport>,
    /// Packs that nothing reaches, to be condemned.
    pub unreachable: Vec<Pack>,
    /// Condemned packs whose grace is over, to be deleted.
    pub due: Vec<Pack>,
    /// Packs with little that is live in them, to be packed anew.
    pub repack: RepackPlan,
    /// Objects that nothing names any more, to be deleted.
    pub doomed: u64,
}

/// What collection did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollectReport {
    /// Uploads whose lease had run out.
    pub uploads: u64,
    /// Representations that nothing shows or holds any more.
    pub representations: u64,
    /// Packs condemned.
    pub condemned: u64,
    /// Packs deleted.
    pub deleted: u64,
    /// Packs emptied into new ones.
    pub repacked: u64,
    /// Objects of uploads deleted.
    pub objects: u64,
    /// Objects deleted that no fact named: what crashes left behind.
    pub orphans: u64,
    /// Bytes of the deleted packs.
    pub freed: u64,
}

impl Service {
    /// What [`Service::evict`] and [`Service::collect`] would do, without doing it.
    pub async fn plan_collection(&self) -> Result<CollectPlan> {
        Ok(CollectPlan {
            evict: self.plan_eviction().await?,
            caches: self.plan_expiry().await?,
            unreachable: self.0.catalog.unreachable_packs().await?,
            due: self.0.catalog.condemned_since(self.settings().times.grace.0).await?,
            repack: self.plan_repack().await?,
            doomed: self.0.catalog.doomed(u64::MAX >> 1).await?.len() as u64,
        })
    }

    /// Collects. Every step can be cut off anywhere and done again.
    pub async fn collect(&self) -> Result<CollectReport> {
        let mut report = CollectReport::default();
        self.sweep_leases(&mut report).await?;
        report.repacked = self.repack(&self.plan_repack().await?).await?;
        let unreachable: Vec<PackId> =
            self.0.catalog.unreachable_packs().await?.iter().map(|pack| pack.id).collect();
        for batch in unreachable.chunks(BATCH as usize) {
            report.condemned += self.0.catalog.condemn(batch).await?.len() as u64;
        }
        for pack in self.0.catalog.condemned_since(self.settings().times.grace.0).await? {
            self.delete_pack(pack.id).await?;
            report.deleted += 1;
            report.freed += pack.size;
        }
        report.objects = self.delete_doomed().await?;
        report.orphans = self.delete_orphans().await?;
        if report != CollectReport::default() {
            tracing::info!(?report, "collected");
        }
        Ok(report)
    }

    /// The part of collection that costs next to nothing: representations that nothing shows or holds any more, and
    /// their objects. A recoded upload's blocks go this way.
    pub(in crate::service) async fn sweep(&self) -> Result<()> {
        self.0.catalog.sweep_retired(BATCH).await?;
        self.delete_doomed().await?;
        Ok(())
    }

    async fn sweep_leases(&self, report: &mut CollectReport) -> Result<()> {
        loop {
            let uploads = self.0.catalog.sweep_uploads(BATCH).await?;
            let representations = self.0.catalog.sweep_retired(BATCH).await?;
            let nars = self.0.catalog.sweep_nars(BATCH).await?;
            report.uploads += uploads;
            report.representations += representations;
            if uploads + representations + nars == 0 {
                break;
            }
        }
        self.0.catalog.sweep_recipes().await?;
        for pack in self.0.catalog.abandoned_packs().await? {
            self.delete_pack(pack).await?;
        }
        Ok(())
    }

    /// The object first: were the row gone first, a crash between would leave an object that only listing finds.
    async fn delete_pack(&self, id: PackId) -> Result<()> {
        self.delete_object(&pack_name(id)).await?;
        Ok(self.0.catalog.forget_pack(id).await?)
    }

    async fn delete_doomed(&self) -> Result<u64> {
        let mut deleted = 0;
        loop {
            let doomed = self.0.catalog.doomed(BATCH).await?;
            if doomed.is_empty() {
                return Ok(deleted);
            }
            for some in doomed.chunks(DELETES) {
                let mut deletes = Vec::with_capacity(DELETES);
                for object in some {
                    deletes.push(self.delete_object(&object.object));
                }
                try_join_all(deletes).await?;
            }
            let ids: Vec<i64> = doomed.iter().map(|object| object.id).collect();
            self.0.catalog.forget_doomed(&ids).await?;
            deleted += doomed.len() as u64;
        }
    }

    /// Lists the bucket first and asks the catalog then, so that what is being written meanwhile has its row.
    async fn delete_orphans(&self) -> Result<u64> {
        let blocks: Vec<String> = self.list("uploads/").await?;
        let mut orphans = Vec::new();
        for batch in blocks.chunks(BATCH as usize) {
            orphans.extend(self.0.catalog.unnamed_blocks(batch).await?);
        }
        let packs: Vec<PackId> = self.list("packs/").await?.iter().filter_map(|name| pack_of(name)).collect();
        for batch in packs.chunks(BATCH as usize) {
            orphans.extend(self.0.catalog.unknown_packs(batch).await?.into_iter().map(pack_name));
        }
        for object in &orphans {
            self.delete_object(object).await?;
        }
        Ok(orphans.len() as u64)
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>> {
        let names = self.0.bucket.list(prefix).map_ok(|(name, _)| name).try_collect().await;
        names.map_err(|error| {
            ServiceError::caused(Kind::Unavailable, "the server's storage could not be listed", error)
        })
    }

    async fn delete_object(&self, name: &str) -> Result<()> {
        self.0.bucket.delete(name).await.map_err(|error| {
            ServiceError::caused(Kind::Unavailable, format!("the object {name} could not be deleted"), error)
        })
    }
}
