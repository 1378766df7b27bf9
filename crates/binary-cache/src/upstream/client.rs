//! The HTTP client that all upstream caches share.

use std::{fs, sync::Arc};

use reqwest::{Certificate, Client, ClientBuilder, RequestBuilder, Response, StatusCode, redirect::Policy};
use tokio::{sync::OnceCell, time::timeout};

use super::{Failure, SetUpProblem, UpstreamOptions, thread::on_thread};

/// Redirects that are followed for one thing.
const REDIRECTS: usize = 10;

/// What sends requests to all upstream caches.
pub(super) struct Web {
    pub(super) options: UpstreamOptions,
    client: OnceCell<Result<Client, Arc<SetUpProblem>>>,
}

impl Web {
    /// Sets nothing up yet: that reads the system's certificates, which a run that fetches nothing does not need.
    pub(super) fn new(options: UpstreamOptions) -> Self {
        Self { options, client: OnceCell::new() }
    }

    /// The client for all upstream caches.
    pub(super) async fn client(&self) -> Result<&Client, Failure> {
        let options = self.options.clone();
        let set_up = || on_thread(move || client(&options).map_err(Arc::new));
        self.client.get_or_init(set_up).await.as_ref().map_err(|error| Failure::Client(Arc::clone(error)))
    }

    /// Sends `request`. `None` when the thing is not there: 403 is what buckets say that do not let themselves be
    /// listed.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Option<Response>, Failure> {
        let answer = timeout(self.options.stall, request.send()).await;
        let answer = answer.map_err(|_| Failure::Stalled(self.options.stall))?.map_err(Failure::http)?;
        match answer.status() {
            StatusCode::OK | StatusCode::PARTIAL_CONTENT => Ok(Some(answer)),
            StatusCode::NOT_FOUND | StatusCode::GONE | StatusCode::FORBIDDEN => Ok(None),
            code => Err(Failure::status(code, answer.headers())),
        }
    }
}

/// A client that says a login to nobody but the server that it is for, redirects or not.
fn client(options: &UpstreamOptions) -> Result<Client, SetUpProblem> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails only when another thread was faster, and then there is one.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let builder = Client::builder()
        .user_agent(concat!("snowbank/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(options.connect)
        .pool_max_idle_per_host(options.transfers.max(options.lookups))
        .redirect(Policy::limited(REDIRECTS))
        .referer(false);
    let builder = if options.system_proxy { builder } else { builder.no_proxy() };
    Ok(certified(builder, options)?.build()?)
}

/// With the certificates that are believed.
fn certified(builder: ClientBuilder, options: &UpstreamOptions) -> Result<ClientBuilder, SetUpProblem> {
    let Some(file) = &options.certificates else { return Ok(builder) };
    let problem = |source| SetUpProblem::Certificates { file: file.clone(), source };
    let pem = fs::read(file).map_err(problem)?;
    Ok(builder.tls_certs_only(Certificate::from_pem_bundle(&pem)?))
}
