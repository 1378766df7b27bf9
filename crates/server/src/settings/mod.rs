//! What a server can be told. The CLI reads these from a file, the environment and flags; the service only
//! sees the result.

mod caches;
mod oidc;
mod units;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use snowbank_cas::chunker::{Params, ParamsError};

pub use caches::{CacheSettings, CacheSettingsError, CacheUpstream, MAX_CACHE_NAME, is_cache_name};
pub(crate) use oidc::is_safe;
pub use oidc::{MAX_OIDC_TOKEN, NoSuchRight, Oidc, OidcError, OidcRule, Right};
pub use units::{ByteSize, Span, UnitError};

/// All settings of a server, with GitHub's limits as defaults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The address to listen on.
    pub listen: String,
    /// The folder for everything that is not told to be elsewhere.
    pub data: String,
    /// `sqlite:PATH` or `postgres://...`; empty for a SQLite file in the data folder.
    pub database: String,
    /// A folder, or `s3://BUCKET/PREFIX`; empty for a folder in the data folder.
    pub storage: String,
    /// The URL under which clients reach this server; empty to take the `Host` of each request.
    pub public_url: String,
    /// Share chunks between repositories of different owners. Sizes and timing then tell of others' content.
    pub share_across_owners: bool,
    /// Bytes that all stored objects together may take; nothing for no limit.
    pub max_disk: Option<ByteSize>,
    /// Bytes that buffers of uploads, downloads and recoding may take together.
    pub buffers: ByteSize,
    /// Connections that are served at once; a further one waits until one of them ends.
    pub max_connections: usize,
    /// How to reach S3.
    pub s3: S3,
    /// Who may do what.
    pub auth: Auth,
    /// Limits of each repository.
    pub limits: Limits,
    /// Repositories with settings of their own, by `owner/name`.
    pub repositories: BTreeMap<String, RepositorySettings>,
    /// Nix binary caches, by name.
    pub caches: BTreeMap<String, CacheSettings>,
    /// Issuers whose identity tokens are exchanged for ours.
    pub oidc: Vec<Oidc>,
    /// How content is cut and kept.
    pub chunks: Chunks,
    /// How long things are waited for and kept.
    pub times: Times,
    /// Background work.
    pub jobs: JobSettings,
    /// Who may read metrics, and where.
    pub metrics: MetricsSettings,
    /// Where traces of requests are sent.
    pub telemetry: Telemetry,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8484".into(),
            data: "snowbank-data".into(),
            database: String::new(),
            storage: String::new(),
            public_url: String::new(),
            share_across_owners: false,
            max_disk: None,
            buffers: ByteSize(96 << 20),
            max_connections: 2048,
            s3: S3::default(),
            auth: Auth::default(),
            limits: Limits::default(),
            repositories: BTreeMap::new(),
            caches: BTreeMap::new(),
            oidc: Vec::new(),
            chunks: Chunks::default(),
            times: Times::default(),
            jobs: JobSettings::default(),
            metrics: MetricsSettings::default(),
            telemetry: Telemetry::default(),
        }
    }
}

/// How to reach an S3 server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct S3 {
    /// The server's URL; empty for Amazon's.
    pub endpoint: String,
    /// The region; empty for `us-east-1`.
    pub region: String,
    /// The access key.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
}

/// Who may do what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// Believe every caller on a loopback address, as the single tenant `local/local`.
    pub trust_loopback: bool,
    /// Runtime tokens signed by GitHub.
    pub github: Github,
    /// Jobs that a Forgejo runner vouches for.
    pub forgejo: Forgejo,
}

/// Which jobs a Forgejo runner may vouch for. It signs whatever repository it runs jobs of, so without an `allow` list none
/// count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Forgejo {
    /// `cache.secret` of the runners; empty where none may.
    pub secret: String,
    /// Names `owner/name`, or `owner/*`.
    pub allow: Vec<String>,
}

/// Which of GitHub's runtime tokens count. GitHub signs for every repository on earth, so without an `allow`
/// list none does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Github {
    /// Who signs; its keys are read from `<issuer>/.well-known/jwks`.
    pub issuer: String,
    /// Repository numbers, names `owner/name`, or `owner/*`.
    pub allow: Vec<String>,
}

impl Default for Github {
    fn default() -> Self {
        Self { issuer: "https://token.actions.githubusercontent.com".into(), allow: Vec::new() }
    }
}

/// Limits of one repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of all entries, as uploaded; beyond it the least recently used go.
    pub size: ByteSize,
    /// How long an entry that nobody uses is kept.
    pub retention: Span,
    /// New uploads a minute; 0 for no limit.
    pub uploads_per_minute: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            size: ByteSize(10_000_000_000),
            retention: Span(std::time::Duration::from_secs(7 * 24 * 3600)),
            uploads_per_minute: 0,
        }
    }
}

/// Settings of one repository; what is absent is as for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RepositorySettings {
    /// See [`Limits::size`].
    pub size: Option<ByteSize>,
    /// See [`Limits::retention`].
    pub retention: Option<Span>,
    /// See [`Limits::uploads_per_minute`].
    pub uploads_per_minute: Option<u64>,
    /// Whether archives may be compressed anew; if not, every upload comes back bit for bit.
    pub recode: Option<bool>,
}

