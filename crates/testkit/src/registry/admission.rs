//! Who is let in, and who gives tokens.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde_json::json;

use super::Shared;
use super::answers::{Answer, Question, body, refuse, reply, with};
use super::modes::Door;
use super::state::State;

/// A refusal, unless the question may be asked.
pub(super) fn check(shared: &Shared, state: &mut State, question: &Question) -> Option<Answer> {
    let shown = question.header("authorization").unwrap_or_default();
    match &state.modes.door {
        Door::Open => None,
        Door::Basic(user, secret) => {
            let challenge =
                with(refuse(401, "UNAUTHORIZED", "who is it"), "www-authenticate", "Basic realm=\"a, b\"");
            (shown != basic(user, secret)).then_some(challenge)
        }
        Door::Token(..) | Door::Identity(_) => {
            let wanted = wanted(question);
            let token = shown.strip_prefix("Bearer ").unwrap_or_default();
            let most = state.modes.token_uses.unwrap_or(u32::MAX);
            if let Some((scopes, used)) = state.tokens.get_mut(token) {
                let covered = wanted.iter().all(|one| covers(scopes, one));
                *used += 1;
                if covered && *used <= most {
                    return None;
                }
            }
            let scope = wanted.join(" ");
            let header = format!(
                "Bearer realm=\"http://{}/token\",service=\"stand-in, by itself\",scope=\"{scope}\"",
                shared.address
            );
            Some(with(refuse(401, "UNAUTHORIZED", "who is it"), "www-authenticate", &header))
        }
    }
}

/// Gives a token, or does not.
pub(super) fn token(state: &mut State, question: &Question) -> Answer {
    let form: Vec<(String, String)> = url::form_urlencoded::parse(&question.body).into_owned().collect();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let (may, scopes, service) = match &state.modes.door {
        Door::Token(user, secret) => {
            let scopes =
                question.query.iter().filter(|(key, _)| key == "scope").map(|(_, value)| value.clone());
            let may = question.method == Method::GET
                && question.header("authorization") == Some(basic(user, secret).as_str());
            (may, scopes.collect(), question.query("service"))
        }
        Door::Identity(token) => {
            let may = question.method == Method::POST
                && field("grant_type") == Some("refresh_token")
                && field("refresh_token") == Some(token);
            let scopes: Vec<String> =
                field("scope").unwrap_or_default().split(' ').map(str::to_owned).collect();
            (may, scopes, field("service"))
        }
        Door::Open | Door::Basic(..) => (false, Vec::new(), None),
    };
    let foreign = |scope: &String| {
        state.modes.refused_scopes.iter().any(|name| scope.starts_with(&format!("repository:{name}:")))
    };
    if !may || service != Some("stand-in, by itself") || scopes.iter().any(foreign) {
        return refuse(401, "UNAUTHORIZED", "no token for you");
    }
    let token = format!("token-{}", state.fresh());
    state.tokens.insert(token.clone(), (scopes, 0));
    body(reply(200), "application/json", json!({"token": token, "expires_in": 300}).to_string())
}

/// What a question needs a token for.
fn wanted(question: &Question) -> Vec<String> {
    let rest = question.path.strip_prefix("/v2/").unwrap_or_default();
    let end =
        ["/blobs/", "/manifests/", "/referrers/", "/tags/"].iter().filter_map(|part| rest.find(part)).min();
    let Some(name) = end.map(|end| &rest[..end]) else { return Vec::new() };
    let reads = matches!(question.method, Method::GET | Method::HEAD) && !question.path.contains("/uploads/");
    let actions = if reads { "pull" } else { "pull,push" };
    let mut wanted = vec![format!("repository:{name}:{actions}")];
    wanted.extend(question.query("from").map(|from| format!("repository:{from}:pull")));
    wanted
}

fn covers(scopes: &[String], wanted: &str) -> bool {
    let Some((name, actions)) = wanted.rsplit_once(':') else { return false };
    scopes.iter().filter_map(|scope| scope.rsplit_once(':')).any(|(given, allowed)| {
        given == name && actions.split(',').all(|action| allowed.split(',').any(|one| one == action))
    })
}

fn basic(user: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{secret}")))
}
