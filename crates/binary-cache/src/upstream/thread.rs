//! Work that must not run where tasks do.

use std::{future, panic};

use tokio::task::spawn_blocking;

/// Runs what reads files or computes on a thread for such.
pub(super) async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => panic::resume_unwind(panic),
            // The runtime ends, and this task with it.
            Err(_) => future::pending().await,
        },
    }
}
