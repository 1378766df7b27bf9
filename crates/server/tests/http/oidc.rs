//! Identity tokens that are exchanged for ours, with issuers that the test runs: who gets what, and what forgers try.

use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, get_current_timestamp};
use serde_json::{Value, json};
use snowbank_server::settings::{Oidc, Settings};

use crate::issuer::{FORGED, GENUINE, Issuer, KID, sign};
use crate::support::{Answer, Server};

/// Rules of one issuer: main may push, everything of the owner's may pull.
const RULES: &str = r#"
    [[rules]]
    claims = { repository = "acme/*", ref = "refs/heads/main" }
    caches = ["team-*"]
    rights = ["push"]
    [[rules]]
    claims = { repository = "acme/*" }
    caches = ["team-a"]
    rights = ["pull", "pin"]
"#;

fn believe(issuer: &Issuer, rules: &str) -> Oidc {
    let text = format!("issuer = '{}'\naudience = 'snow'\n{rules}", issuer.url());
    text.parse::<toml::Table>().unwrap().try_into().unwrap()
}

async fn server(issuer: &Issuer, rules: &str) -> Server {
    let oidc = believe(issuer, rules);
    Server::with(|settings: &mut Settings| settings.oidc = vec![oidc]).await
}

fn claims(issuer: &Issuer, changes: &[(&str, Value)]) -> Value {
    let common = [
        ("aud", json!("snow")),
        ("sub", json!("repo:acme/app:ref:refs/heads/main")),
        ("ref", json!("refs/heads/main")),
        ("event_name", json!("push")),
    ];
    issuer.claims_with(&[&common, changes].concat())
}

fn token(issuer: &Issuer, changes: &[(&str, Value)]) -> String {
    sign(&GENUINE.signing(), Algorithm::RS256, KID, &claims(issuer, changes))
}

async fn exchange(server: &Server, token: &str) -> Answer {
    let body = json!({ "token": token }).to_string();
    server.bare("POST", "/api/v1/oidc/token", &[], body.as_bytes()).await
}

async fn refusal(server: &Server, token: &str) -> (u16, String) {
    let answer = exchange(server, token).await;
    (answer.status, answer.json()["message"].as_str().unwrap_or_default().to_owned())
}

async fn assert_refused(server: &Server, token: &str, why: &str) {
    let (status, message) = refusal(server, token).await;
    assert!(status == 401 && message.contains(why), "{status} {message}, and not: {why}");
}

/// What the token that is given in exchange may do with a cache.
async fn rights(server: &Server, identity: &str, cache: &str) -> Value {
    let answer = exchange(server, identity).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let head =
        format!("GET /api/v1/rights?cache={cache} HTTP/1.1\nAuthorization: Bearer {{token}}\nHost: {{host}}");
    server.replay_as(answer.json()["token"].as_str().unwrap(), &head, b"").await.json()
}

#[tokio::test]
async fn a_jobs_identity_is_exchanged_for_the_rights_of_all_rules_that_match() {
    let issuer = Issuer::start().await;
    let server = server(&issuer, RULES).await;
    let subject = format!("oidc:{}#repo:acme/app:ref:refs/heads/main", issuer.url());
    let may = |cache: &str, pin: bool| json!({ "subject": subject, "cache": cache, "pull": true, "push": true, "pin": pin, "admin": false, "view": null });
    assert_eq!(rights(&server, &token(&issuer, &[]), "team-a").await, may("team-a", true));
    assert_eq!(rights(&server, &token(&issuer, &[]), "team-b").await, may("team-b", false));
    assert_eq!(rights(&server, &token(&issuer, &[]), "other").await["pull"], false);
    assert!(server.service.tokens().await.unwrap().is_empty(), "such tokens are on no list");
}

#[tokio::test]
async fn the_token_comes_in_the_body_or_as_a_bearers() {
    let issuer = Issuer::start().await;
    let server = server(&issuer, RULES).await;
    let head =
        "POST /api/v1/oidc/token HTTP/1.1\nAuthorization: Bearer {token}\nHost: {host}\nContent-Length: 0";
    let answer = server.replay_as(&token(&issuer, &[]), head, b"").await;
    assert_eq!((answer.status, &answer.json()["expires_in"]), (200, &json!(900)));
    assert_eq!(server.bare("POST", "/api/v1/oidc/token", &[], b"nonsense").await.status, 400);
    assert_refused(&server, "", "carries no token").await;
}

