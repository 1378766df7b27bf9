//! The flat file server (`src/bin/flatfile`) as a peer: the measure for saves and restores.

use std::{path::Path, process::Command};

use tempfile::TempDir;

use crate::process::Process;

/// A running flat file server; it and its folder go when this is dropped.
#[derive(Debug)]
pub struct FlatFile {
    url: String,
    folder: TempDir,
    process: Process,
}

impl FlatFile {
    /// Starts `binary` on a temporary folder within `parent`, whose disk is to be measured.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(binary: &Path, parent: &Path) -> Self {
        let folder = tempfile::tempdir_in(parent).expect("a temporary folder");
        let mut command = Command::new(binary);
        command.arg(folder.path());
        let process = Process::spawn("flatfile", command);
        let url =
            process.wait_for_line("its address", |line| line.starts_with("http://").then(|| line.to_owned()));
        Self { url, folder, process }
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder of the flat files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The running process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }
}
