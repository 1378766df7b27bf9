//! `snowbank hash-files`.

use snowbank_actions::hash_files::{HashFilesError, hash_files};

use crate::args::HashFiles;
use crate::command::client::Progress;
use crate::error::{CliError, Result};
use crate::printer::Printer;

pub(crate) async fn run(args: HashFiles, printer: &Printer) -> Result<()> {
    let HashFiles { patterns, follow_symbolic_links, workspace } = args;
    let sought = format!("{} in {}", patterns.join(" "), workspace.display());
    let hashed =
        tokio::task::spawn_blocking(move || hash_files(&workspace, &patterns, follow_symbolic_links)).await;
    let hashed = hashed.map_err(|error| CliError::failed("could not hash the files").because(error))?;
    let hash = hashed.map_err(|error| match error {
        HashFilesError::Pattern { .. } | HashFilesError::Option(_) => {
            CliError::usage("the files cannot be hashed").because(error)
        }
        error => CliError::failed("could not hash the files").because(error),
    })?;
    if hash.is_empty() {
        // As GitHub's function has it; a key that is made of it holds for any content.
        Progress::new(false).warn(&format!("no file matches {sought}, so the hash is empty"));
    }
    printer.data(hash);
    Ok(())
}
