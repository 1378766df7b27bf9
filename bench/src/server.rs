//! Snowbank as the benchmark uses it.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde_json::Value;
use snowbank_testkit::{
    disk,
    npm::{NpmClient, Protocol, Release},
    snowbank::Snowbank,
    wire::WireClient,
};

use crate::{
    clients,
    place::{Place, remove, succeed},
};

/// The repository that all figures use.
const REPOSITORY: &str = "bench/store";

/// Whether uploads are recoded in the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recoding {
    Paused,
    Running,
}

/// A running server on a folder that outlives it.
#[derive(Debug)]
pub(crate) struct Server {
    snowbank: Snowbank,
    token: String,
    admin: String,
}

impl Server {
    /// Starts on `data`.
    pub(crate) fn start(place: &Place, data: &Path, recoding: Recoding) -> Self {
        Self::start_with(place, data, recoding, None)
    }

    /// The same with a setting of its own, as the environment has it.
    pub(crate) fn start_with(
        place: &Place,
        data: &Path,
        recoding: Recoding,
        setting: Option<(&str, &str)>,
    ) -> Self {
        // No limit of a repository may come into the way of a figure.
        let mut how = Snowbank::builder(&place.snowbank).data(data).env("SNOWBANK_LIMITS_SIZE", "1000GB");
        if let Some((name, value)) = setting {
            how = how.env(name, value);
        }
        if recoding == Recoding::Paused {
            how = how.arg("--pause-recoding");
        }
        let snowbank = how.start();
        let token = snowbank.token(REPOSITORY, &["refs/heads/main:rw"]);
        let admin = snowbank.run(&["token", "create", "--admin"]).trim().to_owned();
        Self { snowbank, token, admin }
    }

    pub(crate) fn process(&self) -> &snowbank_testkit::process::Process {
        self.snowbank.process()
    }

    /// The npm client against this server.
    pub(crate) fn npm(&self) -> NpmClient {
        NpmClient::new(Release::V6, Protocol::V2, self.snowbank.url(), &self.token)
    }

    /// Its URL and a token for it.
    pub(crate) fn remote(&self) -> (String, String) {
        (self.snowbank.url().to_owned(), self.token.clone())
    }

    /// The npm client against this server, by way of `url`.
    pub(crate) fn npm_by(&self, url: &str) -> NpmClient {
        NpmClient::new(Release::V6, Protocol::V2, url, &self.token)
    }

    /// A plain client of the protocol against this server.
    pub(crate) fn wire(&self) -> WireClient {
        WireClient::new(self.snowbank.url(), &self.token)
    }

    /// A plain client with the token of a job of `repository` that saves in `scope`.
    pub(crate) fn job(&self, repository: &str, scope: &str) -> WireClient {
        let token = self.snowbank.token(repository, &[&format!("{scope}:rw")]);
        WireClient::new(self.snowbank.url(), &token)
    }

    /// An administrator's token.
    pub(crate) fn admin(&self) -> &str {
        &self.admin
    }

    /// Signs the administrator in to the dashboard, and gives back the cookie.
    pub(crate) fn sign_in(&self) -> String {
        let (address, _) = self.address();
        let body = format!("token={}", self.admin);
        let request = format!(
            "POST /sign-in HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = clients::once(&address, &request);
        let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
        cookie.unwrap_or_else(|| panic!("who signs in gets no cookie: {answer}")).to_owned()
    }

    /// The host, port and token, for a client of the benchmark's own.
    pub(crate) fn address(&self) -> (String, String) {
        (
            self.snowbank.url().trim_start_matches("http://").trim_end_matches('/').to_owned(),
            self.token.clone(),
        )
    }

    /// Waits until every upload is recoded and deleted.
    pub(crate) async fn recoded(&self) {
        let patience = Instant::now() + Duration::from_secs(1800);
        loop {
            let usage = self.ask("usage").await;
            if usage["recoding"] == 0 && usage["disk"]["uploads_bytes"] == 0 {
                return;
            }
            assert!(Instant::now() < patience, "recoding does not end: {usage}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// How many entries there are.
    pub(crate) async fn entries(&self) -> u64 {
        self.ask("caches").await["total_count"].as_u64().expect("entries are counted")
    }

    /// The upload's size and a URL for the entry's bytes as they are served now.
    pub(crate) async fn entry(&self, key: &str) -> (u64, String) {
        let caches = self.ask("caches").await;
        let mut all = caches["caches"].as_array().into_iter().flatten();
        let entry =
            all.find(|entry| entry["key"] == key).unwrap_or_else(|| panic!("{key} is not in {caches}"));
        let version = entry["version"].as_str().expect("an entry has a version");
        let hit = self
            .wire()
            .lookup(&[key], version)
            .await
            .expect("a lookup is answered")
            .expect("the entry is there");
        (entry["size_in_bytes"].as_u64().expect("an entry has a size"), hit.url)
    }

    /// Stops the server; everything is then on the disk.
    pub(crate) fn stop(mut self) {
        let status = self.snowbank.terminate();
        assert!(status.success(), "the server ended with {status}");
    }

    async fn ask(&self, what: &str) -> Value {
        let client = WireClient::new(self.snowbank.url(), &self.admin);
        let answer = client
            .request("GET".parse().expect("a method"), &format!("/api/v1/{what}"), &[], Bytes::new())
            .await;
        let body = answer.bytes().await.expect("an answer has a body");
        serde_json::from_slice(&body)
            .unwrap_or_else(|_| panic!("not JSON: {}", String::from_utf8_lossy(&body)))
    }
}

/// What a stopped server's folder takes.
pub(crate) fn disk_of(data: &Path) -> u64 {
    disk::bytes_taken(data).expect("the server's folder can be read")
}

/// Copies a stopped server's folder, to do the same to it several times.
pub(crate) fn copy(data: &Path, to: &Path) {
    if to.exists() {
        remove(to);
    }
    succeed(Command::new("cp").args(["-a", "--reflink=auto"]).arg(data).arg(to));
}
