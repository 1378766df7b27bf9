//! `snowbank restore`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use snowbank_client::nix_cache::is_kept;
use snowbank_client::observer::{Event, Observer, Stage};
use snowbank_client::restore::{CachePacks, Options, Report, RestoreTrees};
use snowbank_client::series::{Found, find};
use snowbank_client::snapshot::Snapshot;
use snowbank_nix::daemon::Daemon;
use snowbank_nix::store::{LocalStore, Place, add_gc_root};
use snowbank_nix::store_path::StorePath;
use snowbank_server::settings::ByteSize;

use super::advice::{advised, is_outage};
use super::job::{Job, Lookup};
use super::lazy::{self, Host, Lazily};
use super::remote::Remote;
use super::session::{Series, Session};
use super::stamp;
use super::table::Table;
use super::writing::{Held, Restoring, Template};
use crate::args::client as args;
use crate::args::client::{Mode, WriterKind};
use crate::command::bytes;
use crate::error::{CliError, Result};
use crate::printer::Printer;

pub(crate) async fn run(args: args::Restore, printer: &Printer) -> Result<ExitCode> {
    let series = Series { key: args.key.as_deref(), prefixes: &args.restore_keys, immutable: args.immutable };
    let session = Session::new(&series, &args.service, &args.store, args.talk)?;
    let how = How::new(&session, &args.how)?;
    let (began, begun) = (stamp::now(), Instant::now());
    let remote = match Remote::unmade(&args.service)? {
        // A restore has nothing to keep there.
        Some(folder) => {
            let (key, folder) = (&session.key, folder.display());
            session
                .progress
                .say(format!("nothing was found under {key}: nothing was ever saved in {folder}"));
            None
        }
        None => Some(Remote::open(&args.service).await?),
    };
    if !args.lookup_only {
        if let Some(url) = stamp::read(&session).served {
            lazy::stop(&url).await;
        }
        lazy::forget(&session);
    }
    let done = match &remote {
        Some(remote) => found_and_restored(&session, remote, &how, args.lookup_only, Host::Background).await,
        None => Ok(Done::default()),
    };
    let done = done.map_err(|failure| failure.error);
    if let (Some(link), Ok(done)) = (&args.gc_root, &done) {
        roots(&session.place, link, &done.tops)?;
    }
    if !args.lookup_only {
        stamp::leave(&session, &stamp::of(began, done.as_ref().ok()));
    }
    let traffic = remote.as_ref().map(|remote| remote.client.traffic()).unwrap_or_default();
    if let Some(remote) = remote {
        remote.close().await;
    }
    let job = Job::of_environment();
    let looked_up = |lookup: Lookup<'_>| job.looked_up(&session.key, lookup, &session.progress);
    let done = match done {
        Ok(done) => done,
        Err(error) => {
            looked_up(Lookup::Outage);
            return session.outage(error).map(|()| ExitCode::SUCCESS);
        }
    };
    looked_up(done.found.as_ref().map_or(Lookup::Miss, Lookup::Found));
    if let Some(lazily) = &done.lazily {
        let told = job.set_nix(&lazily.url, &session.progress);
        if !told && !args.talk.json {
            printer.data(format!(
                "export NIX_CONFIG={}",
                quoted(&lazy::settings(&lazily.url, nix_config().as_deref()))
            ));
        }
    }
    if !args.lookup_only {
        let mut table = Table::default();
        table.restored(begun.elapsed(), &done, &session);
        if args.output_sizes {
            job.restored(begun.elapsed(), &done, &session.progress);
        }
        table.traffic(traffic);
        job.summarise(&table.markdown(&session.key), &session.progress);
    }
    if args.talk.json {
        printer.data(as_json(&done, traffic).to_string());
    }
    match &done.found {
        _ if done.interrupted => Ok(INTERRUPTED.into()),
        None if args.fail_on_cache_miss => {
            Err(CliError::failed(format!("nothing was found under {}", session.key)))
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// What Nix is told by the environment.
pub(crate) fn nix_config() -> Option<String> {
    std::env::var("NIX_CONFIG").ok()
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// How long the daemon may take to note a root.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keeps what was restored while links are there: one for each path that no other one refers to.
pub(super) fn roots(place: &Place, link: &Path, tops: &[StorePath]) -> Result<()> {
    for (at, path) in tops.iter().enumerate() {
        let link = match at {
            0 => link.to_owned(),
            // As `nix-store --add-root` has it.
            at => PathBuf::from(format!("{}-{}", link.display(), at + 1)),
        };
        let added = add_gc_root(place, &link, path);
        // Where the store is somebody else's, the link is there and its owner's daemon notes it.
        let noted = || {
            let link = std::path::absolute(&link).ok().filter(|link| link.is_symlink())?;
            Daemon::connect(place, Some(PATIENCE)).ok()?.add_indirect_root(&link).ok()
        };
        added
            .or_else(|error| noted().ok_or(error))
            .map_err(|error| CliError::failed("could not keep what was restored").because(error))?;
    }
    Ok(())
}

/// The exit code after Ctrl-C, as shells have it.
pub(crate) const INTERRUPTED: u8 = 130;

/// How a restore goes, checked.
pub(crate) struct How {
    only: BTreeSet<StorePath>,
    options: Options,
    writer: WriterKind,
    mode: Mode,
}

impl How {
    pub(crate) fn new(session: &Session, args: &args::How) -> Result<Self> {
        let dir = session.place.dir();
        let only = args
            .only
            .iter()
            .map(|text| {
                dir.parse(text)
                    .map_err(|error| CliError::usage(format!("--for {text} is not valid")).because(error))
            })
            .collect::<Result<_>>()?;
        let min_free: ByteSize = args
            .min_free
            .parse()
            .map_err(|error| CliError::usage("--min-free is not valid").because(error))?;
        let options = Options { min_free: min_free.0, verify_nar: args.verify_nar, ..Options::default() };
        let mode = if args.lazy { Mode::Lazy } else { args.mode };
        Ok(Self { only, options, writer: args.writer, mode })
    }
}

/// What was found, and what was restored of it.
#[derive(Default)]
pub(crate) struct Done {
    /// The entry, its series and number.
    pub found: Option<Found>,
    /// What was restored, unless it was only to be looked up, or is served.
    pub report: Option<Report>,
    /// What is served instead.
    pub lazily: Option<Lazily>,
    /// Keeps all of it from the garbage collector until it is dropped.
    pub held: Option<Held>,
    /// The paths that came with it: they are no news to a save.
    pub brought: BTreeSet<StorePath>,
    /// Of the wanted paths that are there now those that no other one refers to.
    pub tops: Vec<StorePath>,
    /// Whether the user ended it; what was complete then is there.
    pub interrupted: bool,
}

/// A restore that did not come about.
pub(crate) struct Failure {
    /// The entry that was found all the same.
    pub found: Option<String>,
    /// Whether the service did not answer.
    pub outage: bool,
    /// Why.
    pub error: CliError,
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Self {
        Self { found: None, outage: false, error }
    }
}

/// Finds the newest snapshot and restores it; everything that can go wrong is the cache's.
pub(crate) async fn found_and_restored(
    session: &Session,
    remote: &Remote,
    how: &How,
    lookup_only: bool,
    host: Host,
) -> std::result::Result<Done, Failure> {
    let progress = &session.progress;
    remote.introduce(progress);
    let failed = || CliError::failed(format!("nothing was restored from {}", remote.name));
    let observer: Arc<dyn Observer> = progress.clone();
    observer.tell(Event::Begin { stage: Stage::Find, bytes: 0, paths: 0 });
    let asked = find(&remote.client, &session.versions, session.naming, &session.key, &session.prefixes);
    let found = progress.wait_for(&remote.name, asked).await;
    observer.tell(Event::End { stage: Stage::Find });
    let found = found.map_err(|error| {
        let (outage, advised) = (is_outage(&error), advised(failed(), &error, remote));
        Failure { outage, ..advised.because(error).into() }
    })?;
    let Some(found) = found else {
        progress.say(format!("nothing was found under {}", session.key));
        return Ok(Done::default());
    };
    progress.say(format!("found {}: {} paths", found.entry, found.snapshot.paths.len()));
    if lookup_only {
        return Ok(Done { found: Some(found), ..Done::default() });
    }
    let entry = found.entry.clone();
    let restored = restored(session, remote, how, found, host).await;
    restored.map_err(|error| Failure { found: Some(entry), ..error.into() })
}

async fn restored(
    session: &Session,
    remote: &Remote,
    how: &How,
    mut found: Found,
    host: Host,
) -> Result<Done> {
    let progress = &session.progress;
    let observer: Arc<dyn Observer> = progress.clone();
    let snapshot = std::mem::take(&mut found.snapshot);
    let began = stamp::now();
    let cancel = Arc::new(AtomicBool::new(false));
    let packs = Arc::new(CachePacks { client: remote.client.clone(), versions: session.versions.clone() });
    if let Some(lazily) = lazy::serve(session, remote, &snapshot, how.mode, host).await {
        caches(session, &snapshot, &packs, &observer).await?;
        return Ok(Done { found: Some(found), lazily: Some(lazily), ..Done::default() });
    }
    let template = Template {
        snapshot: &snapshot,
        roots: (!how.only.is_empty()).then_some(&how.only),
        packs: &packs,
        upstream: &Arc::new(session.upstreams.clone()),
        options: &how.options,
        observer: &observer,
        cancel: &cancel,
    };
    let restore = Restoring { session, writer: how.writer, with: &template };
    let mut restoring = Box::pin(restore.run());
    let restored = tokio::select! {
        restored = &mut restoring => restored,
        // What is complete is registered; a second Ctrl-C does not wait for that.
        _ = tokio::signal::ctrl_c() => {
            progress.warn("interrupted: what is complete is kept");
            cancel.store(true, Ordering::Relaxed);
            tokio::spawn(async {
                let _ = tokio::signal::ctrl_c().await;
                std::process::exit(i32::from(INTERRUPTED));
            });
            restoring.await
        }
    };
    progress.clear();
    let (report, held) = restored?;
    tell(session, &report);
    let interrupted = cancel.load(Ordering::Relaxed);
    if !interrupted {
        caches(session, &snapshot, &packs, &observer).await?;
    }
    let new = LocalStore::open(session.place.clone()).and_then(|store| store.registered_since(began));
    let new = new.map_err(|error| {
        CliError::failed(format!("nothing was restored from {}", remote.name)).because(error)
    })?;
    let brought = new.into_iter().filter(|path| snapshot.paths.contains_key(path)).collect();
    let tops = tops(&snapshot, &how.only, &report);
    let (report, held) = (Some(report), Some(held));
    Ok(Done { found: Some(found), report, held, brought, tops, interrupted, lazily: None })
}

fn tops(snapshot: &Snapshot, only: &BTreeSet<StorePath>, report: &Report) -> Vec<StorePath> {
    let there = |path: &&StorePath| !report.missed.contains_key(*path);
    if !only.is_empty() {
        return only.iter().filter(there).cloned().collect();
    }
    let there: Vec<_> = snapshot.paths.keys().filter(there).collect();
    let referred: BTreeSet<_> = there
        .iter()
        .flat_map(|path| snapshot.paths[*path].info.references.iter().filter(move |other| other != path))
        .collect();
    there.into_iter().filter(|path| !referred.contains(path)).cloned().collect()
}

/// Restores what is not there of Nix's own caches.
async fn caches(
    session: &Session,
    snapshot: &Snapshot,
    packs: &Arc<CachePacks>,
    observer: &Arc<dyn Observer>,
) -> Result<()> {
    let Some(folder) = session.nix_cache.as_deref().filter(|_| !snapshot.trees.is_empty()) else {
        return Ok(());
    };
    let failed = || CliError::failed(format!("Nix's caches were not restored to {}", folder.display()));
    std::fs::create_dir_all(folder).map_err(|error| failed().because(error))?;
    let restore = RestoreTrees { snapshot, wanted: &is_kept, folder, packs, min_free: 0, observer };
    let restored = Box::pin(restore.run()).await.map_err(|error| failed().because(error))?;
    if restored.restored.count > 0 {
        session.progress.say(format!("restored {} of Nix's caches", restored.restored.count));
    }
    Ok(())
}

fn tell(session: &Session, report: &Report) {
    let progress = &session.progress;
    progress.say(format!(
        "restored {} paths ({}), {} downloaded; {} paths from upstream caches ({}); {} were there",
        report.restored.count,
        bytes(report.restored.bytes),
        bytes(report.downloaded),
        report.upstream.count,
        bytes(report.upstream.bytes),
        report.found.count,
    ));
}

fn as_json(done: &Done, traffic: snowbank_actions::client::Traffic) -> serde_json::Value {
    let report = done.report.clone().unwrap_or_default();
    let paths = |paths: snowbank_client::restore::Paths| json!({"paths": paths.count, "bytes": paths.bytes});
    json!({
        "matched": done.found.as_ref().map(|found| &found.entry),
        "generation": done.found.as_ref().map(|found| found.generation),
        "found": paths(report.found),
        "restored": paths(report.restored),
        "upstream": paths(report.upstream),
        "made_by_others": paths(report.others),
        "downloaded": report.downloaded,
        "received_from_upstream": report.received,
        "served": done.lazily.as_ref().map(|lazily| json!({"url": lazily.url, "paths": lazily.paths, "bytes": lazily.bytes})),
        "missed": report.missed.iter().map(|(path, why)| json!({"path": path.to_string(), "why": why.to_string()})).collect::<Vec<_>>(),
        "traffic": {"requests": traffic.requests, "sent": traffic.sent, "received": traffic.received},
    })
}
