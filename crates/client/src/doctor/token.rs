//! Whether the service lets a job in.

use std::time::SystemTime;

use snowbank_actions::client::Says;

use super::text::{ago, span};
use super::{Finding, Level};

/// What a token says of itself, to a service that let it in.
#[must_use]
pub fn admitted(says: &Says, repository: Option<&str>, now: SystemTime) -> Vec<Finding> {
    let mut found = Vec::new();
    if let (Some(own), Some(wanted)) = (&says.repository, repository)
        && !own.eq_ignore_ascii_case(wanted)
    {
        found.push(
            Finding::new(
                Level::Problem,
                "token-other-repository",
                "the token is another repository's",
                format!("it is for {own}, and {wanted} is meant: what one saves the other does not see"),
            )
            .hint(format!(
                "make one with `snowbank token create --repo {wanted} --scope refs/heads/main:rw`"
            )),
        );
    }
    if let Some(scopes) = &says.scopes
        && scopes.write.is_none()
    {
        found.push(
            Finding::new(
                Level::Warning,
                "token-read-only",
                "the token may read only: nothing will be saved",
                format!("it reads {}", scopes.read.join(", ")),
            )
            .hint("for a pull request from a fork that is on purpose")
            .hint("else make one that may write, as `--scope refs/heads/main:rw`"),
        );
    }
    if found.is_empty() {
        let scopes = says.scopes.as_ref().map(|scopes| {
            let write = scopes.write.as_deref().unwrap_or_default();
            format!("it writes {write} and reads {}", scopes.read.join(", "))
        });
        let left = says.expires.and_then(|expires| expires.duration_since(now).ok());
        let left = left.map(|left| format!("it holds for {}", span(left)));
        let seen: Vec<_> = scopes.into_iter().chain(left).collect();
        let seen = if seen.is_empty() { "the service lets it in".to_owned() } else { seen.join("; ") };
        found.push(Finding::new(Level::Ok, "token", "the token is valid", seen));
    }
    found
}

/// A token that the service refused, and what it said.
#[must_use]
pub fn refused(says: &Says, said: &str, now: SystemTime) -> Finding {
    match says.expires.filter(|expires| *expires <= now) {
        Some(expires) => Finding::new(
            Level::Problem,
            "token-expired",
            "the token has expired",
            format!("it did {}: {said}", ago(expires, now)),
        )
        .hint("a job's token ends with the job; make another one with `snowbank token create --expires 30d`"),
        None => Finding::new(Level::Problem, "token-refused", "the service refuses the token", said)
            .hint("is it the token of this server, whole, and not revoked? `snowbank token list` shows those that hold")
            .hint("`snowbank token create --repo OWNER/NAME --scope refs/heads/main:rw` makes one where the server is"),
    }
}

/// No token at all.
#[must_use]
pub fn missing(host: &str) -> Finding {
    Finding::new(Level::Problem, "token-missing", "there is no token for the service", format!("{host} was named, and neither SNOWBANK_TOKEN nor ACTIONS_RUNTIME_TOKEN is set"))
        .hint("put one into SNOWBANK_TOKEN: `snowbank token create --repo OWNER/NAME --scope refs/heads/main:rw` makes it where the server is")
}

#[cfg(test)]
mod tests {
    use snowbank_actions::scope::Scopes;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_token_is_judged_by_what_it_says() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10_000);
        let scopes = Scopes { write: None, read: vec!["refs/heads/main".into()] };
        let says = Says { scopes: Some(scopes), repository: Some("a/b".into()), expires: Some(now) };
        let ids: Vec<_> = admitted(&says, Some("a/c"), now).iter().map(|found| found.id).collect();
        assert_eq!(ids, ["token-other-repository", "token-read-only"]);
        assert_eq!(refused(&says, "no", now).id, "token-expired");
        assert_eq!(refused(&Says::default(), "no", now).id, "token-refused");
        assert_eq!(admitted(&Says::default(), Some("a/c"), now)[0].id, "token");
    }
}
