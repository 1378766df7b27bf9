//! `snowbank watch-store`.

use std::sync::Arc;

use serde_json::json;
use snowbank_client::observer::Observer;
use snowbank_client::push::{PushError, Pushed};
use snowbank_client::watch::{Watch, Watched};
use snowbank_nix::closure::Closure;
use snowbank_nix::store::{LocalStore, Place, StoreError};
use snowbank_server::settings::Span;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use super::push::{Destination, failure};
use crate::args::push as args;
use crate::command::{bytes, counted};
use crate::error::{CliError, Result};
use crate::printer::Printer;

pub(crate) async fn run(args: args::WatchStore, printer: &Printer) -> Result<()> {
    let drain: Span =
        args.drain.parse().map_err(|error| CliError::usage("--drain is not valid").because(error))?;
    let progress = Arc::new(Progress::new(args.talk.quiet));
    let destination = Destination::new(&args.destination, Arc::clone(&progress))?;
    // Before a server that is away is waited for: what is built meanwhile counts.
    let since = newest(&destination.place).map_err(unwatched)?;
    first(&destination).await?;
    let (stop, now) = (CancellationToken::new(), CancellationToken::new());
    tell_end(&stop, &now, drain, &progress)?;
    progress.say(format!("pushing what is registered from now on to {}", destination.site.place()));
    let observer: Arc<dyn Observer> = progress.clone();
    let place = destination.place.clone();
    let watch = Watch { place: &place, since, stop: &stop, now: &now, drain: drain.0, observer: &observer };
    let push = async |closure: &Closure| {
        // A token of a few minutes may have been written anew. One that cannot be read is tried again with the rest.
        let anew = Destination::new(&args.destination, Arc::clone(&progress));
        let pushed = anew.as_ref().unwrap_or(&destination).push(closure).await;
        tell(&progress, &pushed);
        pushed
    };
    let watched = watch.run(push).await;
    let watched = watched.map_err(unwatched)?;
    if args.talk.json {
        printer.data(as_json(&watched).to_string());
    }
    complete(&watched, &progress)
}

fn newest(place: &Place) -> std::result::Result<i64, StoreError> {
    LocalStore::open(place.clone())?.newest()
}

fn unwatched(error: StoreError) -> CliError {
    CliError::failed("could not watch the Nix store").because(error)
}

/// Whether anything can be pushed, found out by pushing nothing: what is wrong now is not found out in the end. A server
/// that is away may come.
async fn first(destination: &Destination) -> Result<()> {
    match destination.push(&Closure::default()).await {
        Ok(_) => Ok(()),
        Err(PushError::Client(error)) if error.is_outage() => {
            destination.progress.warn(&format!("what is built waits until the cache is there: {error}"));
            Ok(())
        }
        Err(error) => Err(failure(destination.site.place(), error)),
    }
}

/// Ctrl-C, or SIGTERM, ends the watch; once more ends it at once.
fn tell_end(
    stop: &CancellationToken,
    now: &CancellationToken,
    drain: Span,
    progress: &Arc<Progress>,
) -> Result<()> {
    let failed = |error| CliError::failed("could not wait for signals").because(error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let (stop, now, progress) = (stop.clone(), now.clone(), Arc::clone(progress));
    tokio::spawn(async move {
        for token in [stop, now] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if !token.is_cancelled() {
                progress.say(format!("ending: what is left is pushed for {drain} at most"));
            }
            token.cancel();
        }
    });
    Ok(())
}

fn tell(progress: &Progress, pushed: &std::result::Result<Pushed, PushError>) {
    let Ok(pushed) = pushed else { return };
    if pushed.published.count > 0 {
        let paths = counted(pushed.published.count, "path");
        progress.say(format!("pushed {paths}, {} sent", bytes(pushed.sent.bytes)));
    }
    for (path, why) in &pushed.left {
        progress.warn(&format!("{path} was not pushed: {why}"));
    }
}

fn as_json(watched: &Watched) -> serde_json::Value {
    let left = watched.left.iter().map(|(path, why)| json!({"path": path.to_string(), "why": why}));
    json!({
        "pushed": {"paths": watched.pushed.count, "bytes": watched.pushed.bytes},
        "sent": {"packs": watched.sent.count, "bytes": watched.sent.bytes},
        "waiting": watched.waiting.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "left": left.collect::<Vec<_>>(),
    })
}

fn complete(watched: &Watched, progress: &Progress) -> Result<()> {
    let paths = counted(watched.pushed.count, "path");
    progress.say(format!("pushed {paths} in all, {} sent", bytes(watched.sent.bytes)));
    let missing = watched.waiting.len() + watched.left.len();
    if missing == 0 {
        return Ok(());
    }
    for path in &watched.waiting {
        progress.warn(&format!("{path} was not pushed in time"));
    }
    Err(CliError::failed(format!("{} not pushed", counted(missing as u64, "path")))
        .hint("`snowbank push` pushes them later"))
}
