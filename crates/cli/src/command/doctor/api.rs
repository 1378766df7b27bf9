//! The API that knows which entries there are: GitHub's, there or on a Snowbank server.

use std::time::SystemTime;

use reqwest::Client;
use serde_json::Value;
use snowbank_actions::client::rest::{Repository, RestClient};
use snowbank_actions::client::{Options, Token};
use snowbank_client::doctor::keys::Removal;
use snowbank_client::doctor::{Finding, Level};
use url::Url;

use super::ask::{AGENT, ONCE, get};
use super::service::{Service, host};
use crate::args::doctor::Doctor;
use crate::command::github::{api as github, token as github_token, variable};
use crate::error::CliError;

/// Removals that are looked at.
const REMOVALS: usize = 100;

/// The API, and the repository that is meant.
pub(super) struct Api {
    pub(super) rest: RestClient,
    pub(super) repository: Repository,
    /// A Snowbank server's own API: where it is, and the token for it.
    own: Option<(String, String)>,
}

impl Api {
    /// That of the server that is named or the service is, else GitHub's.
    ///
    /// # Errors
    /// What is missing.
    pub(super) fn of(args: &Doctor, service: Option<&Service>) -> Result<Self, Finding> {
        let own = match &args.server {
            Some(server) => variable("SNOWBANK_TOKEN").map(|token| (server.clone(), token)),
            None => service
                .filter(|service| service.is_ours)
                .map(|service| (service.url.clone(), service.token.clone())),
        };
        let (url, token) = match (&own, &args.server) {
            (Some(own), _) => own.clone(),
            (None, Some(server)) => {
                let seen = format!("{} was named with --server, and SNOWBANK_TOKEN is not set", host(server));
                return Err(unknown(
                    seen,
                    "`snowbank token create --manage OWNER/NAME:read` makes one where the server is",
                ));
            }
            (None, None) => match github_token() {
                Some(token) => (github(), token),
                None => {
                    let seen = "only an API tells, and there is no token for GitHub's".to_owned();
                    return Err(unknown(
                        seen,
                        "in a job, set GITHUB_TOKEN: ${{ github.token }}, with the permission `actions: read`; for a Snowbank server name it with --server",
                    ));
                }
            },
        };
        let of_token = || service.and_then(|service| service.says.repository.clone());
        let said = || Token::new(token.as_str()).says().repository;
        let named =
            args.repo.clone().or_else(|| variable("GITHUB_REPOSITORY")).or_else(of_token).or_else(said);
        let Some(named) = named else {
            return Err(unknown("no repository is named".to_owned(), "name one with --repo OWNER/NAME"));
        };
        let wrong =
            |error: CliError| unknown(error.line(), "--repo is written OWNER/NAME, --server http://HOST");
        let repository: Repository = named
            .parse()
            .map_err(|error| wrong(CliError::usage("the repository is not valid").because(error)))?;
        let user_agent = AGENT.to_owned();
        let rest = RestClient::new(Options { url, token: Token::new(token), user_agent, patience: ONCE })
            .map_err(|error| wrong(CliError::usage("the API cannot be asked").because(error)))?;
        Ok(Self { rest, repository, own })
    }

    /// What went lately, the last first; nothing where the server does not tell.
    pub(super) async fn removals(&self) -> Vec<Removal> {
        let told = self.events("removals", &[("limit", REMOVALS.to_string())]).await;
        let rows = told.as_ref().and_then(|told| told["removals"].as_array()).cloned().unwrap_or_default();
        rows.iter().filter_map(removal).collect()
    }

    /// Why the server says that the last lookup of the key missed, in its words, and when.
    pub(super) async fn last_miss(&self, key: &str) -> Option<(String, String)> {
        let query = [("key", key.to_owned()), ("outcome", "miss".to_owned()), ("limit", "1".to_owned())];
        let told = self.events("lookups", &query).await?;
        let row = &told["lookups"][0];
        Some((row["reason"]["message"].as_str()?.to_owned(), row["at"].as_str()?.to_owned()))
    }

    async fn events(&self, what: &str, query: &[(&str, String)]) -> Option<Value> {
        let (base, token) = self.own.as_ref()?;
        let mut url = Url::parse(&format!("{}/api/v1/{what}", base.trim_end_matches('/'))).ok()?;
        url.query_pairs_mut().append_pair("repository", &self.repository.to_string()).extend_pairs(query);
        let answer = get(&Client::new(), url.as_str(), Some(token)).await.ok()?;
        answer.status.is_success().then(|| serde_json::from_slice(&answer.body).ok())?
    }
}

fn removal(row: &Value) -> Option<Removal> {
    let text = |name: &str| row[name].as_str().map(str::to_owned);
    let at: SystemTime = humantime::parse_rfc3339(row["removed_at"].as_str()?).ok()?;
    Some(Removal { key: text("key")?, reason: text("reason")?, at })
}

fn unknown(seen: String, hint: &str) -> Finding {
    Finding::new(Level::Note, "keys-unknown", "which keys there are is not known", seen).hint(hint)
}
