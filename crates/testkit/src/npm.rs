//! The npm package `@actions/cache`, unmodified, run as a workflow's step runs it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use serde_json::json;
use tempfile::TempDir;

use crate::tools;

/// A release of the package.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// 4.1.0, which `actions/cache` v4 bundles.
    V4,
    /// 6.3.0.
    V6,
}

/// The protocol that the client is made to speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// As on github.com: Twirp calls and signed URLs.
    V2,
    /// As on a Gitea host: `_apis/artifactcache`.
    V1,
}

impl Release {
    /// Both releases.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    fn package(self) -> &'static str {
        match self {
            Self::V4 => "cache4",
            Self::V6 => "cache6",
        }
    }
}

impl Protocol {
    /// Both protocols.
    pub const ALL: [Self; 2] = [Self::V2, Self::V1];
}

/// A job's view of the cache: a server, a token, and a workspace of its own.
#[derive(Debug)]
pub struct NpmClient {
    release: Release,
    protocol: Protocol,
    url: String,
    token: String,
    folder: TempDir,
    workspace: PathBuf,
    environment: Vec<(String, String)>,
}

/// What one call of the client came to.
#[derive(Debug)]
pub struct Outcome {
    /// Of a save: the cache's id. `None` if nothing was saved, which the client never says by failing.
    pub saved: Option<i64>,
    /// Of a restore or a lookup: the key that matched.
    pub matched: Option<String>,
    /// What the call threw: only for bad arguments, never for the server's faults.
    pub error: Option<String>,
    /// Seconds that the call took, without the start of Node.
    pub seconds: f64,
    /// Bytes sent over all connections, HTTP's own included.
    pub sent: u64,
    /// Bytes received over all connections, HTTP's own included.
    pub received: u64,
    /// Everything that was printed.
    pub output: String,
}

/// The driver's last line.
#[derive(Debug, Deserialize)]
struct Report {
    result: serde_json::Value,
    seconds: f64,
    error: Option<String>,
    sent: u64,
    received: u64,
}

impl NpmClient {
    /// A client of the server at `url` (`http://host:port`, with or without a closing slash) that holds `token`.
    ///
    /// # Panics
    /// When Node or the package is not there and cannot be installed.
    #[must_use]
    pub fn new(release: Release, protocol: Protocol, url: &str, token: &str) -> Self {
        tools::ensure("npm");
        let folder = tempfile::tempdir().expect("a temporary folder");
        for part in ["workspace", "temp", "home"] {
            fs::create_dir(folder.path().join(part)).expect("a folder in a temporary folder");
        }
        Self {
            release,
            protocol,
            url: url.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
            workspace: folder.path().join("workspace"),
            folder,
            environment: Vec::new(),
        }
    }

    /// Works in `folder`, which stays when the client goes, instead of in a temporary one.
    #[must_use]
    pub fn in_workspace(self, folder: impl Into<PathBuf>) -> Self {
        Self { workspace: folder.into(), ..self }
    }

    /// Sets a variable for the client and the tools that it runs.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same client on another machine: with an empty workspace.
    #[must_use]
    pub fn elsewhere(&self) -> Self {
        Self::new(self.release, self.protocol, &self.url, &self.token)
    }

    /// The same client with another release.
    #[must_use]
    pub fn with_release(&self, release: Release) -> Self {
        Self::new(release, self.protocol, &self.url, &self.token)
    }

    /// The folder that paths are relative to.
    #[must_use]
    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// Writes a file into the workspace, and the folders above it.
    ///
    /// # Panics
    /// When the disk refuses.
    pub fn write(&self, name: &str, content: &[u8]) {
        let file = self.workspace().join(name);
        fs::create_dir_all(file.parent().unwrap_or(Path::new("/"))).expect("folders in the workspace");
        fs::write(file, content).expect("a file in the workspace");
    }

    /// Reads a file of the workspace; `None` if it is not there.
    #[must_use]
    pub fn read(&self, name: &str) -> Option<Vec<u8>> {
        fs::read(self.workspace().join(name)).ok()
    }

    /// Saves `paths` under `key`.
    pub async fn save(&self, paths: &[&str], key: &str) -> Outcome {
        self.call("save", paths, key, &[]).await
    }

    /// Restores what is under `key` or under the first of `restore_keys` that begins one.
    pub async fn restore(&self, paths: &[&str], key: &str, restore_keys: &[&str]) -> Outcome {
        self.call("restore", paths, key, restore_keys).await
    }

    /// Asks what a restore would find.
    pub async fn lookup(&self, paths: &[&str], key: &str, restore_keys: &[&str]) -> Outcome {
        self.call("lookup", paths, key, restore_keys).await
    }

    async fn call(&self, op: &str, paths: &[&str], key: &str, restore_keys: &[&str]) -> Outcome {
        let order = json!({
            "client": self.release.package(), "op": op, "paths": paths, "key": key, "restoreKeys": restore_keys,
        });
        let output = self.command().arg(order.to_string()).output().await.expect("node can be run");
        let printed =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        let report: Report = String::from_utf8_lossy(&output.stdout)
            .lines()
            .last()
            .and_then(|line| serde_json::from_str(line).ok())
            .unwrap_or_else(|| {
                panic!("the npm client ended with {} and no report:\n{printed}", output.status)
            });
        Outcome {
            saved: report.result.as_i64().filter(|id| *id != -1),
            matched: report.result.as_str().map(str::to_owned),
            error: report.error,
            seconds: report.seconds,
            sent: report.sent,
            received: report.received,
            output: printed,
        }
    }

    /// The driver under the environment of a runner, with nothing of the caller's own but the search path.
    fn command(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::from(tools::command("node"));
        command
            .arg(tools::repository().join("crates/testkit/js/driver.mjs"))
            .env_clear()
            .env("PATH", tools::search_path())
            .env("NPM_CLIENTS", tools::folder().join("npm"))
            .env("HOME", self.folder.path().join("home"))
            .env("RUNNER_TEMP", self.folder.path().join("temp"))
            .env("GITHUB_WORKSPACE", self.workspace())
            .env("ACTIONS_RUNTIME_TOKEN", &self.token)
            .env("no_proxy", "127.0.0.1,localhost")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(self.workspace())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        // The v1 client glues its path to the base with no slash between.
        match self.protocol {
            Protocol::V2 => command
                .env("ACTIONS_CACHE_SERVICE_V2", "1")
                .env("ACTIONS_RESULTS_URL", format!("{}/", self.url)),
            Protocol::V1 => command
                .env("GITHUB_SERVER_URL", "https://gitea.example.org")
                .env("ACTIONS_CACHE_URL", format!("{}/", self.url)),
        };
        command
    }
}

impl Outcome {
    /// The texts of the warnings that a workflow's log would show.
    #[must_use]
    pub fn warnings(&self) -> Vec<&str> {
        self.output.lines().filter_map(|line| line.strip_prefix("::warning::")).collect()
    }
}
