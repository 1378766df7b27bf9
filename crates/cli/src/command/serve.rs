//! `snowbank serve`.

use std::net::SocketAddr;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use snowbank_server::http;
use snowbank_server::service::{Service, Worker};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::args::Serve;
use crate::error::{CliError, Result};
use crate::open::{Opened, Role, open, refuse_second};
use crate::printer::Printer;
use crate::telemetry::Telemetry;
use crate::{config, log};

pub(crate) async fn run(args: Serve, printer: &Printer) -> Result<()> {
    let configuration = config::read(&args.state, config::serve_flags(&args))?;
    let settings = configuration.settings;
    let (telemetry, traces) = Telemetry::start(&settings.telemetry)?;
    log::start(args.log_format, traces);
    allow_open_files();
    refuse_second(&settings)?;
    let listener = listen(&settings.listen).await?;
    let address = listener
        .local_addr()
        .map_err(|error| CliError::failed("the listener has no address").because(error))?;
    if settings.auth.trust_loopback && !address.ip().is_loopback() {
        return Err(CliError::usage(format!(
            "trust mode is for loopback addresses, and the server is to listen on {address}"
        ))
        .hint("drop auth.trust_loopback (--trust-loopback), or listen on 127.0.0.1"));
    }
    let watched = match settings.metrics.listen.as_str() {
        "" => None,
        address => Some(listen(address).await?),
    };
    let data = settings.data.clone();
    let Opened { service, fresh, lock } = open(settings, Role::Server).await?;
    printer.data(format!("listening on http://{address}/"));
    if fresh && !service.settings().auth.trust_loopback {
        first_words(printer, address, &data);
    }
    let watched = watched.map(|listener| Watched::begin(listener, &service, printer)).transpose()?;
    let stop = stop_on_signals()?;
    let worker = tokio::spawn(Worker::new(service.clone()).run(stop.clone()));
    let served = http::serve(listener, service.clone(), stop.clone()).await;
    stop.cancel();
    let _ = worker.await;
    // Until here it told that the server was stopping.
    if let Some(watched) = watched {
        watched.end().await;
    }
    if let Err(error) = service.close().await {
        tracing::warn!(%error, "the last access times could not be written");
    }
    drop(lock);
    telemetry.end().await;
    served.map_err(|error| CliError::failed(format!("the server on {address} broke off")).because(error))
}

/// The address for metrics, being served.
struct Watched {
    stop: CancellationToken,
    served: JoinHandle<std::io::Result<()>>,
}

impl Watched {
    fn begin(listener: TcpListener, service: &Service, printer: &Printer) -> Result<Self> {
        let address = listener
            .local_addr()
            .map_err(|error| CliError::failed("the listener for metrics has no address").because(error))?;
        printer.talk(format!("metrics at http://{address}/metrics"));
        let stop = CancellationToken::new();
        let served = tokio::spawn(http::serve_monitoring(listener, service.clone(), stop.clone()));
        Ok(Self { stop, served })
    }

    async fn end(self) {
        self.stop.cancel();
        if let Ok(Err(error)) = self.served.await {
            tracing::warn!(%error, "metrics were not served to the end");
        }
    }
}

/// Takes as many open files as the system lets this process have: the usual 1024 are fewer than a busy server's
/// connections and the packs that they read.
fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
}

async fn listen(address: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let failed = CliError::failed(format!("could not listen on {address}"));
        let failed = match error.kind() {
            std::io::ErrorKind::AddrInUse => failed.hint("another program listens there: choose another address with --listen, port 0 takes a free one"),
            std::io::ErrorKind::PermissionDenied => failed.hint("ports below 1024 are for root: choose another with --listen"),
            _ => failed.hint("an address is written IP:PORT, as in --listen 127.0.0.1:8484"),
        };
        failed.because(error)
    })
}

/// What somebody who has just started their first server needs next.
fn first_words(printer: &Printer, address: SocketAddr, data: &str) {
    printer.talk("a new server: its secrets were made. These two lines let a job of acme/app use it:");
    printer.talk(format!("  export ACTIONS_RESULTS_URL=http://{address}/ ACTIONS_CACHE_URL=http://{address}/ ACTIONS_CACHE_SERVICE_V2=1"));
    printer.talk(format!(
        "  export ACTIONS_RUNTIME_TOKEN=$(snowbank token create --data '{data}' --repo acme/app --scope refs/heads/main:rw --expires 6h)"
    ));
    printer.talk(format!(
        "its dashboard is at http://{address}/; who signs in there needs the token that this makes:"
    ));
    printer.talk(format!("  snowbank token create --data '{data}' --admin"));
}

fn stop_on_signals() -> Result<CancellationToken> {
    let failed = |error| CliError::failed("could not listen for signals").because(error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let stop = CancellationToken::new();
    let on_signal = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tracing::info!("stopping: requests under way may finish, a second signal ends at once");
        on_signal.cancel();
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        std::process::exit(1);
    });
    Ok(stop)
}