#[tokio::test]
async fn the_token_holds_no_longer_than_the_settings_and_fifteen_minutes() {
    let issuer = Issuer::start().await;
    let oidc = believe(&issuer, RULES);
    for (set, expected) in [(60, 60), (100_000, 900)] {
        let oidc = oidc.clone();
        let server = Server::with(|settings| {
            settings.oidc = vec![oidc];
            settings.times.oidc_token.0 = Duration::from_secs(set);
        })
        .await;
        assert_eq!(exchange(&server, &token(&issuer, &[])).await.json()["expires_in"], expected);
    }
}

#[tokio::test]
async fn a_pull_request_gets_a_view_of_its_own() {
    let issuer = Issuer::start().await;
    let rules = r#"rules = [{ claims = { repository = "acme/*" }, caches = ["team"], rights = ["admin"] }]"#;
    let server = server(&issuer, rules).await;
    let request = [("ref", json!("refs/pull/7/merge")), ("event_name", json!("pull_request"))];
    let may = rights(&server, &token(&issuer, &request), "team").await;
    let place = issuer.url().replace("http://", "");
    assert_eq!(may["view"], format!("{place}/acme/app@refs/pull/7/merge"));
    assert_eq!([&may["pull"], &may["push"], &may["pin"], &may["admin"]], [true, true, false, false]);
    let elsewhere = [&request[..], &[("repository", json!("acme/lib"))]].concat();
    let other = rights(&server, &token(&issuer, &elsewhere), "team").await;
    assert_ne!(other["view"], may["view"], "the same number in another repository is another request");
}

#[tokio::test]
async fn a_rule_may_force_a_view() {
    let issuer = Issuer::start().await;
    let rules = r#"rules = [{ claims = { repository = "acme/*" }, caches = ["team"], rights = ["push"], view = true }]"#;
    let may = rights(&server(&issuer, rules).await, &token(&issuer, &[]), "team").await;
    assert!(may["view"].as_str().unwrap().ends_with("acme/app@refs/heads/main"), "{may}");
}

#[tokio::test]
async fn who_matches_no_rule_is_told_what_was_looked_at() {
    let issuer = Issuer::start().await;
    let server = server(&issuer, RULES).await;
    let (status, message) = refusal(&server, &token(&issuer, &[("repository", json!("evil/app"))])).await;
    assert_eq!(status, 403);
    for told in ["repository = `evil/app`", "ref = `refs/heads/main`", "event_name = `push`"] {
        assert!(message.contains(told), "{message}");
    }
    assert_eq!(refusal(&server, &token(&issuer, &[("repository", Value::Null)])).await.0, 403);
}

#[tokio::test]
async fn a_token_that_is_not_for_us_now_is_refused() {
    let issuer = Issuer::start().await;
    let server = server(&issuer, RULES).await;
    let now = get_current_timestamp();
    for (name, value, why) in [
        ("aud", json!("sigstore"), "another audience"),
        ("aud", json!(["sigstore", "other"]), "another audience"),
        ("aud", Value::Null, "lacks the claim aud"),
        ("iss", json!("http://127.0.0.1:1"), "unknown to this server"),
        ("iss", Value::Null, "unknown to this server"),
        ("exp", json!(now - 60), "has expired"),
        ("exp", Value::Null, "lacks the claim exp"),
        ("nbf", json!(now + 60), "not valid yet"),
        ("iat", json!(now + 60), "made in the future"),
        ("iat", Value::Null, "lacks the claim iat"),
        ("sub", Value::Null, "lacks the claim sub"),
        ("sub", json!("x".repeat(2000)), "subject is longer"),
    ] {
        assert_refused(&server, &token(&issuer, &[(name, value)]), why).await;
    }
    assert_refused(&server, &token(&issuer, &[("padding", json!("x".repeat(20_000)))]), "longer than any")
        .await;
    assert_refused(&server, "nonsense", "not a JSON web token").await;
}

