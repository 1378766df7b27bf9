//! Whether an upstream cache is still worth asking.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU32, Ordering},
};

use super::Failure;

/// Things in a row that a server did not give, after which it is given up.
const MOST: u32 = 3;

/// What became of what was asked of one upstream cache so far.
#[derive(Debug, Default)]
pub(super) struct Health {
    dead: OnceLock<Arc<Failure>>,
    failed: AtomicU32,
}

impl Health {
    /// Why it is not asked any more.
    pub(super) fn dead(&self) -> Option<Arc<Failure>> {
        self.dead.get().map(Arc::clone)
    }

    /// It is not asked any more, because of this.
    pub(super) fn end(&self, failure: Arc<Failure>) {
        // Whoever was first has said why.
        let _ = self.dead.set(failure);
    }

    /// It gave a whole answer.
    pub(super) fn good(&self) {
        self.failed.store(0, Ordering::Relaxed);
    }

    /// It did not give something although it was asked again and again. Where nobody answers, that is the end of it;
    /// a server that answers may lack one thing and have the next.
    pub(super) fn bad(&self, failure: Failure) -> Arc<Failure> {
        let failure = Arc::new(failure);
        if failure.is_outage() {
            let row = self.failed.fetch_add(1, Ordering::Relaxed) + 1;
            if failure.is_silence() || row >= MOST {
                self.end(Arc::clone(&failure));
            }
        }
        failure
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use reqwest::{StatusCode, header::HeaderMap};

    use super::*;

    fn status(code: StatusCode) -> Failure {
        Failure::status(code, &HeaderMap::new())
    }

    #[test]
    fn silence_ends_it_at_once() {
        let health = Health::default();
        assert!(health.dead().is_none());
        health.bad(Failure::Stalled(Duration::ZERO));
        assert!(health.dead().is_some());
    }

    #[test]
    fn bad_answers_end_it_only_in_a_row() {
        let health = Health::default();
        for _ in 0..3 {
            health.bad(status(StatusCode::BAD_GATEWAY));
            health.bad(status(StatusCode::BAD_GATEWAY));
            health.good();
        }
        for _ in 0..5 {
            health.bad(status(StatusCode::UNAUTHORIZED));
        }
        assert!(health.dead().is_none());
        for _ in 0..3 {
            health.bad(status(StatusCode::BAD_GATEWAY));
        }
        assert!(health.dead().is_some());
    }
}
