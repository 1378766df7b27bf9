//! Who a job is, proven to a server of ours: its forge gives it an identity token, and the server one of its own for that.

mod call;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use reqwest::header::ACCEPT;
use serde::Deserialize;
use serde_json::json;
use snowbank_actions::client::ClientError;
use url::Url;

use crate::set_up::may_carry_token;
use call::Caller;

/// Where an identity token comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum IdentitySource {
    /// It is at hand, as GitLab's jobs find it in a variable; its audience was settled when it was made.
    Given(String),
    /// The runner of a GitHub job gives it on request.
    Github {
        /// `ACTIONS_ID_TOKEN_REQUEST_URL`.
        url: String,
        /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
        token: String,
    },
}

/// Without tokens.
impl fmt::Debug for IdentitySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given(_) => "Given",
            Self::Github { .. } => "Github",
        })
    }
}

/// A token of a server's.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    /// The token.
    pub token: String,
    /// How long it holds.
    pub valid: Duration,
}

/// Without the token.
impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proof({:?})", self.valid)
    }
}

/// Why there is no token. No message and no cause holds one.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The server's URL is none.
    #[error("`{}` is no server's URL, which is written https://HOST", .0.escape_debug())]
    Server(String),
    /// The address where the forge is asked is none.
    #[error("the address at which the forge is asked for identity tokens is no URL")]
    Forge,
    /// The identity token would go over the wire for all to see.
    #[error("an identity token is not sent to another machine over http, which all can read")]
    Open,
    /// The forge gives none.
    #[error("the forge gives no identity token")]
    Unidentified(#[source] ClientError),
    /// The server does not take it.
    #[error("the server gives no token for the identity token")]
    Refused(#[source] ClientError),
}

#[derive(Deserialize)]
struct Identity {
    value: String,
}

#[derive(Deserialize)]
struct Exchanged {
    token: String,
    #[serde(default)]
    expires_in: u64,
}

impl IdentitySource {
    /// A token of the server at `server` (`https://HOST`) for this identity. A forge that is asked is told that the
    /// identity token is for `audience`. `agent` is what the client calls itself.
    ///
    /// # Errors
    /// When there is no identity token, or the server gives none for it.
    pub async fn prove(&self, server: &str, audience: &str, agent: &str) -> Result<Proof, IdentityError> {
        let server = server_url(server)?;
        if !may_carry_token(&server) {
            return Err(IdentityError::Open);
        }
        let identity = match self {
            Self::Given(token) => token.clone(),
            Self::Github { url, token } => of_github(url, token, audience, agent).await?,
        };
        let call = Caller::new("exchange the identity token", &server, &identity, agent);
        let exchanged = call.map_err(IdentityError::Refused)?;
        let body = json!({ "token": identity });
        let Exchanged { token, expires_in } = exchanged
            .ask(|http| http.post(server.clone()).json(&body))
            .await
            .map_err(IdentityError::Refused)?;
        let printable = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        if !printable {
            return Err(IdentityError::Refused(exchanged.garbage("what it answers is no token")));
        }
        Ok(Proof { token, valid: Duration::from_secs(expires_in) })
    }
}

/// Where a server exchanges tokens.
fn server_url(text: &str) -> Result<Url, IdentityError> {
    let mut url = Url::parse(text).map_err(|_| IdentityError::Server(text.to_owned()))?;
    let bare = url.username().is_empty() && url.password().is_none();
    if !bare || !matches!(url.scheme(), "http" | "https") {
        // What is secret in it must not get into the error.
        return Err(IdentityError::Server(if bare { text.to_owned() } else { String::new() }));
    }
    url.set_query(None);
    url.set_fragment(None);
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(["api", "v1", "oidc", "token"]);
    }
    Ok(url)
}

/// As [GitHub](https://docs.github.com/en/actions/reference/security/oidc) has it: the address has a query already.
async fn of_github(url: &str, token: &str, audience: &str, agent: &str) -> Result<String, IdentityError> {
    let mut url = Url::parse(url).map_err(|_| IdentityError::Forge)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(IdentityError::Forge);
    }
    url.query_pairs_mut().append_pair("audience", audience);
    let caller = Caller::new("ask for an identity token", &url, token, agent);
    let caller = caller.map_err(IdentityError::Unidentified)?;
    let ask = caller.ask(|http| http.get(url.clone()).bearer_auth(token).header(ACCEPT, "application/json"));
    let Identity { value } = ask.await.map_err(IdentityError::Unidentified)?;
    Ok(value)
}
