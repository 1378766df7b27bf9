//! `snowbank key`.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use snowbank_nix::signature::SecretKey;

use crate::args::Key;
use crate::error::{CliError, Result};
use crate::printer::Printer;

pub(crate) fn run(args: Key, printer: &Printer) -> Result<()> {
    let Key::Generate { name, out } = args;
    if out.is_none() && name.contains('/') {
        return Err(CliError::usage(format!("`{}` is no name for a file", name.escape_debug()))
            .hint("say where the secret half goes with --out FILE"));
    }
    let path = out.unwrap_or_else(|| PathBuf::from(format!("{name}.secret")));
    let key = SecretKey::generate(&name).map_err(|error| {
        CliError::usage(format!("could not make a key named `{}`", name.escape_debug())).because(error)
    })?;
    // Never another's: an overwritten secret key makes everything that it signed worthless.
    let written = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(key.expose().as_bytes()).and_then(|()| file.sync_all()));
    written.map_err(|error| {
        CliError::failed(format!("could not write the secret key to {}", path.display()))
            .because(error)
            .hint("name another file with --out FILE")
    })?;
    printer
        .talk(format!("the secret half is in {}; the public one, for trusted-public-keys:", path.display()));
    printer.data(key.public().to_string());
    Ok(())
}
