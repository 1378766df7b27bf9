//! Stores, the command, and skopeo.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use snowbank_testkit::closure::Closure;
use snowbank_testkit::noise::noise;
use snowbank_testkit::tools;

/// A store with two trees and a path that refers to them.
pub(crate) fn closure(seed: u64) -> Closure {
    let folder = tempfile::tempdir().unwrap();
    let trees = [seed, seed + 1].map(|seed| {
        let tree = folder.path().join(format!("tree-{seed}"));
        std::fs::create_dir_all(tree.join("lib")).unwrap();
        for part in 0..6 {
            std::fs::write(tree.join(format!("lib/{part}.so")), noise(300_000, seed * 10 + part)).unwrap();
        }
        std::os::unix::fs::symlink("lib/0.so", tree.join("link")).unwrap();
        (format!("tree-{seed}"), tree)
    });
    let trees: Vec<_> = trees.iter().map(|(name, path)| (name.as_str(), path.as_path())).collect();
    Closure::of(&trees)
}

/// The path of a closure whose name ends so.
pub(crate) fn ending(made: &Closure, end: &str) -> String {
    made.paths().into_iter().find(|path| path.ends_with(end)).unwrap()
}

/// `snowbank` on a store, with a home of its own and nothing of who runs the tests.
pub(crate) fn snowbank(root: &Path, home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| {
        ["SNOWBANK_", "ACTIONS_", "GITHUB_", "GH_", "REGISTRY_", "XDG_", "DOCKER_", "SOURCE_DATE"]
            .iter()
            .any(|prefix| name.to_string_lossy().starts_with(prefix))
    }) {
        command.env_remove(name);
    }
    command.args(arguments).env("HOME", home).env("NIX_CONF_DIR", "/nonexistent").env("SNOWBANK_STORE", root);
    command
}

/// `snowbank image push --json`.
pub(crate) fn push(root: &Path, arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    snowbank(root, home.path(), &[&["image", "push", "--json"], arguments].concat()).output().unwrap()
}

/// What a push that succeeds tells.
pub(crate) fn pushed(root: &Path, arguments: &[&str]) -> Value {
    json(&push(root, arguments))
}

/// Standard output of a command that succeeds, which is one JSON document.
pub(crate) fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", said(output)))
}

pub(crate) fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Layers of the first image with an outcome.
pub(crate) fn count(told: &Value, outcome: &str) -> usize {
    layers(told).iter().filter(|layer| layer["outcome"] == outcome).count()
}

pub(crate) fn layers(told: &Value) -> &Vec<Value> {
    told["images"][0]["layers"].as_array().unwrap_or_else(|| panic!("{told}"))
}

/// `skopeo`, which succeeds.
pub(crate) fn skopeo(arguments: &[&str]) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut command = tools::command("skopeo");
    command.arg("--insecure-policy").args(arguments);
    command.env("HOME", home.path()).env("XDG_RUNTIME_DIR", home.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// An image that skopeo pulled, every digest checked.
pub(crate) struct Pulled(tempfile::TempDir);

impl Pulled {
    /// From where skopeo says `docker://` and the like.
    pub(crate) fn of(image: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let to = format!("dir:{}", folder.path().display());
        let insecure: &[&str] =
            if image.starts_with("docker://") { &["--src-tls-verify=false"] } else { &[] };
        skopeo(&[&["copy"], insecure, &[image, &to]].concat());
        Self(folder)
    }

    fn read(&self, digest: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(digest.trim_start_matches("sha256:"))).unwrap()
    }

    pub(crate) fn manifest(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.0.path().join("manifest.json")).unwrap()).unwrap()
    }

    pub(crate) fn config(&self) -> Value {
        let manifest = self.manifest();
        serde_json::from_slice(&self.read(manifest["config"]["digest"].as_str().unwrap())).unwrap()
    }

    /// Media types of the layers.
    pub(crate) fn kinds(&self) -> BTreeSet<String> {
        let manifest = self.manifest();
        let layers = manifest["layers"].as_array().unwrap().iter();
        layers.map(|layer| layer["mediaType"].as_str().unwrap().to_owned()).collect()
    }

    /// `tar -tv` of all layers, their lines.
    pub(crate) fn listed(&self) -> Vec<String> {
        let manifest = self.manifest();
        let mut lines = Vec::new();
        for layer in manifest["layers"].as_array().unwrap() {
            let digest = layer["digest"].as_str().unwrap().trim_start_matches("sha256:");
            let mut tar = Command::new("tar");
            let output = tar.arg("-tPvf").arg(self.0.path().join(digest)).output().unwrap();
            assert!(output.status.success(), "{}", said(&output));
            lines.extend(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned));
        }
        lines
    }

    /// All layers one over the other in a new folder, as a runtime has them.
    pub(crate) fn unpack(&self) -> tempfile::TempDir {
        let (manifest, root) = (self.manifest(), tempfile::tempdir().unwrap());
        for layer in manifest["layers"].as_array().unwrap() {
            let digest = layer["digest"].as_str().unwrap().trim_start_matches("sha256:");
            let mut tar = Command::new("tar");
            tar.arg("-C").arg(root.path()).arg("-xpf").arg(self.0.path().join(digest));
            let output = tar.output().unwrap();
            assert!(output.status.success(), "{}", said(&output));
        }
        root
    }

    /// Names in all layers, without what they link to.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let name = |line: &String| {
            let at = line.find(" /").unwrap() + 1;
            let name = line[at..].split(" -> ").next().unwrap();
            if name == "/" { name.to_owned() } else { name.trim_end_matches('/').to_owned() }
        };
        self.listed().iter().map(name).collect()
    }
}

/// Names of all files of a closure, and of the folders around.
pub(crate) fn names(made: &Closure) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = ["/", "/nix", "/nix/store"].map(str::to_owned).into();
    let mut left = made.paths();
    while let Some(name) = left.pop() {
        let file = made.root().join(&name[1..]);
        if file.symlink_metadata().unwrap().is_dir() {
            let entries = std::fs::read_dir(&file).unwrap();
            left.extend(
                entries.map(|entry| format!("{name}/{}", entry.unwrap().file_name().to_str().unwrap())),
            );
        }
        names.insert(name);
    }
    names
}
