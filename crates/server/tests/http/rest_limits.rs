//! GitHub's REST API: limits that are read and set.

use serde_json::{Value, json};
use snowbank_server::settings::{ByteSize, RepositorySettings};

use crate::rest::{CACHES, call, keys, refused, save_as, send};
use crate::support::Server;

const SIZE: &str = "max_cache_size_gb";

async fn size(server: &Server, whose: &str) -> Value {
    let path = format!("{whose}/actions/cache/storage-limit");
    call(server, &server.admin(), "GET", &path).await.json()[SIZE].take()
}

async fn set(server: &Server, token: &str, whose: &str, body: &str) -> u16 {
    let path = format!("{whose}/actions/cache/storage-limit");
    let answer = send(server, token, "PUT", &path, body).await;
    if answer.status == 204 { 204 } else { refused(&answer) }
}

#[tokio::test]
async fn a_limit_is_its_own_or_what_is_above() {
    let server = Server::with(|settings| {
        let own = RepositorySettings { size: Some(ByteSize(50_000_000_000)), ..Default::default() };
        settings.repositories.insert("acme/large".into(), own);
    })
    .await;
    let admin = server.admin();
    let sizes = async || {
        let mut sizes = Vec::new();
        for whose in ["/enterprises/all", "/orgs/acme", "/repos/acme/app", "/repos/acme/large"] {
            sizes.push(size(&server, whose).await);
        }
        json!(sizes)
    };
    assert_eq!(sizes().await, json!([10, 10, 10, 50]));
    assert_eq!(set(&server, &admin, "/enterprises/all", r#"{"max_cache_size_gb":40}"#).await, 204);
    assert_eq!(sizes().await, json!([40, 40, 40, 40]));
    assert_eq!(set(&server, &admin, "/organizations/acme", r#"{"max_cache_size_gb":41}"#).await, 400);
    assert_eq!(set(&server, &admin, "/organizations/acme", r#"{"max_cache_size_gb":20}"#).await, 204);
    assert_eq!(set(&server, &admin, "/repos/acme/app", r#"{"max_cache_size_gb":21}"#).await, 400);
    assert_eq!(set(&server, &admin, "/api/v3/repos/acme/app", r#"{"max_cache_size_gb":2.5}"#).await, 204);
    assert_eq!(sizes().await, json!([40, 20, 2.5, 20]));
    assert_eq!(set(&server, &admin, "/repos/acme/app", r#"{"max_cache_size_gb":null}"#).await, 204);
    assert_eq!(set(&server, &admin, "/enterprises/all", r#"{"max_cache_size_gb":5}"#).await, 204);
    assert_eq!(sizes().await, json!([5, 5, 5, 5]));
    for (number, refusal) in
        [("0", 400), ("-1", 400), ("\"10\"", 400), ("1e300", 400), ("[]", 400)].into_iter()
    {
        let body = format!(r#"{{"max_cache_size_gb":{number}}}"#);
        assert_eq!(set(&server, &admin, "/repos/acme/app", &body).await, refusal, "{body}");
    }
    assert_eq!(set(&server, &admin, "/repos/acme/app", "{}").await, 400);
    assert_eq!(set(&server, &admin, "/repos/acme/app", &" ".repeat(20_000)).await, 400);
}

#[tokio::test]
async fn retention_is_in_days() {
    let server = Server::start().await;
    let admin = server.admin();
    let path = "/repos/acme/app/actions/cache/retention-limit";
    let days = async || call(&server, &admin, "GET", path).await.json()["max_cache_retention_days"].take();
    assert_eq!(days().await, json!(7));
    let owner = "/organizations/acme/actions/cache/retention-limit";
    let put = async |path: &str, days: u64| {
        let body = json!({ "max_cache_retention_days": days }).to_string();
        send(&server, &admin, "PUT", path, &body).await
    };
    assert_eq!(put(owner, 3).await.status, 204);
    assert_eq!(days().await, json!(3));
    assert_eq!(refused(&put(path, 4).await), 400);
    let all = "/api/v3/enterprises/all/actions/cache/retention-limit";
    assert_eq!(put(all, 90).await.status, 204);
    assert_eq!(days().await, json!(3));
    assert_eq!(refused(&put(all, 1_000_000).await), 400);
}

#[tokio::test]
async fn a_usage_policy_has_a_default_and_a_maximum() {
    let server = Server::start().await;
    let admin = server.admin();
    let all = "/api/v3/enterprises/all/actions/cache/usage-policy";
    let patch = async |path: &str, body: Value| send(&server, &admin, "PATCH", path, &body.to_string()).await;
    let body = json!({ "repo_cache_size_limit_in_gb": 15, "max_repo_cache_size_limit_in_gb": 30 });
    assert_eq!(patch(all, body.clone()).await.status, 204);
    assert_eq!(call(&server, &admin, "GET", all).await.json(), body);
    let own = "/api/v3/repos/acme/app/actions/cache/usage-policy";
    let limit = |gb: u64| json!({ "repo_cache_size_limit_in_gb": gb });
    assert_eq!(call(&server, &admin, "GET", own).await.json(), limit(15));
    assert_eq!(patch(own, limit(30)).await.status, 204);
    assert_eq!(refused(&patch(own, limit(31)).await), 400);
    assert_eq!(size(&server, "/repos/acme/app").await, json!(30));
    assert_eq!(size(&server, "/repos/acme/other").await, json!(15));
    assert_eq!(refused(&patch(all, limit(31)).await), 400);
    assert_eq!(refused(&patch(own, json!({ "max_repo_cache_size_limit_in_gb": 9 })).await), 400);
    assert_eq!(refused(&patch(own, json!({})).await), 400);
}

#[tokio::test]
async fn only_who_administers_it_sets_a_limit() {
    let server = Server::start().await;
    let body = r#"{"max_cache_size_gb":1}"#;
    let (writer, owner) = (server.manager(&["acme/*:write"]), server.manager(&["acme/*:admin"]));
    let repository = server.manager(&["acme/app:admin"]);
    for (token, whose, status) in [
        (&server.token(), "/repos/acme/app", 403),
        (&writer, "/repos/acme/app", 403),
        (&writer, "/orgs/acme", 403),
        (&repository, "/orgs/acme", 404),
        (&repository, "/repos/acme/other", 404),
        (&owner, "/enterprises/all", 404),
        (&owner, "/orgs/other", 404),
        (&repository, "/repos/acme/app", 204),
        (&owner, "/orgs/acme", 204),
    ] {
        assert_eq!(set(&server, token, whose, body).await, status, "{whose}");
    }
    assert_eq!(set(&server, &repository, "/repos/acme/app", r#"{"max_cache_size_gb":2}"#).await, 400);
}

#[tokio::test]
async fn what_exceeds_a_limit_that_was_set_goes_and_is_refused() {
    let server = Server::start().await;
    for key in ["a", "b", "c"] {
        server.save(key, &[0; 400]).await;
        server.found(key).await;
    }
    save_as(&server, &server.token_for("other/app", &["refs/heads/main:rw"]), "a", &[0; 2000]).await;
    assert_eq!(set(&server, &server.admin(), "/orgs/acme", r#"{"max_cache_size_gb":0.000001}"#).await, 204);
    assert_eq!(server.service.evict().await.unwrap().over_limit, 1);
    assert_eq!(keys(&call(&server, &server.admin(), "GET", CACHES).await), ["c", "b"]);
    let target = server.reserve("d").await;
    let stored = server.bare("PUT", &target, &[("x-ms-blob-type", "BlockBlob")], &[0; 1001]).await;
    assert_eq!(stored.status, 201);
    assert_eq!(server.finalize("d", 1001).await.status, 412);
}
