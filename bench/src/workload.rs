//! The store that is saved: one release at a time on the disk.

use std::{path::PathBuf, process::Command};

use crate::place::{Place, remove, succeed};

/// A workspace whose `root/nix` is a private store.
#[derive(Debug)]
pub(crate) struct Workload {
    folder: PathBuf,
}

impl Workload {
    /// What the client is told to save: the store and its database, as in a workflow.
    pub(crate) const PATHS: [&'static str; 2] = ["root/nix/store", "root/nix/var/nix/db"];

    /// Makes the closure of `release`; another release is a rebuild of every path.
    pub(crate) fn make(place: &Place, release: &str) -> Self {
        eprintln!("making the {} store, release {release}", place.size);
        let folder = place.work.join(format!("store-{release}"));
        let generator = snowbank_testkit::tools::repository().join("bench/workload/make.py");
        succeed(
            Command::new("python3")
                .arg(generator)
                .arg(&place.size)
                .arg(place.kept.join("wheels"))
                .args([folder.join("root").as_os_str(), release.as_ref()])
                .stdout(std::io::stderr()),
        );
        Self { folder }
    }

    /// The folder that [`Self::PATHS`] are relative to.
    pub(crate) fn folder(&self) -> &std::path::Path {
        &self.folder
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}
