//! The store that is saved: one release at a time on the disk.

use std::{path::PathBuf, process::Command};

use crate::place::{Place, remove};

/// A workspace whose `root/nix` is a private store.
#[derive(Debug)]
pub(crate) struct Workload {
    folder: PathBuf,
    top: String,
}

impl Workload {
    /// What the client is told to save: the store and its database, as in a workflow.
    pub(crate) const PATHS: [&'static str; 2] = ["root/nix/store", "root/nix/var/nix/db"];

    /// Makes the closure of `release`; another release is a rebuild of every path.
    pub(crate) fn make(place: &Place, release: &str) -> Self {
        Self::rebuilt(place, release, &[])
    }

    /// The same with packages rebuilt (`pillow=2`), and what needs them.
    pub(crate) fn rebuilt(place: &Place, release: &str, packages: &[&str]) -> Self {
        eprintln!("making the {} store, release {release} {}", place.size, packages.join(" "));
        let folder = place.work.join(format!("store-{release}{}", packages.concat()));
        let generator = snowbank_testkit::tools::repository().join("bench/workload/make.py");
        let made = Command::new("python3")
            .arg(generator)
            .arg(&place.size)
            .arg(place.kept.join("wheels"))
            .args([folder.join("root").as_os_str(), release.as_ref()])
            .args(packages)
            .stderr(std::process::Stdio::inherit())
            .output()
            .expect("python3 can be run");
        assert!(made.status.success(), "the store could not be made: {}", made.status);
        let printed = String::from_utf8_lossy(&made.stdout);
        let top = printed.lines().last().expect("the store path on top is printed").to_owned();
        Self { folder, top }
    }

    /// The store path that refers to all the others.
    pub(crate) fn top(&self) -> &str {
        &self.top
    }

    /// The private store's root.
    pub(crate) fn root(&self) -> PathBuf {
        self.folder.join("root")
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
