//! `snowbank save`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::json;
use snowbank_client::nix_cache::{Collected, collect};
use snowbank_client::observer::Observer;
use snowbank_client::save::{Save, Saved};
use snowbank_client::series::Published;

use super::advice::advised;
use super::job::Job;
use super::lazy;
use super::limits::Limits;
use super::remote::Remote;
use super::session::{Series, Session, spool};
use super::stamp;
use super::table::Table;
use super::tidy::tidy;
use super::wanted::{Before, Wanted, wanted};
use crate::args::client as args;
use crate::command::bytes;
use crate::error::{CliError, Result};
use crate::printer::Printer;

pub(crate) async fn run(args: args::Save, printer: &Printer) -> Result<()> {
    let series =
        Series { key: args.key.as_deref(), prefixes: &args.restore_keys, immutable: args.what.immutable };
    let limits = Limits::new(&args.what)?;
    let mut session = Session::new(&series, &args.service, &args.store, args.talk)?;
    let before = stamp::read(&session);
    let known = Before { usage: lazy::usage(&session), ..Before::from(&before) };
    let wanted = wanted(&session, &args.what, &args.paths, &known)?;
    session.prefixes.extend(stamp::prefix(&before));
    let begun = Instant::now();
    let remote = Remote::open(&args.service).await?;
    remote.introduce(&session.progress);
    let saving = save(&session, &remote, &wanted, args.what.keep_upstream, &limits);
    let saved = session.progress.unless_interrupted(saving).await;
    let requests = remote.client.traffic();
    let (took, mut table) = (begun.elapsed(), Table::default());
    if let Ok(saved) = &saved {
        tell(&session, saved);
        tidy(&session, &remote, saved, &mut table).await;
    }
    remote.close().await;
    if let Some(url) = before.served.as_ref().filter(|_| args.end) {
        lazy::stop(url).await;
    }
    match saved {
        Ok(saved) => {
            table.built(wanted.built);
            table.saved(took, &saved);
            table.traffic(requests);
            Job::of_environment().summarise(&table.markdown(&session.key), &session.progress);
            if args.talk.json {
                printer.data(as_json(&saved, requests).to_string());
            }
            Ok(())
        }
        Err(error) => session.outage(error),
    }
}

/// Saves a closure; everything that can go wrong is the cache's.
pub(crate) async fn save(
    session: &Session,
    remote: &Remote,
    wanted: &Wanted,
    keep_upstream: bool,
    limits: &Limits,
) -> Result<Saved> {
    let observer: Arc<dyn Observer> = session.progress.clone();
    let failed = || CliError::failed(format!("nothing was saved under {} at {}", session.key, remote.name));
    // Copies of databases are there until all is saved.
    let scratch = tempfile::tempdir_in(spool()).map_err(|error| failed().because(error))?;
    let caches = match session.nix_cache.clone() {
        Some(folder) => {
            let to = scratch.path().to_owned();
            let collecting = tokio::task::spawn_blocking(move || collect(&folder, &to));
            collecting.await.map_err(|error| failed().because(error))?
        }
        None => Collected::default(),
    };
    for (name, why) in &caches.left {
        session.progress.say(format!("{name} of Nix's caches is left out: {why}"));
    }
    let stop = Arc::new(AtomicBool::new(false));
    let save = Save {
        client: &remote.client,
        versions: &session.versions,
        place: &session.place,
        closure: &wanted.closure,
        realisations: &wanted.realisations,
        trees: &caches.trees,
        upstream: &|info| !keep_upstream && session.upstreams.holder(info).is_some(),
        key: &session.key,
        prefixes: &session.prefixes,
        naming: session.naming,
        known: &wanted.known,
        used: &wanted.used,
        run: &session.run,
        level: 1,
        bounds: limits.bounds,
        pack: limits.pack,
        spool: spool(),
        stop: &stop,
        observer: &observer,
    };
    let mut saving = Box::pin(save.run());
    let over = async {
        match limits.budget {
            Some(budget) => tokio::time::sleep(budget).await,
            None => std::future::pending().await,
        }
    };
    let saved = tokio::select! {
        saved = &mut saving => saved,
        () = over => {
            stop.store(true, Ordering::Relaxed);
            saving.await
        }
    };
    saved.map_err(|error| advised(failed(), &error, remote).because(error))
}

/// What a save came to, in a line.
pub(crate) fn tell(session: &Session, saved: &Saved) {
    let progress = &session.progress;
    for (path, why) in saved.left.iter().take(20) {
        progress.warn(&format!("{path} was not saved: {why}"));
    }
    if saved.left.len() > 20 {
        progress.warn(&format!("{} more paths were not saved", saved.left.len() - 20));
    }
    let read = format!("{} paths read ({})", saved.read.count, bytes(saved.read.bytes));
    let sent = format!("{} sent in {} packs", bytes(saved.sent.bytes), saved.sent.count);
    match &saved.published {
        None => progress.say(format!("nothing new to save under {}", session.key)),
        Some(Published::As { entry, .. }) => progress.say(format!("saved as {entry}: {read}, {sent}")),
        Some(Published::Exists) => progress.say(format!("{} was saved before", session.key)),
        Some(Published::Denied(why)) => progress.warn(&format!("nothing was saved: {why}")),
    }
}

fn as_json(saved: &Saved, traffic: snowbank_actions::client::Traffic) -> serde_json::Value {
    let entry = match &saved.published {
        Some(Published::As { entry, .. }) => Some(entry),
        _ => None,
    };
    json!({
        "saved": entry,
        "built_upon": saved.last,
        "wanted": saved.wanted,
        "read": {"paths": saved.read.count, "bytes": saved.read.bytes},
        "upstream": {"paths": saved.upstream.count, "bytes": saved.upstream.bytes},
        "sent": {"packs": saved.sent.count, "bytes": saved.sent.bytes},
        "dropped": saved.dropped,
        "refreshed": saved.refreshed,
        "left": saved.left.iter().map(|(path, why)| json!({"path": path.to_string(), "why": why})).collect::<Vec<_>>(),
        "traffic": {"requests": traffic.requests, "sent": traffic.sent, "received": traffic.received},
    })
}
