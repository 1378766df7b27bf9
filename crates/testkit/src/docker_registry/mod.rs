//! Debian's `docker-registry`: the registry that everybody copies.

use std::fs;

use tempfile::TempDir;

use crate::{
    process::{Process, free_port},
    tools,
};

mod tokens;

use tokens::Tokens;

/// The user `user` with the password `secret`, as `htpasswd -B` writes it.
const HTPASSWD: &str = "user:$2b$05$oFcN8rPFZFg7kbM1zGf.7OwUkd9Jwff3u2idaIzeeVNakylXxk/1C\n";

/// Who is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Who has the name and the password.
    Basic,
    /// Who has a token, which is given to whoever has the name and the password.
    Token,
}

/// A running registry that keeps all in a temporary folder.
#[derive(Debug)]
pub struct DockerRegistry {
    host: String,
    process: Process,
    _folder: TempDir,
    _tokens: Option<Tokens>,
}

impl DockerRegistry {
    /// The name of who is let in, where not everybody is.
    pub const USER: &str = "user";
    /// The password.
    pub const SECRET: &str = "secret";

    /// Starts one on a free port of the loopback interface.
    ///
    /// # Panics
    /// When it is not installed and cannot be, or does not start.
    #[must_use]
    pub fn start(access: Access) -> Self {
        tools::ensure("registry");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).expect("a file in the folder");
            path.display().to_string()
        };
        let (auth, tokens) = match access {
            Access::Open => (String::new(), None),
            Access::Basic => {
                let path = file("htpasswd", HTPASSWD);
                (format!("auth:\n  htpasswd:\n    realm: registry\n    path: {path}\n"), None)
            }
            Access::Token => {
                let tokens = Tokens::start();
                let bundle = file("root.crt", tokens.certificate());
                let text = format!(
                    "auth:\n  token:\n    realm: {}\n    service: {}\n    issuer: {}\n    rootcertbundle: {bundle}\n",
                    tokens.realm(),
                    tokens::SERVICE,
                    tokens::ISSUER,
                );
                (text, Some(tokens))
            }
        };
        let root = folder.path().join("content").display().to_string();
        let config = file(
            "config.yml",
            &format!(
                "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {root}\n  delete:\n    enabled: true\n\
                 http:\n  addr: 127.0.0.1:{port}\n{auth}"
            ),
        );
        let mut command = tools::command("docker-registry");
        command.arg("serve").arg(config);
        let mut process = Process::spawn("docker-registry", command);
        process.wait_for_port(([127, 0, 0, 1], port).into());
        Self { host: format!("127.0.0.1:{port}"), process, _folder: folder, _tokens: tokens }
    }

    /// `127.0.0.1:PORT`, which an image's name begins with.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Requests of a method (`HEAD`, `PATCH`) that its log has so far. A line is written when the answer was sent, so a
    /// request that was just answered may not be in it yet.
    #[must_use]
    pub fn count(&self, method: &str) -> usize {
        let start = format!("\"{method} /v2/");
        self.process.output().lines().filter(|line| line.contains(&start)).count()
    }

    /// What it has printed so far.
    #[must_use]
    pub fn output(&self) -> String {
        self.process.output()
    }
}
