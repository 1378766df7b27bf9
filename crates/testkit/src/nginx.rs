//! nginx as a server of plain files: the peer for download figures.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    process::{Process, free_port},
    tools,
};

/// A running nginx that serves one folder.
#[derive(Debug)]
pub struct Nginx {
    url: String,
    _state: TempDir,
    process: Process,
}

impl Nginx {
    /// Serves `folder` on a free port.
    ///
    /// # Panics
    /// When nginx is not installed and cannot be, or does not start.
    #[must_use]
    pub fn serve(folder: &Path) -> Self {
        tools::ensure("nginx");
        let folder = folder.canonicalize().expect("the folder to serve exists");
        let state = tempfile::tempdir().expect("a temporary folder");
        let port = free_port();
        let config = state.path().join("nginx.conf");
        fs::write(&config, configuration(&folder, state.path(), port))
            .expect("the configuration can be written");
        let mut command = tools::command("nginx");
        command.arg("-c").arg(&config).arg("-p").arg(state.path()).args(["-e", "stderr"]);
        let mut process = Process::spawn("nginx", command);
        process.wait_for_port(([127, 0, 0, 1], port).into());
        Self { url: format!("http://127.0.0.1:{port}"), _state: state, process }
    }

    /// `http://127.0.0.1:PORT`; a file's name follows after a slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
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
fn configuration(folder: &Path, state: &Path, port: u16) -> String {
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("{kind}_temp_path {};\n", quoted(&state.join(kind))))
        .collect();
    format!(
        "daemon off; worker_processes auto; {user} pid {pid}; error_log stderr;\n\
         events {{ worker_connections 256; }}\n\
         http {{\n{temporary}access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;\n\
         server {{ listen 127.0.0.1:{port}; root {root}; }}\n}}\n",
        pid = quoted(&state.join("pid")),
        root = quoted(folder),
    )
}

fn quoted(path: &Path) -> String {
    format!("\"{}\"", PathBuf::from(path).display().to_string().replace('\\', "\\\\").replace('"', "\\\""))
}
