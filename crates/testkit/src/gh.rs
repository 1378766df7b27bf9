//! GitHub's own client `gh`, led to a server of ours: it speaks TLS to every host but github.com's, unless its
//! configuration names a Unix socket, to which it then speaks plainly whatever the host.

use std::{
    io,
    net::{Shutdown, TcpStream},
    os::unix::net::{UnixListener, UnixStream},
    process::{Command, Output},
    thread,
};

use tempfile::TempDir;

use crate::tools::{command, ensure};

/// The host that gh believes to talk to.
const HOST: &str = "cache.example.org";

/// A configuration of gh, and a socket behind which the server is.
#[derive(Debug)]
pub struct Gh {
    folder: TempDir,
    token: String,
}

impl Gh {
    /// A gh that shows this token to the server at `url`, `http://HOST:PORT`.
    ///
    /// # Panics
    /// When gh cannot be installed.
    #[must_use]
    pub fn new(url: &str, token: &str) -> Self {
        ensure("gh");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let socket = folder.path().join("server.sock");
        let server = url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let listener = UnixListener::bind(&socket).expect("a socket");
        // Nobody waits for it: it ends with the process.
        thread::spawn(move || listener.incoming().flatten().for_each(|client| relay(client, &server)));
        let config = format!("http_unix_socket: {}\n", socket.display());
        std::fs::write(folder.path().join("config.yml"), config).expect("a configuration");
        Self { folder, token: token.to_owned() }
    }

    /// gh with these arguments.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command("gh");
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("GH_") || name.starts_with("GITHUB_") {
                command.env_remove(name);
            }
        }
        command.args(arguments).current_dir(self.folder.path());
        command.env("GH_CONFIG_DIR", self.folder.path()).env("GH_HOST", HOST);
        command.env("GH_ENTERPRISE_TOKEN", &self.token).env("GH_NO_UPDATE_NOTIFIER", "1");
        command
    }

    /// Runs gh, on no terminal.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("gh can be run")
    }

    /// What gh prints.
    ///
    /// # Panics
    /// When it fails, with what it says.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "gh {arguments:?} ended with {}:\n{said}", output.status);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// Passes everything on, both ways, until both ends have ended.
fn relay(client: UnixStream, server: &str) {
    let server = TcpStream::connect(server).expect("the server listens");
    let (mut from_client, mut to_client) = (client.try_clone().expect("a second handle"), client);
    let (mut from_server, mut to_server) = (server.try_clone().expect("a second handle"), server);
    // An end that is gone has nothing more to say and to hear.
    thread::spawn(move || {
        let _ = io::copy(&mut from_client, &mut to_server);
        let _ = to_server.shutdown(Shutdown::Write);
    });
    thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        let _ = to_client.shutdown(Shutdown::Write);
    });
}
