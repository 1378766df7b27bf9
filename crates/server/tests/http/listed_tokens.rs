//! Tokens that are listed: what they are good for, and how they end.

use std::time::Duration;

use serde_json::Value;
use snowbank_server::service::Rights;

use crate::support::{Answer, Server};

const HOUR: Duration = Duration::from_secs(3600);

async fn rights(server: &Server, authorization: &str, cache: &str) -> Answer {
    let head = format!(
        "GET /api/v1/rights?cache={cache} HTTP/1.1
        Authorization: {authorization}
        Host: {{host}}"
    );
    server.replay(&head, b"").await
}

async fn bearer(server: &Server, token: &str, cache: &str) -> Value {
    let answer = rights(server, &format!("Bearer {token}"), cache).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn listed(server: &Server, grants: &[&str]) -> String {
    let grants = grants.iter().map(|grant| grant.parse().unwrap()).collect();
    server.service.create_token(&Rights::Caches(grants), "laptop", HOUR).await.unwrap()
}

#[tokio::test]
async fn a_token_says_what_it_allows_on_which_cache() {
    let server = Server::start().await;
    let token = listed(&server, &["team-*:push", "team-a:pin"]).await;
    let may = bearer(&server, &token, "team-a").await;
    assert_eq!(
        (&may["pull"], &may["push"], &may["pin"], &may["admin"]),
        (&true.into(), &true.into(), &true.into(), &false.into())
    );
    let id = server.service.tokens().await.unwrap()[0].id.clone();
    assert_eq!((may["subject"].as_str(), &may["view"]), (Some(format!("token:{id}").as_str()), &Value::Null));
    assert_eq!(bearer(&server, &token, "other").await["pull"], false);
    assert_eq!(
        bearer(&server, &server.token(), "team-a").await["pull"],
        false,
        "a job's token is no cache's"
    );
    assert_eq!(bearer(&server, &server.admin(), "team-a").await["admin"], true);
}

#[tokio::test]
async fn a_public_cache_can_be_pulled_by_anybody() {
    let server = Server::with(|settings| {
        let public = snowbank_server::settings::CacheSettings { public: true, ..Default::default() };
        settings.caches.insert("open".to_owned(), public);
        settings.caches.insert("closed".to_owned(), Default::default());
    })
    .await;
    let anybody = async |cache: &str| rights(&server, "", cache).await.json();
    assert_eq!(
        (&anybody("open").await["pull"], &anybody("open").await["push"]),
        (&true.into(), &false.into())
    );
    assert_eq!(anybody("closed").await["pull"], anybody("nowhere").await["pull"]);
    assert_eq!(anybody("closed").await["pull"], false);
}

#[tokio::test]
async fn a_token_is_a_password_for_any_user() {
    let server = Server::start().await;
    let token = listed(&server, &["team:pull"]).await;
    let login = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, format!("anybody:{token}"));
    let answer = rights(&server, &format!("Basic {login}"), "team").await;
    assert_eq!((answer.status, &answer.json()["pull"]), (200, &Value::Bool(true)));
}

#[tokio::test]
async fn a_revocation_holds_at_once() {
    let server = Server::start().await;
    let (token, other) = (listed(&server, &["team:pull"]).await, listed(&server, &["team:pull"]).await);
    let ids: Vec<String> = server.service.tokens().await.unwrap().into_iter().map(|token| token.id).collect();
    let subject = bearer(&server, &token, "team").await["subject"].as_str().unwrap().to_owned();
    let id = subject.strip_prefix("token:").unwrap().to_owned();
    assert!(ids.contains(&id));
    assert_eq!(server.service.revoke_tokens(&[id[..8].to_owned()]).await.unwrap(), [id]);
    let answer = rights(&server, &format!("Bearer {token}"), "team").await;
    assert_eq!((answer.status, answer.json()["message"].as_str()), (401, Some("the token was revoked")));
    assert_eq!(bearer(&server, &other, "team").await["pull"], true);
}

#[tokio::test]
async fn an_admin_token_and_a_jobs_can_be_revoked_too() {
    let server = Server::start().await;
    let admin = server.service.create_token(&Rights::Admin, "", HOUR).await.unwrap();
    assert_eq!(bearer(&server, &admin, "team").await["admin"], true);
    let id = server.service.tokens().await.unwrap()[0].id.clone();
    server.service.revoke_tokens(&[id]).await.unwrap();
    let head = "GET /api/v1/usage HTTP/1.1\nAuthorization: Bearer {token}\nHost: {host}";
    assert_eq!(server.replay_as(&admin, head, b"").await.status, 401);
}
