//! `snowbank image push`.

use std::{path::Path, process::Command, time::Instant};

use serde_json::Value;

use crate::place::Place;

/// An image of a closure.
#[derive(Clone, Copy)]
pub(super) struct Image<'a> {
    pub(super) place: &'a Place,
    pub(super) top: &'a str,
    /// The cache that has it, and a token that may push there.
    pub(super) url: &'a str,
    pub(super) token: &'a str,
}

/// What a push came to.
pub(super) struct Pushed {
    pub(super) seconds: f64,
    /// The most memory that it had, in bytes.
    pub(super) peak: u64,
    result: Value,
}

impl Pushed {
    pub(super) fn requests(&self) -> u64 {
        self.result["requests"].as_u64().expect("requests are counted")
    }

    pub(super) fn sent(&self) -> u64 {
        self.result["sent"].as_u64().expect("bytes are counted")
    }

    pub(super) fn layers(&self) -> usize {
        self.all().len()
    }

    /// Layers that were sent, and the bytes of their blobs.
    pub(super) fn uploaded(&self) -> (usize, u64) {
        let sent = self.all().iter().filter(|layer| layer["outcome"] == "uploaded");
        sent.fold((0, 0), |(count, bytes), layer| (count + 1, bytes + layer["size"].as_u64().unwrap_or(0)))
    }

    fn all(&self) -> &[Value] {
        self.result["images"][0]["layers"].as_array().expect("layers are listed")
    }
}

impl Image<'_> {
    /// From the store at `root`.
    pub(super) fn push(&self, options: &[&str], to: &str, root: Option<&Path>, compression: &str) -> Pushed {
        let root = root.map(|root| root.to_str().expect("a path in UTF-8"));
        let store = root.map_or_else(Vec::new, |root| vec!["--store", root]);
        self.run(&[&store[..], &["--compression", compression], options].concat(), to)
    }

    /// From the cache, on a machine that has nothing.
    pub(super) fn push_from_cache(&self, options: &[&str], to: &str) -> Pushed {
        let nowhere = self.place.work.join("nowhere");
        let nowhere = nowhere.to_str().expect("a path in UTF-8");
        let from = ["--from", self.url, "--no-check-sigs", "--store", nowhere];
        self.run(&[&from[..], options].concat(), to)
    }

    fn run(&self, options: &[&str], to: &str) -> Pushed {
        let home = self.place.work.join("home");
        let mut command = Command::new("/usr/bin/time");
        command.args(["-f", "%M"]).arg(&self.place.snowbank).args(["image", "push", "--json", "--quiet"]);
        command.args(options).args([self.top, to]);
        command.env("SNOWBANK_TOKEN", self.token).env("HOME", home).env("TMPDIR", &self.place.work);
        command.env("NIX_CONF_DIR", "/nonexistent");
        let begun = Instant::now();
        let output = command.output().expect("time and snowbank can be run");
        let seconds = begun.elapsed().as_secs_f64();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "a push with {options:?} failed:\n{said}");
        let kilobytes: u64 =
            said.lines().last().and_then(|line| line.trim().parse().ok()).unwrap_or_default();
        let result = serde_json::from_slice(&output.stdout).expect("the result is JSON");
        Pushed { seconds, peak: kilobytes * 1024, result }
    }
}
