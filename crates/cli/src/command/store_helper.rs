//! `snowbank store-helper`: writes to a store for another process of this program.

use snowbank_client::restore::writer::helper::serve_helper;
use snowbank_nix::store::Place;

use crate::args::StoreHelper;
use crate::error::{CliError, Result};

/// Runs the command.
pub(crate) async fn run(args: StoreHelper) -> Result<()> {
    let place = args.root.as_deref().map_or_else(Place::system, Place::below);
    // Ctrl-C is for the process that asks: it decides what becomes of what is written.
    let ignored = tokio::spawn(async { while tokio::signal::ctrl_c().await.is_ok() {} });
    let served = tokio::task::spawn_blocking(move || serve_helper(&args.socket, place)).await;
    ignored.abort();
    let failed = || CliError::failed("could not write to the store for another process");
    served.map_err(|error| failed().because(error))?.map_err(|error| failed().because(error))
}
