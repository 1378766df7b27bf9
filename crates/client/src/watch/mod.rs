//! Watching a store: what is registered in it is pushed, while the watch runs.
//!
//! A server that is away is waited for, and what is refused holds nothing else up. At the end what is left is pushed, for as
//! long as that may take.

mod backlog;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use snowbank_actions::client::ClientError;
use snowbank_nix::closure::Closure;
use snowbank_nix::store::{LocalStore, Place, StoreError};
use snowbank_nix::store_path::StorePath;
use tokio_util::sync::CancellationToken;

use crate::observer::{Event, Observer};
use crate::push::{PushError, Pushed};
use crate::save::Amount;
use crate::text;
use backlog::Backlog;

/// What to watch.
pub struct Watch<'a> {
    /// The store.
    pub place: &'a Place,
    /// The number of the last path that is left out: what was registered after it is pushed. See [`LocalStore::newest`].
    pub since: i64,
    /// Ends the watch: what is left is pushed then.
    pub stop: &'a CancellationToken,
    /// Ends even that.
    pub now: &'a CancellationToken,
    /// How long that may take.
    pub drain: Duration,
    /// Who is told.
    pub observer: &'a Arc<dyn Observer>,
}

/// What a watch came to.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    /// Paths that were pushed.
    pub pushed: Amount,
    /// Packs that were sent.
    pub sent: Amount,
    /// Paths that were not pushed in time.
    pub waiting: BTreeSet<StorePath>,
    /// Paths that could not be pushed, each with the reason.
    pub left: Vec<(StorePath, String)>,
}

impl Watch<'_> {
    /// Watches until it is stopped; `push` pushes a closure.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn run(
        &self,
        push: impl AsyncFn(&Closure) -> Result<Pushed, PushError>,
    ) -> Result<Watched, StoreError> {
        let mut last = self.since;
        let (mut backlog, mut watched) = (Backlog::default(), Watched::default());
        let late = async {
            self.stop.cancelled().await;
            tokio::select! {
                () = tokio::time::sleep(self.drain) => {}
                () = self.now.cancelled() => {}
            }
        };
        let late = late.boxed_local().shared();
        loop {
            let pause = if backlog.goes_on() { Duration::ZERO } else { backlog.pause() };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.cancelled(), if !self.stop.is_cancelled() => {}
                () = late.clone() => break,
            }
            // Asked first, so that what was registered before the end is seen.
            let stopping = self.stop.is_cancelled();
            let store = self.open()?;
            for (number, path) in store.registered_after(last)? {
                last = number;
                backlog.add(path);
            }
            if backlog.is_empty() {
                if stopping {
                    break;
                }
                continue;
            }
            let (roots, closure) = wanted(&store, &mut backlog)?;
            drop(store);
            tokio::select! {
                outcome = push(&closure) => self.learn(&roots, outcome, &mut backlog, &mut watched),
                () = late.clone() => break,
            }
        }
        watched.waiting = backlog.into_waiting();
        Ok(watched)
    }

    fn open(&self) -> Result<LocalStore, StoreError> {
        LocalStore::open(self.place.clone())
    }

    fn learn(
        &self,
        roots: &BTreeSet<StorePath>,
        outcome: Result<Pushed, PushError>,
        backlog: &mut Backlog,
        watched: &mut Watched,
    ) {
        match outcome {
            Ok(pushed) => {
                backlog.done(roots);
                for (sum, more) in [(&mut watched.pushed, pushed.published), (&mut watched.sent, pushed.sent)]
                {
                    sum.count += more.count;
                    sum.bytes += more.bytes;
                }
                watched.left.extend(pushed.left);
            }
            Err(error) if may_pass(&error) => {
                if backlog.outage() {
                    let (waiting, why) = (backlog.len(), text::chain(&error));
                    let warning =
                        format!("{waiting} paths wait to be pushed until the cache takes them: {why}");
                    self.observer.tell(Event::Warning(warning));
                }
            }
            Err(error) => {
                if let Some(path) = backlog.refused(roots) {
                    let why = text::chain(&error);
                    self.observer.tell(Event::Warning(format!("{path} is not pushed: {why}")));
                    watched.left.push((path, why));
                }
            }
        }
    }
}

/// What is pushed next: of that, what was not deleted meanwhile.
fn wanted(store: &LocalStore, backlog: &mut Backlog) -> Result<(BTreeSet<StorePath>, Closure), StoreError> {
    let (mut there, mut gone) = (BTreeSet::new(), BTreeSet::new());
    for path in backlog.next() {
        if store.is_valid(&path)? {
            there.insert(path)
        } else {
            gone.insert(path)
        };
    }
    if !gone.is_empty() {
        backlog.done(&gone);
    }
    let closure = store.closure(&there)?;
    Ok((there, closure))
}

/// Whether the same push may work later: the server is away or full, or wants another token.
fn may_pass(error: &PushError) -> bool {
    match error {
        PushError::Client(error) => error.is_outage() || matches!(error, ClientError::Denied { .. }),
        _ => false,
    }
}
