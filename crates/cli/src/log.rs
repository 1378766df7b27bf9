//! Structured logs on standard error, plain lines or JSON; what is logged is chosen with `SNOWBANK_LOG`, in the words
//! of `tracing`'s filters. Traces go where [`crate::telemetry`] says, whatever is logged.

use std::io::IsTerminal;

use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt};

/// The form of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people
    Text,
    /// For machines
    Json,
}

/// Starts logging, and collecting traces where there is a layer for them.
pub(crate) fn start(format: LogFormat, traces: Option<Box<dyn Layer<Registry> + Send + Sync>>) {
    let filter = EnvFilter::try_from_env("SNOWBANK_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let lines = match format {
        LogFormat::Json => lines.json().boxed(),
        LogFormat::Text => lines.with_target(false).boxed(),
    };
    let started = tracing_subscriber::registry().with(traces).with(lines.with_filter(filter)).try_init();
    // Only a second call can fail, and then the first one's subscriber serves.
    let _ = started;
}
