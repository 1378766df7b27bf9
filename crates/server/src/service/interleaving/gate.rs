//! Who may take the next step.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

/// An actor that waits, and for which step.
pub(super) type Able = (usize, &'static str);

/// Several actors that share a catalog and a bucket. Each waits before every call of either until it is let through,
/// and only one is under way at a time.
#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Whether anybody has to wait at all.
    closed: bool,
    waiting: Vec<Waiting>,
    under_way: usize,
    /// Actors that have not come to their end.
    acting: Vec<usize>,
    taken: Vec<String>,
}

struct Waiting {
    actor: usize,
    what: &'static str,
    go: oneshot::Sender<Step>,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work` as one step of the actor, when its turn has come.
    pub(super) async fn pass<T>(&self, actor: usize, what: &'static str, work: impl Future<Output = T>) -> T {
        let Some(may) = self.queue(actor, what) else { return work.await };
        self.changed.notify_one();
        // Nobody is left to let it through when the test has failed.
        let _step = may.await.ok();
        work.await
    }

    /// Stands in line, where there is one.
    fn queue(&self, actor: usize, what: &'static str) -> Option<oneshot::Receiver<Step>> {
        let mut state = self.lock();
        let (go, may) = oneshot::channel();
        state.closed.then(|| {
            state.waiting.push(Waiting { actor, what, go });
            may
        })
    }

    /// Runs the actors to their end. `choose` is shown who can take which step, in order,
    /// and says who does. Returns the steps that were taken.
    pub(super) async fn run(
        self: &Arc<Self>,
        actors: Vec<JoinHandle<()>>,
        mut choose: impl AsyncFnMut(&[Able]) -> usize,
    ) -> String {
        while let Some(able) = self.able().await {
            let chosen = choose(&able).await;
            self.let_through(chosen);
        }
        let taken = self.reopen();
        for actor in actors {
            if let Err(error) = actor.await {
                panic!("{error}\n{taken}");
            }
        }
        taken
    }

    fn reopen(&self) -> String {
        let mut state = self.lock();
        state.closed = false;
        std::mem::take(&mut state.taken).join("\n")
    }

    fn let_through(self: &Arc<Self>, actor: usize) {
        let mut state = self.lock();
        let Some(place) = state.waiting.iter().position(|waiting| waiting.actor == actor) else { return };
        let Waiting { what, go, .. } = state.waiting.remove(place);
        state.taken.push(format!("{actor} {what}"));
        state.under_way += 1;
        drop(state);
        // Fails when whoever waited was dropped, as when another part of its work has failed.
        let _ = go.send(Step(Arc::clone(self)));
    }

    /// Begins an actor.
    pub(super) fn act(
        self: &Arc<Self>,
        actor: usize,
        work: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        let mut state = self.lock();
        state.closed = true;
        state.acting.push(actor);
        drop(state);
        let end = End { gate: Arc::clone(self), actor };
        tokio::spawn(async move {
            let _end = end;
            work.await;
        })
    }

    /// Waits until nobody is under way and everybody waits, then names who does; nothing when all are done.
    async fn able(&self) -> Option<Vec<Able>> {
        loop {
            let changed = self.changed.notified();
            {
                let state = self.lock();
                let mut able: Vec<Able> = state.waiting.iter().map(|of| (of.actor, of.what)).collect();
                able.sort_by_key(|(actor, _)| *actor);
                able.dedup_by_key(|(actor, _)| *actor);
                if state.acting.is_empty() {
                    return None;
                }
                let waits = |actor: &usize| able.iter().any(|(able, _)| able == actor);
                if state.under_way == 0 && state.acting.iter().all(waits) {
                    return Some(able);
                }
            }
            changed.await;
        }
    }
}

/// A step under way.
struct Step(Arc<Gate>);

impl Drop for Step {
    fn drop(&mut self) {
        self.0.lock().under_way -= 1;
        self.0.changed.notify_one();
    }
}

/// Marks an actor's end, however it comes.
struct End {
    gate: Arc<Gate>,
    actor: usize,
}

impl Drop for End {
    fn drop(&mut self) {
        let mut state = self.gate.lock();
        state.acting.retain(|actor| *actor != self.actor);
        state.waiting.retain(|waiting| waiting.actor != self.actor);
        drop(state);
        self.gate.changed.notify_one();
    }
}
