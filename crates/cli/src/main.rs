//! The `snowbank` command: arguments, configuration, wiring, printing, exit codes.

mod args;
mod command;
mod config;
mod error;
mod log;
mod open;
mod printer;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod spoken;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Args;
use crate::printer::Printer;

/// That of musl gives memory to one thread at a time: a server's requests wait for each other.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = Args::parse();
    let printer = Printer::new();
    // The one TLS implementation of this program; it fails only when one was chosen before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return printer
                .fail(&error::CliError::failed("could not start the program's threads").because(error));
        }
    };
    match runtime.block_on(command::run(args, &printer)) {
        Ok(code) => code,
        Err(error) => printer.fail(&error),
    }
}
