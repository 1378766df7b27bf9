//! The built `snowbank` binary as a server on a free port and a temporary folder.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use tempfile::TempDir;

use crate::process::Process;

/// How to start a server; see [`Builder::start`].
#[derive(Debug)]
pub struct Builder {
    binary: PathBuf,
    data: Option<PathBuf>,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
}

/// A running server. It is killed when dropped, and its folder goes with it unless the folder was given.
#[derive(Debug)]
pub struct Snowbank {
    how: Builder,
    data: PathBuf,
    _temporary: Option<TempDir>,
    process: Option<Process>,
    url: String,
}

impl Builder {
    /// Keeps the data in `folder` instead of a temporary one.
    #[must_use]
    pub fn data(mut self, folder: impl Into<PathBuf>) -> Self {
        self.data = Some(folder.into());
        self
    }

    /// Adds an argument of `snowbank serve`.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets an environment variable, for `serve` and for the other commands run by [`Snowbank::run`].
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts the server and waits until it says where it listens.
    ///
    /// # Panics
    /// When it does not start, with what it printed.
    #[must_use]
    pub fn start(self) -> Snowbank {
        let temporary = self.data.is_none().then(|| tempfile::tempdir().expect("a temporary folder"));
        let data = match (&self.data, &temporary) {
            (Some(folder), _) => folder.clone(),
            (None, Some(folder)) => folder.path().join("data"),
            (None, None) => unreachable!("a folder is either given or temporary"),
        };
        let mut server =
            Snowbank { how: self, data, _temporary: temporary, process: None, url: String::new() };
        server.restart();
        server
    }
}

impl Snowbank {
    /// A server of `binary` with the defaults. Tests of the `cli` crate pass `env!("CARGO_BIN_EXE_snowbank")`, others
    /// what [`binary_from_environment`] gives.
    pub fn builder(binary: impl Into<PathBuf>) -> Builder {
        Builder { binary: binary.into(), data: None, arguments: Vec::new(), environment: Vec::new() }
    }

    /// Starts the server on the same data; on another port. A server that still runs is killed first.
    ///
    /// # Panics
    /// When it does not start, with what it printed.
    pub fn restart(&mut self) {
        self.kill();
        let mut command = self.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.arg("--data").arg(&self.data).args(&self.how.arguments);
        let process = Process::spawn("snowbank serve", command);
        self.url = process.wait_for_line("its address", address);
        self.process = Some(process);
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The running process.
    ///
    /// # Panics
    /// After [`Self::kill`] or [`Self::terminate`].
    #[must_use]
    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("the server runs")
    }

    /// Kills the server as a power cut would; nothing happens when it is down.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// Asks the server to stop and waits until it has.
    ///
    /// # Panics
    /// When it is down already or does not stop.
    pub fn terminate(&mut self) -> ExitStatus {
        self.process.take().expect("the server runs").terminate()
    }

    /// Runs another command of the binary on this server's data and returns its standard output.
    ///
    /// # Panics
    /// When the command fails, with what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output =
            self.command(arguments).arg("--data").arg(&self.data).output().expect("the binary can be run");
        assert!(
            output.status.success(),
            "snowbank {arguments:?} ended with {}:\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Mints a token of `repository` (`owner/name`) for scopes written as `refs/heads/main:rw`, valid for six hours.
    ///
    /// # Panics
    /// When the binary refuses.
    #[must_use]
    pub fn token(&self, repository: &str, scopes: &[&str]) -> String {
        let mut arguments = vec!["token", "create", "--repo", repository, "--expires", "6h"];
        for scope in scopes {
            arguments.extend(["--scope", *scope]);
        }
        self.run(&arguments).trim().to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.how.binary);
        command.args(arguments);
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_setting(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command.envs(self.how.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// The binary that the environment names (`SNOWBANK_BIN`), if it does.
#[must_use]
pub fn binary_from_environment() -> Option<PathBuf> {
    std::env::var_os("SNOWBANK_BIN").map(PathBuf::from)
}

/// Settings of whoever runs the tests must not reach the server under test.
fn is_setting(name: &str) -> bool {
    name.starts_with("SNOWBANK_") || name.starts_with("ACTIONS_")
}

/// The first `http://host:port` of a line that names a real port.
fn address(line: &str) -> Option<String> {
    let url = &line[line.find("http://")?..];
    let end = url[7..]
        .find(|c: char| !(c.is_ascii_alphanumeric() || ".:[]-".contains(c)))
        .map_or(url.len(), |at| at + 7);
    let url = url[..end].trim_end_matches(['.', ':']);
    let port = url.rsplit_once(':')?.1.parse::<u16>().ok()?;
    (port != 0).then(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_a_sentence() {
        assert_eq!(address("listening on http://127.0.0.1:4711"), Some("http://127.0.0.1:4711".to_owned()));
        assert_eq!(address("at \"http://127.0.0.1:80/\", data in x"), Some("http://127.0.0.1:80".to_owned()));
        assert_eq!(address("at http://[::1]:80."), Some("http://[::1]:80".to_owned()));
        assert_eq!(address("set http://127.0.0.1:0"), None);
        assert_eq!(address("nothing here"), None);
    }
}
