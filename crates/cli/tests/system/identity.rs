//! `snowbank token exchange` in the jobs of a forge that the test runs: it publishes its keys and gives identity tokens.

use std::process::{Command, Output};

use axum::extract::RawQuery;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};
use snowbank_testkit::snowbank::Snowbank;
use snowbank_testkit::wire::WireClient;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::server::snowbank;

/// What the runner lets a job ask for its identity with.
const ASKING: &str = "asking-0123";

struct Forge {
    runtime: Runtime,
    url: String,
    key: String,
}

impl Forge {
    fn start() -> Self {
        let made = Command::new("openssl").args(["genrsa", "2048"]).output().unwrap();
        let key = String::from_utf8(made.stdout).unwrap();
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let forge = Self { runtime, url, key };
        let mut jwk = Jwk::from_encoding_key(&forge.signing(), Algorithm::RS256).unwrap();
        jwk.common.key_id = Some("1".to_owned());
        let about = json!({ "issuer": forge.url, "jwks_uri": format!("{}/jwks", forge.url) });
        let (issuer, signing) = (forge.url.clone(), forge.signing());
        let give = get(move |RawQuery(query): RawQuery, headers: HeaderMap| async move {
            if headers.get("authorization").is_none_or(|value| value != &format!("Bearer {ASKING}")) {
                return (StatusCode::FORBIDDEN, Json(json!({ "message": format!("not with {ASKING}") })));
            }
            let query = query.unwrap_or_default();
            let audience = query.strip_prefix("api-version=2.0&audience=").unwrap_or_default();
            let audience = audience.replace("%3A", ":").replace("%2F", "/");
            let value = signed(&signing, &claims(&issuer, &audience, "acme/app"));
            (StatusCode::OK, Json(json!({ "count": value.len(), "value": value })))
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(move || async move { Json(about) }))
            .route("/jwks", get(move || async move { Json(json!({ "keys": [jwk] })) }))
            .route("/token", give);
        forge.runtime.spawn(async move { axum::serve(listener, router).await });
        forge
    }

    fn signing(&self) -> EncodingKey {
        EncodingKey::from_rsa_pem(self.key.as_bytes()).unwrap()
    }

    /// The identity token of a job of a repository.
    fn token(&self, audience: &str, repository: &str) -> String {
        signed(&self.signing(), &claims(&self.url, audience, repository))
    }

    /// A server that lets the jobs of one repository push; and the folder with its settings.
    fn server(&self, audience: &str) -> (Snowbank, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("snowbank.toml");
        let rule = "{ claims = { repository = 'acme/app' }, caches = ['team'], rights = ['push'] }";
        let issuer = &self.url;
        let text = format!(
            "[caches.team]\n[[oidc]]\nissuer = '{issuer}'\naudience = '{audience}'\nrules = [{rule}]\n"
        );
        std::fs::write(&file, text).unwrap();
        (snowbank().arg("--config").arg(file.display().to_string()).start(), folder)
    }

    /// What the runner of a GitHub job sets.
    fn github(&self, asking: &str) -> [(&'static str, String); 3] {
        [
            ("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}/token?api-version=2.0", self.url)),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", asking.to_owned()),
            ("GITHUB_ACTIONS", "true".to_owned()),
        ]
    }
}

fn claims(issuer: &str, audience: &str, repository: &str) -> Value {
    let now = get_current_timestamp();
    json!({
        "iss": issuer, "aud": audience, "sub": format!("repo:{repository}:ref:refs/heads/main"),
        "iat": now, "nbf": now - 300, "exp": now + 3600,
        "repository": repository, "ref": "refs/heads/main", "event_name": "push",
    })
}

fn signed(key: &EncodingKey, claims: &Value) -> String {
    let header = Header { kid: Some("1".to_owned()), ..Header::new(Algorithm::RS256) };
    encode(&header, claims, key).unwrap()
}

fn exchange(server: &str, arguments: &[&str], variables: &[(&str, String)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    command.args(["token", "exchange", "--server", server]).args(arguments);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if ["ACTIONS_", "GITHUB_", "GITLAB_", "SNOWBANK_"].iter().any(|start| name.starts_with(start)) {
            command.env_remove(&*name);
        }
    }
    command.envs(variables.iter().map(|(name, value)| (name, value))).output().unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What a command says that gives no token.
fn refused(output: &Output, code: i32, words: &[&str]) -> String {
    let said = said(output);
    assert_eq!((output.status.code(), &*output.stdout), (Some(code), &b""[..]), "{said}");
    for word in words {
        assert!(said.contains(word), "no `{word}` in:\n{said}");
    }
    said
}

/// Whether a token may push to the cache.
fn pushes(forge: &Forge, server: &Snowbank, token: &str) -> bool {
    let client = WireClient::new(server.url(), token);
    let call = "/api/v1/rights?cache=team";
    let may: Value = forge.runtime.block_on(async {
        client.request("GET".parse().unwrap(), call, &[], bytes::Bytes::new()).await.json().await.unwrap()
    });
    may["push"] == true
}

#[test]
fn a_job_of_github_gets_a_token_by_who_it_is() {
    let forge = Forge::start();
    let (server, _folder) = forge.server("snow");
    let output = exchange(server.url(), &["--audience", "snow"], &forge.github(ASKING));
    let token = printed(&output);
    assert_eq!(token.lines().count(), 1);
    assert!(pushes(&forge, &server, token.trim()));
    // The runner's log is to show stars for it; and nobody hears of the other tokens.
    assert_eq!(said(&output), format!("::add-mask::{token}"));
    // Without a word the audience is the server, and this server has another name.
    let output = exchange(server.url(), &[], &forge.github(ASKING));
    refused(
        &output,
        1,
        &["another audience (aud) than `snow`", &format!("audience must be {}", server.url())],
    );
}

#[test]
fn a_token_at_hand_is_exchanged_without_asking_the_forge() {
    let forge = Forge::start();
    let (server, _folder) = forge.server("snow");
    let given = |token: String| exchange(server.url(), &[], &[("SNOWBANK_ID_TOKEN", token)]);
    let output = given(forge.token("snow", "acme/app"));
    assert!(pushes(&forge, &server, printed(&output).trim()));
    assert_eq!(said(&output), "");
    for (token, why) in [
        (forge.token("snow", "other/app"), "no rule of this server lets it in"),
        (forge.token("other", "acme/app"), "another audience"),
        ("nonsense".to_owned(), "not a JSON web token"),
    ] {
        let said = refused(&given(token.clone()), 1, &[why, "hint: ", "SNOWBANK_ID_TOKEN (aud)"]);
        assert!(!said.contains(&token), "{said}");
    }
    // Whoever has it in his environment can still look at a server's settings.
    let mut command = Command::new(env!("CARGO_BIN_EXE_snowbank"));
    command.args(["config", "show"]).env("SNOWBANK_ID_TOKEN", "x");
    assert!(command.output().unwrap().status.success());
}

#[test]
fn a_job_without_an_identity_is_told_what_it_lacks() {
    let forge = Forge::start();
    let (server, _folder) = forge.server("snow");
    refused(&exchange(server.url(), &[], &[]), 1, &["id-token: write", "id_tokens"]);
    refused(&exchange(server.url(), &[], &forge.github(ASKING)[2..]), 1, &["permissions: {id-token: write}"]);
    let output = exchange(server.url(), &[], &forge.github("wrong-0123"));
    let said = refused(&output, 1, &["the forge gives no identity token", "403", "not with"]);
    assert!(!said.contains("wrong-0123"), "{said}");
}

#[test]
fn servers_that_are_down_or_none_are_told_from_those_that_refuse() {
    let forge = Forge::start();
    let (mut server, _folder) = forge.server("snow");
    let variables = [("SNOWBANK_ID_TOKEN", forge.token("snow", "acme/app"))];
    let url = server.url().to_owned();
    refused(&exchange(&format!("{url}/other"), &[], &variables), 1, &["404", "without the name of a cache"]);
    server.kill();
    refused(&exchange(&url, &[], &variables), 1, &["no connection", "is the server running?"]);
    refused(&exchange("host", &[], &variables), 2, &["no server's URL"]);
    let said = refused(&exchange("http://192.0.2.1", &[], &variables), 2, &["over http", "https"]);
    assert!(!said.contains(&variables[0].1), "{said}");
}
