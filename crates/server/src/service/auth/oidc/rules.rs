//! What the rules give to whom.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::claims::{Claims, Landing};
use super::issuer::Issuer;
use crate::service::auth::grant::CacheGrant;
use crate::service::auth::pattern::matches;
use crate::service::error::{Kind, Result, ServiceError};
use crate::settings::{OidcRule, Right};

/// Claims that are told to somebody whom no rule lets in, beside those that rules ask for.
const TOLD: [&str; 5] = ["repository", "project_path", "ref", "event_name", "pipeline_source"];
/// Letters of a claim that are told.
const MAX_TOLD: usize = 100;

/// The rights of all rules that match; an error when none does.
pub(super) fn grants(issuer: &Issuer, claims: &Claims) -> Result<Vec<CacheGrant>> {
    let matching: Vec<_> = issuer.rules().iter().filter(|rule| is_met(rule, claims)).collect();
    if matching.is_empty() {
        let message = format!(
            "the token is genuine, but no rule of this server lets it in (the setting oidc); it says {}",
            told(issuer.rules(), claims)
        );
        return Err(ServiceError::new(Kind::PermissionDenied, message));
    }
    let mut grants = Vec::new();
    for rule in matching {
        let landing = claims.landing(issuer.name(), rule.view);
        for pattern in &rule.caches {
            let grant = grant(pattern, &rule.rights, &landing);
            if !grants.contains(&grant) {
                grants.push(grant);
            }
        }
    }
    Ok(grants)
}

fn is_met(rule: &OidcRule, claims: &Claims) -> bool {
    // A rule without claims is refused where settings are read; it must not let in everybody wherever else it is from.
    let met =
        |(name, pattern): (&String, &String)| claims.text(name).is_some_and(|text| matches(pattern, &text));
    !rule.claims.is_empty() && rule.claims.iter().all(met)
}

/// A rule's rights where the job's pushes land. Pins, and what an administrator does, would reach beyond a view.
fn grant(pattern: &str, rights: &[Right], landing: &Landing) -> CacheGrant {
    let pushes = rights.iter().any(|right| matches!(right, Right::Push | Right::Admin));
    let pulls = pushes || rights.contains(&Right::Pull);
    let both = [(pulls, Right::Pull), (pushes && *landing != Landing::Nowhere, Right::Push)];
    let within = || both.into_iter().filter_map(|(has, right)| has.then_some(right)).collect();
    let (rights, view) = match landing {
        Landing::Cache => (rights.to_vec(), None),
        Landing::View(view) => (within(), Some(view.clone())),
        Landing::Nowhere => (within(), None),
    };
    CacheGrant { pattern: pattern.to_owned(), rights, view }
}

/// The claims that were looked at, as somebody needs them who mends a rule.
fn told(rules: &[OidcRule], claims: &Claims) -> String {
    let asked: BTreeSet<&str> =
        rules.iter().flat_map(|rule| rule.claims.keys()).map(String::as_str).collect();
    let mut text = String::new();
    for name in asked.iter().copied().chain(TOLD.into_iter().filter(|name| !asked.contains(name))) {
        let value = claims.text(name);
        if value.is_none() && !asked.contains(name) {
            continue;
        }
        let comma = if text.is_empty() { "" } else { ", " };
        // Writing to a string does not fail.
        let _ = match value {
            Some(value) => {
                let value: String = value.chars().take(MAX_TOLD).collect();
                write!(text, "{comma}{name} = `{}`", value.escape_debug())
            }
            None => write!(text, "{comma}no {name}"),
        };
    }
    if text.is_empty() { "nothing that rules ask for".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::settings::Oidc;

    fn issuer(rules: &str) -> Issuer {
        let text = format!("issuer = 'https://i.example'\naudience = 'snow'\nrules = [{rules}]");
        Issuer::new(&toml::from_str::<Oidc>(&text).unwrap())
    }

    fn given(rules: &str, claims: Value) -> std::result::Result<Vec<String>, String> {
        let claims = serde_json::from_value(claims).unwrap();
        let grants = grants(&issuer(rules), &claims).map_err(|error| error.to_string())?;
        Ok(grants.iter().map(CacheGrant::to_string).collect())
    }

    const MAIN: &str = "{ claims = { repository = 'acme/*', ref = 'refs/heads/main' }, caches = ['a'], rights = ['push', 'pin'] }";
    const ALL: &str = "{ claims = { repository = 'acme/*' }, caches = ['a', 'b-*'], rights = ['admin'] }";

    #[test]
    fn rules_that_match_add_up() {
        let claims = json!({ "repository": "acme/app", "ref": "refs/heads/main" });
        assert_eq!(given(&format!("{MAIN}, {ALL}"), claims).unwrap(), ["a:push,pin", "a:admin", "b-*:admin"]);
    }

    #[test]
    fn a_claim_that_is_missing_or_no_text_matches_nothing() {
        let everything =
            "{ claims = { repository = '*', environment = '*' }, caches = ['a'], rights = ['pull'] }";
        let refused = given(everything, json!({ "repository": "acme/app" })).unwrap_err();
        assert!(refused.ends_with("it says no environment, repository = `acme/app`"), "{refused}");
        assert!(given(everything, json!({ "repository": "a/b", "environment": ["x"] })).is_err());
        assert!(given(everything, json!({ "repository": "a/b", "environment": "" })).is_ok());
    }

    #[test]
    fn a_pull_request_pulls_and_pushes_in_its_view_alone() {
        let claims = json!({ "repository": "acme/app", "ref": "refs/pull/7/merge" });
        let view = "i.example/acme/app@refs/pull/7/merge";
        let expected = [format!("a:pull,push@{view}"), format!("b-*:pull,push@{view}")];
        assert_eq!(given(ALL, claims).unwrap(), expected);
    }

    #[test]
    fn a_pull_request_without_a_ref_only_pulls() {
        let target = "pull_request_target";
        let claims = json!({ "repository": "acme/app", "ref": "refs/heads/main", "event_name": target });
        assert_eq!(given(MAIN, claims).unwrap(), ["a:pull"]);
    }

    #[test]
    fn what_is_told_of_claims_is_short_and_plain() {
        let claims = json!({ "repository": "x\n".repeat(1000), "ref": "refs/heads/main" });
        let refused = given(ALL, claims).unwrap_err();
        assert!(refused.len() < 500 && !refused.contains('\n'), "{refused}");
    }
}
