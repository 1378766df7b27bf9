//! GitHub's REST API for the caches of one repository, as the environment names it.

use std::time::Duration;

use snowbank_actions::client::rest::{Repository, RestClient, Usage};
use snowbank_actions::client::{ClientError, Options, Patience, Token};
use snowbank_actions::limits::REPOSITORY_BYTES;
use snowbank_server::service::Service;

use crate::error::{CliError, Result};

/// Where GitHub's API is, unless GITHUB_API_URL says otherwise.
const API: &str = "https://api.github.com";

/// A command waits so long for what it is asked for; GitHub lets who deletes much wait for a minute.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(10),
    stall: Duration::from_secs(30),
    attempts: 5,
    total: Duration::from_secs(180),
};

/// What is only done along the way is not waited for.
const IMPATIENCE: Patience = Patience {
    connect: Duration::from_secs(5),
    stall: Duration::from_secs(10),
    attempts: 2,
    total: Duration::from_secs(20),
};

/// A repository, and the API of its server.
pub(crate) struct Github {
    /// The API.
    pub rest: RestClient,
    /// Where it is, for people.
    pub url: String,
    /// The repository.
    pub repository: Repository,
    /// Whether it is a Snowbank server's.
    pub is_ours: bool,
    /// The server's own state, where it is at hand.
    pub service: Option<Service>,
}

impl Github {
    /// The repository that is named, else the job's.
    ///
    /// # Errors
    /// When none is named, or there is no token.
    pub(crate) fn open(repository: Option<&str>) -> Result<Self> {
        let named = repository.map(str::to_owned).or_else(|| variable("GITHUB_REPOSITORY"));
        let named = named.ok_or_else(|| {
            CliError::usage("no repository is named").hint("name one with --repo OWNER/NAME")
        })?;
        let token = token().ok_or_else(|| {
            CliError::usage("there is no token for GitHub")
                .hint("put one into GH_TOKEN, or into GITHUB_TOKEN")
        })?;
        Self::new(api(), &named, token, PATIENCE)
    }

    /// A repository on a Snowbank server, and the server's state where it is at hand.
    ///
    /// # Errors
    /// When its address or the repository cannot be.
    pub(crate) fn on_server(
        url: &str,
        token: String,
        service: Option<Service>,
        repository: &str,
    ) -> Result<Self> {
        Ok(Self { is_ours: true, service, ..Self::new(url.to_owned(), repository, token, PATIENCE)? })
    }

    /// That of the job around us, where it has a token for it.
    pub(crate) fn at_hand() -> Option<Self> {
        Self::new(api(), &variable("GITHUB_REPOSITORY")?, token()?, IMPATIENCE).ok()
    }

    fn new(url: String, repository: &str, token: String, patience: Patience) -> Result<Self> {
        let repository = repository
            .parse()
            .map_err(|error| CliError::usage("the repository is not valid").because(error))?;
        let wrong = format!("GitHub's API at {url} cannot be used");
        let user_agent = concat!("snowbank/", env!("CARGO_PKG_VERSION")).to_owned();
        let shown = url.clone();
        let rest = RestClient::new(Options { url, token: Token::new(token), user_agent, patience })
            .map_err(|error| CliError::usage(wrong).because(error))?;
        Ok(Self { rest, url: shown, repository, is_ours: false, service: None })
    }

    /// What the repository uses, and what it may.
    pub(crate) async fn usage(&self) -> std::result::Result<(Usage, u64), ClientError> {
        let usage = self.rest.usage(&self.repository).await?;
        Ok((usage, self.rest.limit(&self.repository).await?.unwrap_or(REPOSITORY_BYTES)))
    }
}

/// Where GitHub's API is.
pub(crate) fn api() -> String {
    variable("GITHUB_API_URL").unwrap_or_else(|| API.to_owned())
}

/// The token for it.
pub(crate) fn token() -> Option<String> {
    variable("GH_TOKEN").or_else(|| variable("GITHUB_TOKEN"))
}

/// A variable that is set to something.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
