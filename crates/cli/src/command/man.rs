//! `snowbank man`.

use std::path::Path;

use clap::CommandFactory;

use crate::args::Args;
use crate::error::{CliError, Result};

pub(crate) fn run(folder: &Path) -> Result<()> {
    let failed = || CliError::failed(format!("the manual pages cannot be written to {}", folder.display()));
    std::fs::create_dir_all(folder).map_err(|error| failed().because(error))?;
    clap_mangen::generate_to(Args::command(), folder).map_err(|error| failed().because(error))
}
