//! The server's own service in this process, for a command that has its state at hand.

use snowbank_server::http;
use snowbank_server::service::Service;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::error::{CliError, Result};

/// A service on a loopback address, until it is ended or this process is.
pub(crate) struct InProcess {
    /// Where it is.
    pub url: String,
    serving: JoinHandle<std::io::Result<()>>,
    stop: CancellationToken,
}

impl InProcess {
    /// Serves.
    ///
    /// # Errors
    /// When no loopback address is to be had.
    pub(crate) async fn begin(service: &Service) -> Result<Self> {
        let failed = |error| CliError::failed("could not listen on a loopback address").because(error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(failed)?;
        let url = format!("http://{}/", listener.local_addr().map_err(failed)?);
        let stop = CancellationToken::new();
        let serving = tokio::spawn(http::serve(listener, service.clone(), stop.clone()));
        Ok(Self { url, serving, stop })
    }

    /// Lets requests under way finish.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        let _ = self.serving.await;
    }
}
