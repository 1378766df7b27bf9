//! Where work that holds a processor or a disk runs: never on the threads that serve connections.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tokio::sync::oneshot;

/// Runs `work`, which may wait for a disk, on a thread for such work. A panic in it goes on in the caller.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is shutting down and will drop the caller where it waits.
            Err(_) => pending().await,
        },
    }
}

/// Runs `work`, which keeps a processor busy, on the pool that has a thread for each. A panic in it goes on in
/// the caller.
pub(crate) async fn computing<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (send, receive) = oneshot::channel();
    rayon::spawn(move || {
        // Nobody waits any more when the caller was dropped.
        let _ = send.send(catch_unwind(AssertUnwindSafe(work)));
    });
    match receive.await {
        Ok(Ok(done)) => done,
        Ok(Err(panic)) => resume_unwind(panic),
        // The closure above always sends.
        Err(_) => pending().await,
    }
}
