//! Where an image lies: `[HOST[:PORT]/]REPOSITORY[:TAG][@DIGEST]`, by Docker's rules.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::digest::{Digest, DigestError};

mod grammar;
#[cfg(test)]
mod tests;

pub(crate) use grammar::is_tag;

/// The registry that is meant where none is named, and what it is called in credential files.
const DOCKER: &str = "docker.io";

/// Bytes of a reference at the most.
const MAX_TEXT: usize = 1024;

/// Bytes of a repository's name at the most (distribution specification).
const MAX_REPOSITORY: usize = 255;

/// A registry, a repository, and maybe a tag or a digest in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

/// A reference that was read, and what was changed in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The reference.
    pub reference: Reference,
    /// Whether letters of the repository's name were made lower-case, as registries demand it.
    pub lowered: bool,
}

/// Why a text is no reference.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReferenceError {
    /// There is nothing, or too much.
    #[error("an image's name has between 1 and {MAX_TEXT} bytes")]
    Length,
    /// The host cannot be one.
    #[error("`{0}` is no host of a registry; one looks like ghcr.io or localhost:5000")]
    Host(String),
    /// The repository cannot be one.
    #[error(
        "`{0}` is no name of a repository; one has letters and digits, single `.`, `_` or `-` between them, and `/` between its parts"
    )]
    Repository(String),
    /// The tag cannot be one.
    #[error(
        "`{0}` is no tag; one has at most 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two"
    )]
    Tag(String),
    /// The digest cannot be one.
    #[error("the name's part after `@` is no digest")]
    Digest(#[source] DigestError),
}

impl Reference {
    /// Reads a reference, after `docker://` or not. The repository's name is made lower-case.
    ///
    /// # Errors
    /// When a part of it breaks the rules of references (distribution specification, and Docker's for the host).
    pub fn parse(text: &str) -> Result<Parsed, ReferenceError> {
        let text = text.strip_prefix("docker://").unwrap_or(text);
        if text.is_empty() || text.len() > MAX_TEXT {
            return Err(ReferenceError::Length);
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest.parse().map_err(ReferenceError::Digest)?)),
            None => (text, None),
        };
        let (host, rest) = match name.split_once('/') {
            Some((first, rest)) if grammar::means_host(first) => (first.to_ascii_lowercase(), rest),
            _ => (DOCKER.to_owned(), name),
        };
        if !grammar::is_host(&host) {
            return Err(ReferenceError::Host(host));
        }
        let (repository, tag) = match rest.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag.to_owned())),
            None => (rest, None),
        };
        if let Some(tag) = tag.as_deref().filter(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Tag(tag.to_owned()));
        }
        let mut lower = repository.to_ascii_lowercase();
        let lowered = lower != repository;
        let host = if host == "index.docker.io" { DOCKER.to_owned() } else { host };
        if host == DOCKER && !lower.contains('/') {
            lower.insert_str(0, "library/");
        }
        if lower.len() > MAX_REPOSITORY || !lower.split('/').all(grammar::is_component) {
            return Err(ReferenceError::Repository(repository.to_owned()));
        }
        Ok(Parsed { reference: Self { host, repository: lower, tag, digest }, lowered })
    }

    /// The registry as people name it, with its port if it has one.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The host that answers for the registry.
    #[must_use]
    pub fn api_host(&self) -> &str {
        if self.host == DOCKER { "registry-1.docker.io" } else { &self.host }
    }

    /// The repository, in lower case, without the host.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }

    /// What a registry is asked for: the digest, else the tag, else `latest`.
    #[must_use]
    pub fn what(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }

    /// `HOST/REPOSITORY`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// Whether the registry is on this machine, where plain HTTP is usual.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let name = grammar::without_port(&self.host);
        let address = name.trim_start_matches('[').trim_end_matches(']');
        name == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        Self::parse(text).map(|parsed| parsed.reference)
    }
}
