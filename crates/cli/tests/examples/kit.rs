//! A machine with a store, and stand-ins for what needs the network.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use snowbank_testkit::closure::{Closure, nix, requisites, succeed};
use snowbank_testkit::noise::noise;
use snowbank_testkit::tools;
use tempfile::TempDir;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_snowbank");
/// The repository of the examples.
pub(crate) const REPO: &str = "acme/app";
/// Its default branch, writable.
pub(crate) const MAIN: &str = "refs/heads/main:rw";

/// A machine: an empty store, and a folder of programs that are found first.
pub(crate) struct Machine {
    store: TempDir,
    programs: TempDir,
}

impl Machine {
    /// A machine whose `nix build` brings what was prepared, as if it had built it, and says whether it had to.
    pub(crate) fn that_builds(prepared: &Closure) -> Self {
        let (store, programs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        succeed(nix("nix-store", store.path()).arg("--verify"));
        let machine = Self { store, programs };
        machine.program(
            "nix",
            &format!(
                "#!/bin/sh\n[ \"$1\" = build ] || {{ echo \"nix $1 is not prepared\" >&2; exit 1; }}\n\
                 export NIX_CONF_DIR=/nonexistent\n\
                 if nix-store --store {store} --check-validity {top} 2>/dev/null; then echo nothing to build; else\n\
                 nix-store --store {from} --export $(nix-store --store {from} --query --requisites {top}) |\n\
                 nix-store --store {store} --import >/dev/null && echo built; fi\n\
                 ln -sfn {store}{top} result\n",
                store = machine.store().display(),
                from = prepared.root().display(),
                top = prepared.top(),
            ),
        );
        machine
    }

    /// Puts a program in the place of another one.
    pub(crate) fn program(&self, name: &str, text: &str) {
        let file = self.programs.path().join(name);
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// The root of its store.
    pub(crate) fn store(&self) -> &Path {
        self.store.path()
    }

    /// Its search path.
    pub(crate) fn path(&self) -> String {
        format!("{}:{}", self.programs.path().display(), tools::search_path().display())
    }

    /// Whether its store has all of a closure.
    pub(crate) fn has(&self, made: &Closure) -> bool {
        let mut check = nix("nix-store", self.store());
        check.args(["--check-validity", made.top()]);
        check.output().unwrap().status.success() && requisites(self.store(), made.top()) == made.paths()
    }
}

/// Two paths, and one that refers to them.
pub(crate) fn closure(seed: u64) -> Closure {
    let folder = tempfile::tempdir().unwrap();
    let trees = [seed, seed + 1].map(|seed| {
        let tree = folder.path().join(format!("tree-{seed}"));
        std::fs::create_dir(&tree).unwrap();
        std::fs::write(tree.join("large.so"), noise(700_000, seed)).unwrap();
        (format!("tree-{seed}"), tree)
    });
    let trees: Vec<_> = trees.iter().map(|(name, path)| (name.as_str(), path.as_path())).collect();
    Closure::of(&trees)
}
