//! `snowbank hash-files`.

use snowbank_actions::hash_files::{HashFilesError, hash_files};

use crate::args::HashFiles;
use crate::error::{CliError, Result};
use crate::printer::Printer;

pub(crate) async fn run(args: HashFiles, printer: &Printer) -> Result<()> {
    let HashFiles { patterns, follow_symbolic_links, workspace } = args;
    let hashed =
        tokio::task::spawn_blocking(move || hash_files(&workspace, &patterns, follow_symbolic_links)).await;
    let hashed = hashed.map_err(|error| CliError::failed("could not hash the files").because(error))?;
    let hash = hashed.map_err(|error| match error {
        HashFilesError::Pattern { .. } | HashFilesError::Option(_) => {
            CliError::usage("the files cannot be hashed").because(error)
        }
        error => CliError::failed("could not hash the files").because(error),
    })?;
    printer.data(hash);
    Ok(())
}
