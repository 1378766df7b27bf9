//! `snowbank gc`.

use serde_json::{Value, json};
use snowbank_server::service::CacheEvictReport;
use snowbank_server::settings::Span;

use super::bytes;
use crate::args::Gc;
use crate::config;
use crate::error::{CliError, Result};
use crate::open::{Role, open};
use crate::printer::Printer;

pub(crate) async fn run(args: Gc, printer: &Printer) -> Result<()> {
    let mut settings = config::read(&args.state, Vec::new())?.settings;
    if let Some(grace) = &args.grace {
        let grace: Span =
            grace.parse().map_err(|error| CliError::usage("--grace is not valid").because(error))?;
        settings.times.grace = grace;
    }
    let service = open(settings, Role::Beside).await?.service;
    if args.plan {
        let plan = service.plan_collection().await?;
        let size = |packs: &[snowbank_catalog::rooms::Pack]| packs.iter().map(|pack| pack.size).sum::<u64>();
        if args.json {
            printer.data(format!(
                "{:#}",
                json!({
                    "evict_idle": plan.evict.idle, "evict_over_limit": plan.evict.over_limit,
                    "evict_for_space": plan.evict.for_space,
                    "evict_paths": plan.caches.iter().map(cache).collect::<Vec<_>>(),
                    "unreachable_packs": plan.unreachable.len(), "unreachable_bytes": size(&plan.unreachable),
                    "due_packs": plan.due.len(), "due_bytes": size(&plan.due),
                    "repack_packs": plan.repack.packs.len(), "repack_live_bytes": plan.repack.live,
                    "repack_dead_bytes": plan.repack.dead, "objects": plan.doomed,
                })
            ));
            return Ok(());
        }
        printer.data(format!(
            "to evict     {:>6} idle, {} over a limit, {} for space",
            plan.evict.idle, plan.evict.over_limit, plan.evict.for_space
        ));
        for cache in &plan.caches {
            printer.data(format!(
                "to remove    {:>6} paths of the cache {}, {} of them for its size",
                cache.unused + cache.over_size,
                cache.cache,
                cache.over_size
            ));
            cache.some.iter().for_each(|path| printer.data(format!("             {path}")));
        }
        printer.data(format!(
            "to condemn   {:>6} packs   {:>10}",
            plan.unreachable.len(),
            bytes(size(&plan.unreachable))
        ));
        printer.data(format!("to delete    {:>6} packs   {:>10}", plan.due.len(), bytes(size(&plan.due))));
        printer.data(format!(
            "to repack    {:>6} packs   {:>10} live, {} dead",
            plan.repack.packs.len(),
            bytes(plan.repack.live),
            bytes(plan.repack.dead)
        ));
        printer.data(format!("to delete    {:>6} uploaded blocks", plan.doomed));
        return Ok(());
    }
    let evicted = service.evict().await?;
    let done = service.collect().await?;
    if args.json {
        printer.data(format!("{:#}", json!({
            "evicted_idle": evicted.idle, "evicted_over_limit": evicted.over_limit, "evicted_for_space": evicted.for_space,
            "evicted_paths": evicted.paths,
            "uploads": done.uploads, "representations": done.representations, "condemned": done.condemned,
            "deleted": done.deleted, "repacked": done.repacked, "objects": done.objects, "orphans": done.orphans,
            "freed_bytes": done.freed,
        })));
        return Ok(());
    }
    printer.data(format!(
        "evicted      {:>6} idle, {} over a limit, {} for space",
        evicted.idle, evicted.over_limit, evicted.for_space
    ));
    if evicted.paths > 0 {
        printer.data(format!("removed      {:>6} paths of binary caches", evicted.paths));
    }
    printer.data(format!("given up     {:>6} uploads that nobody finished", done.uploads));
    printer.data(format!("condemned    {:>6} packs, to be deleted after the grace period", done.condemned));
    printer.data(format!("repacked     {:>6} packs", done.repacked));
    printer.data(format!(
        "deleted      {:>6} packs, {} uploaded blocks, {} leftovers; {} of packs freed",
        done.deleted,
        done.objects,
        done.orphans,
        bytes(done.freed)
    ));
    Ok(())
}

fn cache(report: &CacheEvictReport) -> Value {
    let CacheEvictReport { cache, unused, over_size, some } = report;
    json!({ "cache": cache, "unused": unused, "over_size": over_size, "some": some })
}