#[tokio::test]
async fn a_forged_signature_is_refused() {
    let issuer = Issuer::start().await;
    let server = server(&issuer, RULES).await;
    let good = claims(&issuer, &[]);
    let genuine = GENUINE.signing();
    assert_refused(&server, &sign(&FORGED.signing(), Algorithm::RS256, KID, &good), "signature is wrong")
        .await;
    assert_refused(&server, &sign(&genuine, Algorithm::RS256, "key-2", &good), "does not publish").await;
    assert_refused(&server, &sign(&genuine, Algorithm::RS512, KID, &good), "algorithm").await;
    let shared = EncodingKey::from_secret(&GENUINE.public_pem());
    assert_refused(&server, &sign(&shared, Algorithm::HS256, KID, &good), "algorithm").await;
    let token = token(&issuer, &[]);
    let body = token.split('.').nth(1).unwrap();
    let header = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"none","kid":"{KID}"}}"#));
    assert_refused(&server, &format!("{header}.{body}."), "algorithm").await;
    assert_refused(&server, &format!("{}.{body}.", token.split('.').next().unwrap()), "signature").await;
}

#[tokio::test]
async fn the_key_of_one_issuer_proves_nothing_for_another() {
    let (first, second) = (Issuer::start().await, Issuer::start().await);
    second.publish(&[FORGED.published("key-2")]);
    let both = vec![believe(&first, RULES), believe(&second, RULES)];
    let server = Server::with(|settings| settings.oidc = both).await;
    let crossed = sign(&FORGED.signing(), Algorithm::RS256, "key-2", &claims(&first, &[]));
    assert_refused(&server, &crossed, "does not publish").await;
    let own = sign(&FORGED.signing(), Algorithm::RS256, "key-2", &claims(&second, &[]));
    assert_eq!(exchange(&server, &own).await.status, 200);
}

#[tokio::test]
async fn an_elliptic_key_signs_as_well() {
    let generate = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"];
    let made = Command::new("openssl").args(generate).output().unwrap();
    let key = EncodingKey::from_ec_pem(&made.stdout).unwrap();
    let mut published = Jwk::from_encoding_key(&key, Algorithm::ES256).unwrap();
    published.common.key_id = Some("ec".to_owned());
    let issuer = Issuer::start().await;
    issuer.publish(&[GENUINE.published(KID), published]);
    let server = server(&issuer, RULES).await;
    let token = sign(&key, Algorithm::ES256, "ec", &claims(&issuer, &[]));
    assert_eq!(exchange(&server, &token).await.status, 200);
    let mismatched = sign(&GENUINE.signing(), Algorithm::RS256, "ec", &claims(&issuer, &[]));
    assert_refused(&server, &mismatched, "algorithm").await;
}

#[tokio::test]
async fn unknown_keys_do_not_make_us_ask_for_each() {
    let issuer = Issuer::start().await;
    let server = server(&issuer, RULES).await;
    for number in 0..5 {
        let token =
            sign(&GENUINE.signing(), Algorithm::RS256, &format!("no-{number}"), &claims(&issuer, &[]));
        assert_refused(&server, &token, "does not publish").await;
    }
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn keys_are_taken_from_the_issuer_alone() {
    let (issuer, other) = (Issuer::start().await, Issuer::start().await);
    let keys = |place: &Issuer| format!("{}/.well-known/jwks", place.url());
    for discovery in [
        json!({ "issuer": issuer.url(), "jwks_uri": keys(&other) }),
        json!({ "issuer": other.url(), "jwks_uri": keys(&issuer) }),
        json!({ "issuer": issuer.url(), "jwks_uri": "http://keys.example/jwks" }),
        json!({ "issuer": issuer.url() }),
    ] {
        issuer.claim(discovery.clone());
        let server = server(&issuer, RULES).await;
        let (status, message) = refusal(&server, &token(&issuer, &[])).await;
        assert_eq!(
            (status, message.as_str()),
            (503, "the issuer's keys could not be fetched"),
            "{discovery}"
        );
    }
    assert_eq!((issuer.asked(), other.asked()), (0, 0));
}
