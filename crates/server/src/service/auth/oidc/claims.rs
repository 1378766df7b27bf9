//! What an identity token claims, as text, and which pull request it is of.
//!
//! The claims' names and values are those of [GitHub](https://docs.github.com/en/actions/reference/security/oidc),
//! [GitLab](https://docs.gitlab.com/ci/secrets/id_token_authentication/) and Forgejo, which follows GitHub.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Map, Value};

/// Bytes of the longest view.
const MAX_VIEW: usize = 1000;

/// The claims of a token.
#[derive(Debug, Deserialize)]
pub(super) struct Claims(Map<String, Value>);

/// Where a job's pushes have to land.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Landing {
    /// In the cache itself.
    Cache,
    /// In this view.
    View(String),
    /// Nowhere: it is a pull request, and which one is not known.
    Nowhere,
}

impl Claims {
    /// A claim as text; nothing for lists and the like, which have no one text.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.0.get(name)? {
            Value::String(text) => Some(Cow::Borrowed(text)),
            Value::Bool(flag) => Some(Cow::Owned(flag.to_string())),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }

    /// A claim that is a moment, in seconds since 1970.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        let number = self.0.get(name)?;
        number.as_u64().or_else(|| number.as_f64().filter(|at| *at >= 0.0).map(|at| at as u64))
    }

    /// Where pushes of this job land, given its issuer. With `forced`, in a view even if it is no pull request's.
    pub(super) fn landing(&self, issuer: &str, forced: bool) -> Landing {
        let pull_request = self.of_pull_request();
        if !pull_request && !forced {
            return Landing::Cache;
        }
        self.view(issuer, pull_request).map_or(Landing::Nowhere, Landing::View)
    }

    /// Whatever runs code that its author alone has seen, by one sign or another.
    fn of_pull_request(&self) -> bool {
        let event = self.text("event_name").unwrap_or_default();
        let source = self.text("pipeline_source").unwrap_or_default();
        event.starts_with("pull_request")
            || matches!(&*source, "merge_request_event" | "external_pull_request_event")
            || ["ref", "ref_path"].iter().filter_map(|name| self.text(name)).any(|name| is_request(&name))
    }

    /// `<issuer without scheme>/<repository>@<ref>`: the same number is another request in another repository, and
    /// both may push to one cache.
    fn view(&self, issuer: &str, pull_request: bool) -> Option<String> {
        let repository = self.text("repository").or_else(|| self.text("project_path"))?;
        let name = self.full_ref()?;
        // `pull_request_target` says the base's ref, which all requests share. GitLab knows no ref but the branch.
        if pull_request && self.text("pipeline_source").is_none() && !is_request(&name) {
            return None;
        }
        let place = issuer.split_once("://").map_or(issuer, |(_, place)| place);
        let view = format!("{place}/{repository}@{name}");
        let plain = !repository.is_empty() && !view.contains(|c: char| c.is_control() || c.is_whitespace());
        (plain && view.len() <= MAX_VIEW).then_some(view)
    }

    /// The job's git ref with all its parts.
    fn full_ref(&self) -> Option<String> {
        let whole = |name| self.text(name).filter(|text| text.starts_with("refs/")).map(Cow::into_owned);
        if let Some(name) = whole("ref").or_else(|| whole("ref_path")) {
            return Some(name);
        }
        let kind = match &*self.text("ref_type")? {
            "branch" => "heads",
            "tag" => "tags",
            _ => return None,
        };
        self.text("ref").filter(|name| !name.is_empty()).map(|name| format!("refs/{kind}/{name}"))
    }
}

fn is_request(name: &str) -> bool {
    ["refs/pull/", "refs/merge-requests/"].iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn landing(claims: Value, forced: bool) -> Landing {
        serde_json::from_value::<Claims>(claims).unwrap().landing("https://i.example/x", forced)
    }

    fn view(text: &str) -> Landing {
        Landing::View(text.to_owned())
    }

    #[test]
    fn a_push_lands_in_the_cache() {
        let push = json!({ "repository": "a/b", "ref": "refs/heads/main", "event_name": "push" });
        assert_eq!(landing(push.clone(), false), Landing::Cache);
        assert_eq!(landing(push, true), view("i.example/x/a/b@refs/heads/main"));
        let gitlab =
            json!({ "project_path": "a/b", "ref": "v1", "ref_type": "tag", "pipeline_source": "push" });
        assert_eq!(landing(gitlab.clone(), false), Landing::Cache);
        assert_eq!(landing(gitlab, true), view("i.example/x/a/b@refs/tags/v1"));
    }

    #[test]
    fn a_pull_request_lands_in_a_view_of_its_ref() {
        for event in ["pull_request", "pull_request_review", "workflow_dispatch"] {
            let claims = json!({ "repository": "a/b", "ref": "refs/pull/7/merge", "event_name": event });
            assert_eq!(landing(claims, false), view("i.example/x/a/b@refs/pull/7/merge"), "{event}");
        }
        let gitlab = json!({
            "project_path": "a/s/b", "ref": "fix", "ref_type": "branch", "ref_path": "refs/heads/fix",
            "pipeline_source": "merge_request_event",
        });
        assert_eq!(landing(gitlab, false), view("i.example/x/a/s/b@refs/heads/fix"));
        let head = json!({ "project_path": "a/b", "ref_path": "refs/merge-requests/3/head" });
        assert_eq!(landing(head, false), view("i.example/x/a/b@refs/merge-requests/3/head"));
    }

    #[test]
    fn a_pull_request_whose_ref_tells_nothing_lands_nowhere() {
        for claims in [
            json!({ "repository": "a/b", "ref": "refs/heads/main", "event_name": "pull_request_target" }),
            json!({ "repository": "a/b", "event_name": "pull_request" }),
            json!({ "ref": "refs/pull/7/merge" }),
            json!({ "repository": "a/b", "ref": "refs/pull/7/mer ge" }),
            json!({ "repository": "a/b", "ref": format!("refs/pull/{}", "7".repeat(MAX_VIEW)) }),
            json!({ "repository": ["a/b"], "ref": "refs/pull/7/merge" }),
            json!({ "project_path": "a/b", "ref": "fix", "pipeline_source": "merge_request_event" }),
        ] {
            assert_eq!(landing(claims.clone(), false), Landing::Nowhere, "{claims}");
            assert_eq!(landing(claims.clone(), true), Landing::Nowhere, "{claims}");
        }
    }
}
