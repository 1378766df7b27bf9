//! The client as a process.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use serde_json::Value;

use crate::{place::Place, server::Server};

/// The command, the server it talks to, and its token.
pub(super) struct Client {
    binary: PathBuf,
    url: String,
    token: String,
    spool: PathBuf,
    options: Vec<String>,
}

/// What a command did.
pub(super) struct Ran {
    pub(super) seconds: f64,
    /// The most memory that it had, in bytes.
    pub(super) peak: u64,
    pub(super) result: Value,
}

impl Ran {
    /// Bytes that went over the wire, both ways.
    pub(super) fn wire_bytes(&self) -> u64 {
        ["sent", "received"].iter().filter_map(|way| self.result["traffic"][*way].as_u64()).sum()
    }
}

impl Client {
    pub(super) fn of(place: &Place, server: &Server) -> Self {
        Self::by(place, server, &server.remote().0)
    }

    /// By way of `url`.
    pub(super) fn by(place: &Place, server: &Server, url: &str) -> Self {
        let token = server.remote().1;
        Self {
            binary: place.snowbank.clone(),
            url: url.to_owned(),
            token,
            spool: place.work.clone(),
            options: Vec::new(),
        }
    }

    /// With more options, for saves and restores.
    pub(super) fn with(mut self, options: &[&str]) -> Self {
        self.options.extend(options.iter().map(|option| (*option).to_owned()));
        self
    }

    pub(super) fn save(&self, root: &Path, top: &str) -> Ran {
        self.run(&["save", "--key", "bench", top], root)
    }

    /// Into an empty store at `root`, or one that has something.
    pub(super) fn restore(&self, root: &Path) -> Ran {
        self.restore_by(root, &[])
    }

    /// The same with more options.
    pub(super) fn restore_by(&self, root: &Path, options: &[&str]) -> Ran {
        if !root.exists() {
            let made = Command::new("nix-store").arg("--store").arg(root).arg("--verify").output();
            assert!(made.expect("nix-store can be run").status.success(), "an empty store can be made");
        }
        let arguments = ["restore", "--key", "bench", "--min-free", "1GB"];
        self.run(&[&arguments[..], options].concat(), root)
    }

    fn run(&self, arguments: &[&str], root: &Path) -> Ran {
        let mut command = Command::new("/usr/bin/time");
        command
            .args(["-f", "%M"])
            .arg(&self.binary)
            .args(arguments)
            .args(&self.options)
            .arg("--store")
            .arg(root);
        command.args(["--json", "--quiet", "--strict", "--remote", &self.url]);
        command.env("SNOWBANK_TOKEN", &self.token).env("TMPDIR", &self.spool);
        let begun = Instant::now();
        let output = command.output().expect("time and snowbank can be run");
        let seconds = begun.elapsed().as_secs_f64();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?} failed:\n{said}");
        let kilobytes: u64 =
            said.lines().last().and_then(|line| line.trim().parse().ok()).unwrap_or_default();
        let result = serde_json::from_slice(&output.stdout).expect("the result is JSON");
        Ran { seconds, peak: kilobytes * 1024, result }
    }
}
