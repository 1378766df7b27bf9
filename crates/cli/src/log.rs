//! Structured logs on standard error: plain lines, or JSON with `SNOWBANK_LOG_FORMAT=json`; what is logged is chosen
//! with `SNOWBANK_LOG`, in the words of `tracing`'s filters.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging.
pub(crate) fn start() {
    let filter = EnvFilter::try_from_env("SNOWBANK_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let json = std::env::var("SNOWBANK_LOG_FORMAT").is_ok_and(|format| format == "json");
    let started = if json { builder.json().try_init() } else { builder.with_target(false).try_init() };
    // Only a second call can fail, and then the first one's subscriber serves.
    let _ = started;
}
