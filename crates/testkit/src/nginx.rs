//! nginx: a server of plain files, the peer for download figures, or a proxy.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    process::{Process, free_port},
    tools,
};

const CERTIFICATE: &str = "server.crt";
const KEY: &str = "server.key";

/// A running nginx.
#[derive(Debug)]
pub struct Nginx {
    url: String,
    state: TempDir,
    process: Process,
}

impl Nginx {
    /// Serves `folder` on a free port.
    ///
    /// # Panics
    /// When nginx is not installed and cannot be, or does not start.
    #[must_use]
    pub fn serve(folder: &Path) -> Self {
        Self::start(folder, false, "")
    }

    /// Serves `folder`, and writes down what is put there: the least that a server can do whom `nix copy --to` sends to.
    ///
    /// # Panics
    /// As [`serve`](Self::serve) does.
    #[must_use]
    pub fn serve_writable(folder: &Path) -> Self {
        Self::start(folder, false, "dav_methods PUT; create_full_put_path on; client_max_body_size 0;")
    }

    /// Serves `folder` over TLS, with a certificate that it signed itself.
    ///
    /// # Panics
    /// As [`serve`](Self::serve) does.
    #[must_use]
    pub fn serve_tls(folder: &Path) -> Self {
        Self::start(folder, true, "")
    }

    /// Runs a block `server { ... }` of its configuration language, which is told the free port to listen on.
    ///
    /// # Panics
    /// As [`serve`](Self::serve) does, and when nginx refuses the block.
    #[must_use]
    pub fn with_server(server: impl FnOnce(u16) -> String) -> Self {
        Self::run(false, |_, port| server(port))
    }

    fn start(folder: &Path, tls: bool, more: &str) -> Self {
        let folder = folder.canonicalize().expect("the folder to serve exists");
        Self::run(tls, |state, port| files(&folder, state, port, tls, more))
    }

    fn run(tls: bool, server: impl FnOnce(&Path, u16) -> String) -> Self {
        tools::ensure("nginx");
        let state = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let config = state.path().join("nginx.conf");
        if tls {
            certify(state.path());
        }
        let server = server(state.path(), port);
        fs::write(&config, configuration(state.path(), &server)).expect("the configuration can be written");
        let mut command = tools::command("nginx");
        command.arg("-c").arg(&config).arg("-p").arg(state.path()).args(["-e", "stderr"]);
        let mut process = Process::spawn("nginx", command);
        process.wait_for_port(([127, 0, 0, 1], port).into());
        let scheme = if tls { "https" } else { "http" };
        Self { url: format!("{scheme}://127.0.0.1:{port}"), state, process }
    }

    /// Where the certificate of [`serve_tls`](Self::serve_tls) lies.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.state.path().join(CERTIFICATE)
    }

    /// `http://127.0.0.1:PORT`, or `https`; a file's name follows after a slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it has complained of so far.
    #[must_use]
    pub fn output(&self) -> String {
        self.process.output()
    }
}

impl Drop for Nginx {
    /// Its workers outlive a master that is killed.
    fn drop(&mut self) {
        self.process.terminate();
    }
}

/// One process in the foreground, nothing outside `state`, and the usual settings of a file server. As root the
/// worker stays root, or it could not read a private folder.
fn configuration(state: &Path, server: &str) -> String {
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {};\n", quoted(&state.join(kind))))
        .collect();
    format!(
        "daemon off; worker_processes auto; {user} pid {pid}; error_log stderr warn;\n\
         events {{ worker_connections 256; }}\n\
         http {{\n{temporary}access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;\n\
         {server}\n}}\n",
        pid = quoted(&state.join("pid")),
    )
}

/// The server of a folder.
fn files(folder: &Path, state: &Path, port: u16, tls: bool, more: &str) -> String {
    let tls = if tls {
        format!(
            " ssl; ssl_certificate {}; ssl_certificate_key {}",
            quoted(&state.join(CERTIFICATE)),
            quoted(&state.join(KEY))
        )
    } else {
        String::new()
    };
    format!("server {{ listen 127.0.0.1:{port}{tls}; root {root}; {more} }}", root = quoted(folder))
}

fn certify(state: &Path) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    for (file, text) in [(CERTIFICATE, made.cert.pem()), (KEY, made.signing_key.serialize_pem())] {
        fs::write(state.join(file), text).expect("a file in the state folder");
    }
}

fn quoted(path: &Path) -> String {
    format!("\"{}\"", PathBuf::from(path).display().to_string().replace('\\', "\\\\").replace('"', "\\\""))
}
