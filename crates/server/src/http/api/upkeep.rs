//! Limits and collection on demand; the answers have the fields of `snowbank gc --json`.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use snowbank_catalog::rooms::Pack;

use super::failure::Failure;
use crate::http::site::Site;
use crate::service::{CacheEvictReport, CollectReport, EvictReport, Service};

/// `POST /evict`: enforces retention and limits now.
pub(super) async fn evict(State(service): State<Service>, site: Site) -> Result<Json<Value>, Failure> {
    site.admin(&service).await?;
    let EvictReport { idle, over_limit, for_space, paths } = service.evict().await?;
    Ok(Json(json!({
        "evicted_idle": idle, "evicted_over_limit": over_limit, "evicted_for_space": for_space,
        "evicted_paths": paths,
    })))
}

/// `GET /gc`: what eviction and collection would do.
pub(super) async fn plan(State(service): State<Service>, site: Site) -> Result<Json<Value>, Failure> {
    site.admin(&service).await?;
    let plan = service.plan_collection().await?;
    let bytes = |packs: &[Pack]| packs.iter().map(|pack| pack.size).sum::<u64>();
    let EvictReport { idle, over_limit, for_space, .. } = plan.evict;
    let caches: Vec<Value> = plan.caches.iter().map(cache).collect();
    Ok(Json(json!({
        "evict_idle": idle, "evict_over_limit": over_limit, "evict_for_space": for_space,
        "evict_paths": caches,
        "unreachable_packs": plan.unreachable.len(), "unreachable_bytes": bytes(&plan.unreachable),
        "due_packs": plan.due.len(), "due_bytes": bytes(&plan.due),
        "repack_packs": plan.repack.packs.len(), "repack_live_bytes": plan.repack.live,
        "repack_dead_bytes": plan.repack.dead, "objects": plan.doomed,
    })))
}

/// What goes of a binary cache.
fn cache(report: &CacheEvictReport) -> Value {
    json!({
        "cache": report.cache, "unused": report.unused, "over_size": report.over_size, "some": report.some,
    })
}

/// `POST /gc`: collects now.
pub(super) async fn collect(State(service): State<Service>, site: Site) -> Result<Json<Value>, Failure> {
    site.admin(&service).await?;
    let CollectReport { uploads, representations, condemned, deleted, repacked, objects, orphans, freed } =
        service.collect().await?;
    Ok(Json(json!({
        "uploads": uploads, "representations": representations, "condemned": condemned, "deleted": deleted,
        "repacked": repacked, "objects": objects, "orphans": orphans, "freed_bytes": freed,
    })))
}
