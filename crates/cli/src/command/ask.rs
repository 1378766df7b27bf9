//! Asking a server of ours by its own API.

use std::path::Path;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;
use url::Url;

use crate::error::{CliError, Result};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who is asked, and what to tell when he does not answer as he should.
pub(super) struct Asked<'a> {
    /// `the server at http://...`, for people.
    pub(super) who: String,
    /// What to try when he cannot be reached.
    pub(super) unreached: &'a str,
    /// Where a token comes from that he lets in.
    pub(super) refused: &'a str,
}

impl Asked<'_> {
    /// The JSON that a request is answered with; null where there is none.
    ///
    /// # Errors
    /// When there is no answer, or it is a refusal: then with the server's words.
    pub(super) async fn ask(&self, request: impl FnOnce(&Client) -> RequestBuilder) -> Result<Value> {
        let failed = || CliError::failed(format!("could not ask {}", self.who));
        let client = Client::builder().timeout(PATIENCE).build().map_err(|error| failed().because(error))?;
        let answer = request(&client).send().await;
        let answer = answer.map_err(|error| failed().because(error.without_url()).hint(self.unreached))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| failed().because(error.without_url()))?;
        let value: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
        if status.is_success() {
            return Ok(value);
        }
        let message = value["message"].as_str().map_or_else(|| status.to_string(), str::to_owned);
        let refused = CliError::failed(format!("{} refused: {message}", self.who));
        Err(match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => refused.hint(self.refused),
            _ => refused,
        })
    }
}

/// A server's URL, as an argument has it.
///
/// # Errors
/// When it is none.
pub(super) fn server_url(text: &str) -> Result<Url> {
    let wrong = || CliError::usage(format!("`{}` is no server's URL", text.escape_debug()));
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        // HOST:PORT is one, of the scheme HOST.
        _ if !text.contains("://") => {
            Err(wrong().hint(format!("did you mean http://{0}, or https://{0}?", text.escape_debug())))
        }
        Ok(_) => Err(wrong().hint("a server is at an http or https URL")),
        Err(error) => Err(wrong().because(error)),
    }
}

/// The token in a file.
///
/// # Errors
/// When it cannot be read.
pub(super) fn token_in(path: &Path) -> Result<String> {
    let read = std::fs::read_to_string(path).map_err(|error| {
        CliError::failed(format!("could not read the token file {}", path.display())).because(error)
    })?;
    Ok(read.trim().to_owned())
}
