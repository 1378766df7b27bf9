//! Serving on a loopback address, below a path that only this machine's user knows.

use std::sync::Arc;

use axum::Router;
use axum::routing::post;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Substituter;
use super::cache::Shared;
use crate::restore::PackSource;

/// What is served, and where.
pub struct Served {
    /// The cache's address, its secret part included.
    pub url: String,
    /// Ends it.
    pub stop: CancellationToken,
    serving: tokio::task::JoinHandle<()>,
}

impl Served {
    /// Waits until it was ended, by its token or by a `POST` to `stop` below its URL.
    pub async fn ended(self) {
        // It panics on no account that others need to know.
        let _ = self.serving.await;
    }
}

impl<P: PackSource> Substituter<P> {
    /// Serves on a free port of 127.0.0.1, below `/<secret>/`: other users of the machine may connect, but do not know
    /// the path. It is also what tells Nix's own memory of a cache's answers apart from that of an earlier one.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn serve(self, secret: &str) -> std::io::Result<Served> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}/{secret}", listener.local_addr()?);
        let stop = CancellationToken::new();
        let ending = stop.clone();
        let end = move || {
            ending.cancel();
            std::future::ready("ending\n")
        };
        let cache = snowbank_binary_cache::routes(Arc::new(Shared(Arc::clone(&self.shelf))));
        let router = Router::new().nest(&format!("/{secret}"), cache.route("/stop", post(end)));
        let stopped = stop.clone().cancelled_owned();
        let serving = tokio::spawn(async move {
            let served = axum::serve(listener, router).with_graceful_shutdown(stopped).await;
            if let Err(error) = served {
                tracing::warn!(%error, "the binary cache on this machine ended");
            }
            drop(self);
        });
        Ok(Served { url, stop, serving })
    }
}
