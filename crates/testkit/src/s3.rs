//! A real S3 server as a process of its own: `s3s-fs` on a temporary folder.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use crate::{process::Process, tools};

/// A running S3 server with one bucket; it and its folder go when this is dropped.
#[derive(Debug)]
pub struct S3 {
    endpoint: String,
    root: TempDir,
    process: Process,
}

impl S3 {
    /// The bucket that is there from the start.
    pub const BUCKET: &'static str = "snowbank";
    /// The access key that the server accepts.
    pub const ACCESS_KEY: &'static str = "testkit-access";
    /// The secret that belongs to [`Self::ACCESS_KEY`].
    pub const SECRET_KEY: &'static str = "testkit-secret";
    /// The region to sign for; the server takes any.
    pub const REGION: &'static str = "us-east-1";

    /// Starts the server on a free port.
    ///
    /// # Panics
    /// When it is not installed and cannot be, or does not start.
    #[must_use]
    pub fn start() -> Self {
        tools::ensure("s3");
        let root = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(root.path().join(Self::BUCKET)).expect("a bucket is a folder");
        let mut command = tools::command("s3s-fs");
        command
            .args(["--host", "127.0.0.1", "--port", "0"])
            .args(["--access-key", Self::ACCESS_KEY, "--secret-key", Self::SECRET_KEY])
            .arg(root.path())
            .env("RUST_LOG", "s3s_fs=info")
            .env("NO_COLOR", "1");
        let process = Process::spawn("s3s-fs", command);
        let endpoint = process.wait_for_line("its address", |line| {
            line.find("http://127.0.0.1:").map(|at| line[at..].trim_end().to_owned())
        });
        Self { endpoint, root, process }
    }

    /// `http://127.0.0.1:PORT`; buckets are the first segment of the path.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The folder that holds the bucket's objects as files.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.root.path().join(Self::BUCKET)
    }

    /// The environment from which AWS clients take their credentials and region.
    #[must_use]
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_ACCESS_KEY_ID", Self::ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", Self::SECRET_KEY.to_owned()),
            ("AWS_REGION", Self::REGION.to_owned()),
            ("AWS_ENDPOINT", self.endpoint.clone()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ]
    }

    /// Kills the server, as when a bucket is out of reach.
    pub fn kill(&mut self) {
        self.process.kill();
    }
}
