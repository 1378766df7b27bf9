//! Our own client's side: restore, build, save.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use snowbank_testkit::closure::{self, nix};

use super::{Scale, Tally, repository::Repository};
use crate::place::{Place, remove};

/// The series.
const KEY: &str = "nix-store";

pub(super) struct Ours<'a> {
    pub(super) repository: Repository<'a>,
    pub(super) tally: Tally,
    /// The most entries that one run made.
    pub(super) most: u64,
    /// Packs of each day's generation.
    pub(super) packs: Vec<f64>,
    binary: PathBuf,
    work: PathBuf,
    scale: Scale,
    days: usize,
    /// Paths of snapshots that were found, and those of them that came.
    asked: u64,
    came: u64,
}

impl<'a> Ours<'a> {
    pub(super) fn new(place: &Place, repository: Repository<'a>, scale: Scale) -> Self {
        let (binary, work) = (place.snowbank.clone(), place.work.clone());
        let tally = Tally::default();
        Self {
            repository,
            tally,
            most: 0,
            packs: Vec::new(),
            binary,
            work,
            scale,
            days: 0,
            asked: 0,
            came: 0,
        }
    }

    /// A push to main, and one more that changes nothing.
    pub(super) fn day(&mut self, root: &Path, paths: &[String]) {
        let token = self.repository.token(&["refs/heads/main:rw"]);
        let empty = self.work.join("days-restored");
        closure::succeed(nix("nix-store", &empty).args(["--option", "build-users-group", "", "--verify"]));
        let restored = self.run(&token, "refs/heads/main", &empty, &["restore", "--min-free", "1GB"]);
        remove(&empty);
        self.days += 1;
        if restored["matched"].is_string() {
            self.tally.found += 1;
            let missed = restored["missed"].as_array().map_or(0, Vec::len) as u64;
            let came = restored["restored"]["paths"].as_u64().unwrap_or_default();
            self.asked += missed + came;
            self.came += came;
        }
        self.save(&token, "refs/heads/main", root, paths);
        let nothing = self.save(&token, "refs/heads/main", root, paths);
        self.packs.push(nothing["refreshed"].as_f64().unwrap_or_default());
    }

    pub(super) fn pull_request(&mut self, root: &Path, paths: &[String], number: usize) {
        let name = format!("refs/pull/{number}/merge");
        let token = self.repository.token(&[&format!("{name}:rw"), "refs/heads/main:r"]);
        self.save(&token, &name, root, paths);
    }

    /// The share of what was asked for that came.
    pub(super) fn given(&self) -> f64 {
        self.came as f64 / self.asked.max(1) as f64
    }

    fn save(&mut self, token: &str, name: &str, root: &Path, paths: &[String]) -> Value {
        let top = paths.last().expect("a path on top");
        let size = |real: f64| format!("{}B", self.scale.bytes(real));
        let (most, new, pack) = (size(5e9), size(1e9), size(f64::from(90 << 20)));
        let new: &[&str] = if name.starts_with("refs/pull/") { &["--max-new", &new] } else { &[] };
        let arguments = ["save", "--max-size", &most, "--pack-size", &pack, top];
        let saved = self.run(token, name, root, &[&arguments[..], new].concat());
        let entries =
            saved["sent"]["packs"].as_u64().unwrap_or_default() + u64::from(saved["saved"].is_string());
        self.tally.uploaded += saved["traffic"]["sent"].as_u64().unwrap_or_default();
        self.tally.entries += entries;
        self.most = self.most.max(entries);
        saved
    }

    fn run(&self, token: &str, name: &str, root: &Path, arguments: &[&str]) -> Value {
        let mut command = Command::new(&self.binary);
        command.args(arguments).args(["--key", KEY, "--json", "--quiet", "--strict", "--store"]).arg(root);
        command.args(["--remote", self.repository.url()]).env("SNOWBANK_TOKEN", token);
        command.env("GITHUB_REF", name).env_remove("GITHUB_RUN_ID").env("TMPDIR", &self.work);
        let output = command.output().expect("snowbank can be run");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?} failed:\n{said}");
        serde_json::from_slice(&output.stdout).expect("the result is JSON")
    }
}

impl fmt::Display for Ours<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { uploaded, entries, found, size } = &self.tally;
        let size = size.last().copied().unwrap_or_default();
        write!(
            f,
            "ours {:.1} MB in {entries} entries, there {found}/{}, holds {size:.0} MB",
            *uploaded as f64 / 1e6,
            self.days
        )
    }
}
