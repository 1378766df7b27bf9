//! A strict stand-in for a registry, with the habits that real ones have: limits on bodies and ranges, tokens that
//! expire, sessions elsewhere, connections that break. What it does not understand, it refuses.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use bytes::Bytes;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;

mod admission;
mod answers;
mod manifests;
mod modes;
mod state;
mod uploads;

pub use modes::{Cut, Door, Garbage, Location, Modes, Mount};
pub use state::Logged;
use state::State;

/// A running stand-in, on a thread of its own; it ends with this value.
#[derive(Debug)]
pub struct StandIn {
    shared: Arc<Shared>,
    _stop: oneshot::Sender<()>,
}

#[derive(Debug)]
struct Shared {
    /// The registry.
    address: SocketAddr,
    /// Another server, where sessions may lie.
    elsewhere: SocketAddr,
    state: Mutex<State>,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StandIn {
    /// Starts one on a free port of the loopback interface.
    ///
    /// # Panics
    /// When there is no port or no thread.
    #[must_use]
    pub fn start(modes: Modes) -> Self {
        let listeners = [(); 2].map(|()| {
            let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
            listener.set_nonblocking(true).expect("a listener can be polled");
            listener
        });
        let [address, elsewhere] =
            [0, 1].map(|index: usize| listeners[index].local_addr().expect("a listener has an address"));
        let state = Mutex::new(State { modes, ..State::default() });
        let shared = Arc::new(Shared { address, elsewhere, state });
        let (stop, stopped) = oneshot::channel();
        let inner = Arc::clone(&shared);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let [own, other] = listeners
                    .map(|listener| tokio::net::TcpListener::from_std(listener).expect("a listener"));
                tokio::select! {
                    () = serve(own, Arc::clone(&inner), false) => {}
                    () = serve(other, inner, true) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { shared, _stop: stop }
    }

    /// `127.0.0.1:PORT`, which an image's name begins with.
    #[must_use]
    pub fn host(&self) -> String {
        self.shared.address.to_string()
    }

    /// `http://127.0.0.1:PORT`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.shared.address)
    }

    /// Changes its habits.
    pub fn change(&self, change: impl FnOnce(&mut Modes)) {
        change(&mut self.shared.state().modes);
    }

    /// All that it was asked so far, in the order in which it was answered.
    #[must_use]
    pub fn log(&self) -> Vec<Logged> {
        self.shared.state().log.clone()
    }

    /// Forgets what it was asked.
    pub fn clear_log(&self) {
        self.shared.state().log.clear();
    }

    /// Requests of a method so far.
    #[must_use]
    pub fn count(&self, method: &str) -> usize {
        self.shared.state().log.iter().filter(|logged| logged.method == method).count()
    }

    /// A blob that it has, by `sha256:<hex>`.
    #[must_use]
    pub fn blob(&self, repository: &str, digest: &str) -> Option<Bytes> {
        self.shared.state().blobs.get(&(repository.to_owned(), digest.to_owned())).cloned()
    }

    /// The digests of a repository's blobs.
    #[must_use]
    pub fn blobs(&self, repository: &str) -> Vec<String> {
        let state = self.shared.state();
        state.blobs.keys().filter(|(name, _)| name == repository).map(|(_, digest)| digest.clone()).collect()
    }

    /// Gives it a blob; returns the digest.
    pub fn add_blob(&self, repository: &str, bytes: impl Into<Bytes>) -> String {
        let bytes = bytes.into();
        let digest = digest_of(&bytes);
        self.shared.state().blobs.insert((repository.to_owned(), digest.clone()), bytes);
        digest
    }

    /// Takes a blob away, as a registry that collects garbage does.
    pub fn remove_blob(&self, repository: &str, digest: &str) {
        self.shared.state().blobs.remove(&(repository.to_owned(), digest.to_owned()));
    }

    /// A manifest and its media type, by tag or digest.
    #[must_use]
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<(String, Bytes)> {
        self.shared.state().manifests.get(&(repository.to_owned(), reference.to_owned())).cloned()
    }

    /// Takes all manifests of a repository away and leaves the blobs.
    pub fn remove_manifests(&self, repository: &str) {
        self.shared.state().manifests.retain(|(name, _), _| name != repository);
    }

    /// Upload sessions that nobody has closed.
    #[must_use]
    pub fn open_sessions(&self) -> usize {
        self.shared.state().sessions.len()
    }
}

fn digest_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

async fn serve(listener: tokio::net::TcpListener, shared: Arc<Shared>, elsewhere: bool) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(move |request| answers::answer(Arc::clone(&shared), request, elsewhere));
            // The client may hang up, and an answer may be a connection that breaks.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