/// How content is cut and kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Chunks {
    /// The smallest chunk that is cut by content.
    pub min: ByteSize,
    /// The size that cutting by content aims at.
    pub average: ByteSize,
    /// The largest chunk.
    pub max: ByteSize,
    /// Files from this size on are cut apart from what surrounds them.
    pub file_threshold: ByteSize,
    /// The zstd level of frames.
    pub level: i32,
    /// The size at which a pack is closed.
    pub pack: ByteSize,
}

impl Default for Chunks {
    fn default() -> Self {
        let params = Params::default();
        Self {
            min: ByteSize(params.min().into()),
            average: ByteSize(params.avg().into()),
            max: ByteSize(params.max().into()),
            file_threshold: ByteSize(params.file_threshold().into()),
            level: 1,
            pack: ByteSize(64 << 20),
        }
    }
}

impl Chunks {
    /// The chunker's parameters.
    ///
    /// # Errors
    /// When no chunker can work with these sizes.
    pub fn params(&self) -> Result<Params, ParamsError> {
        let size = |size: ByteSize| u32::try_from(size.0).unwrap_or(u32::MAX);
        Params::new(size(self.min), size(self.average), size(self.max), size(self.file_threshold))
    }
}

/// How long things are waited for and kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Times {
    /// A reservation to which no byte comes for so long is given up.
    pub upload_idle: Span,
    /// How long an upload URL holds.
    pub upload_url: Span,
    /// How long a download URL holds at the least.
    pub download_url: Span,
    /// A connection that brings no byte of a body for so long is closed.
    pub body_idle: Span,
    /// How long what was pushed to a binary cache waits for the paths that name it.
    pub push: Span,
    /// How long work under way (jobs, packs and recipes that are being made) is safe without a sign of life.
    pub lease: Span,
    /// How long a condemned pack is kept for those who still read it.
    pub grace: Span,
    /// How long a token holds that was given for an identity token; 15 minutes at the most.
    pub oidc_token: Span,
    /// How often retention, limits and collection are looked after.
    pub upkeep: Span,
    /// How long it is remembered what happened: lookups and why they missed, what went, saves, image pushes. Zero for not
    /// at all; then no counts are kept either.
    pub events: Span,
    /// How long running requests may take to finish when the server is told to stop.
    pub shutdown: Span,
}

impl Default for Times {
    fn default() -> Self {
        let seconds = |s| Span(std::time::Duration::from_secs(s));
        Self {
            upload_idle: seconds(300),
            upload_url: seconds(6 * 3600),
            download_url: seconds(3600),
            body_idle: seconds(60),
            push: seconds(24 * 3600),
            lease: seconds(120),
            grace: seconds(3600),
            oidc_token: seconds(900),
            upkeep: seconds(3600),
            events: seconds(30 * 24 * 3600),
            shutdown: seconds(20),
        }
    }
}

/// Background work of this process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobSettings {
    /// Recode uploads.
    pub recode: bool,
    /// Enforce limits and collect.
    pub upkeep: bool,
    /// Live share of a pack, in percent, below which it is packed anew.
    pub repack_below: u8,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self { recode: true, upkeep: true, repack_below: 60 }
    }
}

/// Who may read metrics, and where. They name repositories, so by default it takes an admin token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsSettings {
    /// An address of their own, where whoever reaches it may read them; empty for none.
    pub listen: String,
    /// Whether everybody who reaches the server may read them.
    pub public: bool,
}

/// Where traces of requests are sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// The base URL of a collector that takes OTLP over HTTP; empty for no traces.
    pub endpoint: String,
    /// The name under which this server's traces are shown.
    pub service_name: String,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { endpoint: String::new(), service_name: "snowbank".into() }
    }
}

impl Settings {
    /// The limits of a repository: its own, else those of all.
    #[must_use]
    pub fn limits_of(&self, repository: &str) -> Limits {
        let own = self.repository(repository);
        Limits {
            size: own.and_then(|o| o.size).unwrap_or(self.limits.size),
            retention: own.and_then(|o| o.retention).unwrap_or(self.limits.retention),
            uploads_per_minute: own
                .and_then(|o| o.uploads_per_minute)
                .unwrap_or(self.limits.uploads_per_minute),
        }
    }

    /// Whether archives of this repository may be compressed anew.
    #[must_use]
    pub fn may_recode(&self, repository: &str) -> bool {
        self.repository(repository).and_then(|own| own.recode).unwrap_or(true)
    }

    /// Whose chunks the binary cache of this name shares; nothing where there is no such cache.
    #[must_use]
    pub fn cache_owner<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.caches.get(name).map(|own| own.owner.as_deref().unwrap_or(name))
    }

    /// What is said of a repository alone.
    pub(crate) fn repository(&self, name: &str) -> Option<&RepositorySettings> {
        self.repositories.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, own)| own)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_overrides_only_what_it_names() {
        let mut settings = Settings::default();
        let own = RepositorySettings { size: Some(ByteSize(5)), recode: Some(false), ..Default::default() };
        settings.repositories.insert("Acme/App".into(), own);
        assert_eq!(settings.limits_of("acme/app").size, ByteSize(5));
        assert_eq!(settings.limits_of("acme/app").retention, Limits::default().retention);
        assert_eq!(settings.limits_of("acme/other"), Limits::default());
        assert!(!settings.may_recode("acme/app"));
        assert!(settings.may_recode("acme/other"));
    }
}
