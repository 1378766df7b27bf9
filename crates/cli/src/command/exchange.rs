//! `snowbank token exchange`: a token for the job around us, by who it is.

use snowbank_actions::client::ClientError;
use snowbank_actions::runner::command;
use snowbank_client::identity::{IdentityError, IdentitySource};

use crate::command::github::variable;
use crate::error::{CliError, Result};
use crate::printer::Printer;

/// What the identity token may be in: the name that GitLab's `id_tokens:` gives it, and Forgejo's steps.
const GIVEN: &str = "SNOWBANK_ID_TOKEN";

/// Prints a token of the server at `server`, and nothing else.
///
/// # Errors
/// When the job has no identity, or the server gives it no token.
pub(crate) async fn run(server: &str, audience: Option<&str>, printer: &Printer) -> Result<()> {
    let audience = audience.unwrap_or(server.trim_end_matches('/'));
    let source = source(variable, audience)?;
    let agent = concat!("snowbank/", env!("CARGO_PKG_VERSION"));
    let proof =
        source.prove(server, audience, agent).await.map_err(|error| failed(error, &source, audience))?;
    if variable("GITHUB_ACTIONS").as_deref() == Some("true") {
        // The runner reads standard error too, and standard output is the token's.
        printer.talk(command("add-mask", &[], &proof.token));
    }
    printer.data(proof.token);
    Ok(())
}

/// Where the job's identity token comes from.
fn source(variable: impl Fn(&str) -> Option<String>, audience: &str) -> Result<IdentitySource> {
    if let Some(token) = variable(GIVEN) {
        return Ok(IdentitySource::Given(token.trim().to_owned()));
    }
    let asked = (variable("ACTIONS_ID_TOKEN_REQUEST_URL"), variable("ACTIONS_ID_TOKEN_REQUEST_TOKEN"));
    if let (Some(url), Some(token)) = asked {
        return Ok(IdentitySource::Github { url, token });
    }
    let failed = CliError::failed("this job has no identity token, and no way to get one");
    let github =
        "a job of GitHub needs `permissions: {id-token: write}`; one of a fork's pull request gets none";
    let gitlab = format!("a job of GitLab needs `id_tokens: {{{GIVEN}: {{aud: \"{audience}\"}}}}`");
    Err(match (variable("GITHUB_ACTIONS").is_some(), variable("GITLAB_CI").is_some()) {
        (true, false) => failed.hint(github),
        (false, true) => failed.hint(gitlab),
        _ => failed.hint(github).hint(gitlab),
    })
}

fn failed(error: IdentityError, source: &IdentitySource, audience: &str) -> CliError {
    let hint = match (&error, source) {
        (
            IdentityError::Server(_)
            | IdentityError::Refused(ClientError::Missing { .. } | ClientError::Garbage { .. }),
            _,
        ) => "the server's URL is written https://HOST, without the name of a cache".to_owned(),
        (IdentityError::Open, _) => "let the server have https".to_owned(),
        (IdentityError::Forge, _) => {
            "ACTIONS_ID_TOKEN_REQUEST_URL is the runner's to set: has somebody changed it?".to_owned()
        }
        (IdentityError::Unidentified(_), _) => {
            "does the job have `permissions: {id-token: write}`?".to_owned()
        }
        (IdentityError::Refused(error), _) if error.is_outage() => "is the server running?".to_owned(),
        (IdentityError::Refused(_), IdentitySource::Given(_)) => {
            format!(
                "the server's setting oidc says whom it lets in; its audience must be that of {GIVEN} (aud)"
            )
        }
        (IdentityError::Refused(_), IdentitySource::Github { .. }) => format!(
            "the server's setting oidc says whom it lets in; its audience must be {audience}, or else --audience its"
        ),
    };
    let usage = matches!(error, IdentityError::Server(_) | IdentityError::Open);
    let message = "there is no token for this job";
    let failed = if usage { CliError::usage(message) } else { CliError::failed(message) };
    failed.because(error).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &'static [(&str, &str)]) -> Result<IdentitySource> {
        let variable =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
        source(variable, "https://host")
    }

    #[test]
    fn a_token_at_hand_comes_before_one_to_be_asked_for() {
        const URL: (&str, &str) = ("ACTIONS_ID_TOKEN_REQUEST_URL", "u");
        const TOKEN: (&str, &str) = ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t");
        let asked = IdentitySource::Github { url: "u".to_owned(), token: "t".to_owned() };
        assert_eq!(found(&[URL, TOKEN]).unwrap(), asked);
        let given = IdentitySource::Given("given".to_owned());
        assert_eq!(found(&[URL, TOKEN, (GIVEN, "given\n")]).unwrap(), given);
    }

    #[test]
    fn what_is_missing_is_said_in_the_forges_words() {
        let hints = |variables| found(variables).unwrap_err().hints.concat();
        let hint = hints(&[("GITHUB_ACTIONS", "true"), ("ACTIONS_ID_TOKEN_REQUEST_URL", "u")]);
        assert!(hint.contains("id-token: write") && !hint.contains("id_tokens"), "{hint}");
        let hint = hints(&[("GITLAB_CI", "true")]);
        assert!(hint.contains("aud: \"https://host\"") && !hint.contains("id-token"), "{hint}");
        assert!(hints(&[]).contains("id_tokens") && hints(&[]).contains("id-token"));
    }
}
