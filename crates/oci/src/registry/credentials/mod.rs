//! Who we are at a registry: what the caller says, else what Docker's and Podman's credential files say.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::secret::Secret;
use crate::reference::Reference;

mod file;
mod helper;
#[cfg(test)]
mod tests;

pub use file::AuthFile;

/// What a registry lets somebody in for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// A name and a password, or a token in a password's place.
    Login(Login),
    /// A token that only gives other tokens (`identitytoken` in a credential file, the user `<token>` of a helper).
    Identity(Secret),
    /// A token that is sent as it is (`registrytoken`).
    Token(Secret),
}

/// A name and a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The name; registries that look at the password alone take any.
    pub user: String,
    /// The password, or a token in its place.
    pub secret: Secret,
}

/// Where credentials are looked for. Nothing here reads the environment by itself.
#[derive(Clone, Debug, Default)]
pub struct CredentialFiles {
    /// The files, the first that knows the registry wins. Those that do not exist are passed over.
    pub files: Vec<PathBuf>,
    /// Where helper programs are searched for: what `PATH` holds.
    pub search_path: Option<OsString>,
    /// For `ghcr.io`, when no file knows it: a job's `GITHUB_ACTOR` and `GITHUB_TOKEN`.
    pub github: Option<Login>,
}

/// Why credentials cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// A file is there but cannot be read.
    #[error("cannot read the credential file {}", .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    /// A file is larger than one can be.
    #[error("the credential file {} has more than {} bytes", .0.display(), file::MAX_FILE)]
    TooLarge(PathBuf),
    /// A file is not what it should be. What is in it is secret, so only the place is named.
    #[error("the credential file {} is broken at line {line}, column {column}", .path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line, from 1 on.
        line: usize,
        /// The column, from 1 on.
        column: usize,
    },
    /// An entry is no base64 of a name, a colon and a password.
    #[error("the entry for {0} in a credential file is not base64 of a user, a colon and a password")]
    Entry(String),
    /// A helper's name cannot be one.
    #[error("a credential file names the helper `{0}`, which cannot be one")]
    HelperName(String),
    /// A helper is not installed.
    #[error(
        "the program {0}, which a credential file names, is not on the search path; install it, or take it out of the file"
    )]
    HelperMissing(String),
    /// A helper cannot be run.
    #[error("cannot run {0}")]
    HelperRun(String, #[source] std::io::Error),
    /// A helper gave no answer.
    #[error("{program} did not answer within {} seconds", helper::WAIT.as_secs(), program = .0)]
    HelperStalled(String),
    /// A helper failed, or said what cannot be understood. What it said may be secret.
    #[error("{0} gave no credentials ({1})")]
    HelperFailed(String, &'static str),
}

impl CredentialFiles {
    /// Where Docker and Podman look, in this order: `REGISTRY_AUTH_FILE`, `$XDG_RUNTIME_DIR/containers/auth.json`,
    /// `$XDG_CONFIG_HOME` or `~/.config` with `containers/auth.json`, `$DOCKER_CONFIG` or `~/.docker` with
    /// `config.json`; and for `ghcr.io` at last `GITHUB_TOKEN`. `variable` gives the environment's variables.
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let folder = |name: &str| set(name).map(PathBuf::from);
        let home = |inner: &str| folder("HOME").map(|home| home.join(inner));
        let containers = |base: PathBuf| base.join("containers/auth.json");
        let files = [
            folder("REGISTRY_AUTH_FILE"),
            folder("XDG_RUNTIME_DIR").map(containers),
            folder("XDG_CONFIG_HOME").or_else(|| home(".config")).map(containers),
            folder("DOCKER_CONFIG").or_else(|| home(".docker")).map(|base| base.join("config.json")),
        ];
        let text = |name: &str| set(name).and_then(|value| value.into_string().ok());
        let github = text("GITHUB_TOKEN").map(|token| Login {
            user: text("GITHUB_ACTOR").unwrap_or_else(|| "x-access-token".to_owned()),
            secret: Secret::new(token),
        });
        Self { files: files.into_iter().flatten().collect(), search_path: set("PATH"), github }
    }

    /// The credential for a repository; none where nobody knows one. Helper programs that a file names are run.
    ///
    /// # Errors
    /// When a file is broken, or a helper that should know cannot say.
    pub async fn find(&self, reference: &Reference) -> Result<Option<Credential>, CredentialError> {
        for path in &self.files {
            let Some(file) = read(path).await? else { continue };
            if let Some(found) = self.ask(&file, reference).await? {
                return Ok(Some(found));
            }
        }
        let github =
            self.github.clone().filter(|login| reference.host() == "ghcr.io" && !login.secret.is_empty());
        Ok(github.map(Credential::Login))
    }

    async fn ask(
        &self,
        file: &AuthFile,
        reference: &Reference,
    ) -> Result<Option<Credential>, CredentialError> {
        let path = self.search_path.as_deref();
        let host = server(reference);
        if let Some(name) = file.helper(reference)
            && let Some(found) = helper::get(name, host, path).await?
        {
            return Ok(Some(found));
        }
        if let Some(found) = file.entry(reference)? {
            return Ok(Some(found));
        }
        match file.store() {
            Some(name) => helper::get(name, host, path).await,
            None => Ok(None),
        }
    }
}

/// What helpers know a registry as.
fn server(reference: &Reference) -> &str {
    if reference.host() == "docker.io" { file::DOCKER_KEY } else { reference.host() }
}

async fn read(path: &Path) -> Result<Option<AuthFile>, CredentialError> {
    use tokio::io::AsyncReadExt as _;
    let failed = |error| CredentialError::Read(path.to_owned(), error);
    let opened = match tokio::fs::File::open(path).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => return Ok(None),
        other => other.map_err(failed)?,
    };
    let mut bytes = Vec::new();
    opened.take(file::MAX_FILE + 1).read_to_end(&mut bytes).await.map_err(failed)?;
    if bytes.len() as u64 > file::MAX_FILE {
        return Err(CredentialError::TooLarge(path.to_owned()));
    }
    AuthFile::parse(&bytes).map(Some).map_err(|error| CredentialError::Broken {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
    })
}
