//! Questions to a server, each within its time and its size.

use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use snowbank_actions::client::{CacheClient, Options, Patience, Token};

use super::{PATIENCE, within};
use crate::error::CliError;

/// One try within the time that a question has.
pub(super) const ONCE: Patience =
    Patience { connect: PATIENCE, stall: PATIENCE, attempts: 1, total: PATIENCE };

/// How this program calls itself.
pub(super) const AGENT: &str = concat!("snowbank/", env!("CARGO_PKG_VERSION"));

/// Bytes of an answer that are read.
const MOST: usize = 1 << 20;

/// An answer.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
    pub(super) took: Duration,
}

/// A client of a cache service.
///
/// # Errors
/// Why the address or the token cannot be used.
pub(super) fn client(url: &str, token: &str) -> Result<CacheClient, String> {
    let options = Options {
        url: url.to_owned(),
        token: Token::new(token),
        user_agent: AGENT.to_owned(),
        patience: ONCE,
    };
    CacheClient::new(options).map_err(|error| CliError::failed("it cannot be used").because(error).line())
}

/// `GET`, with a token where one is given.
///
/// # Errors
/// Why there was no answer; no token is in it.
pub(super) async fn get(client: &Client, url: &str, token: Option<&str>) -> Result<Answer, String> {
    let failed = |error: reqwest::Error| {
        CliError::failed("there is no connection").because(error.without_url()).line()
    };
    within(async {
        let began = Instant::now();
        let request = client.get(url);
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let mut answer = request.send().await.map_err(failed)?;
        let (status, took) = (answer.status(), began.elapsed());
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(failed)? {
            if body.len() + part.len() > MOST {
                return Err(format!("the answer has over {MOST} bytes"));
            }
            body.extend_from_slice(&part);
        }
        Ok(Answer { status, body, took })
    })
    .await
}
