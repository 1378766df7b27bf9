//! GitHub's REST API: who manages caches, and what they come to.

use serde_json::json;

use crate::rest::{CACHES, call, keys, refused, save_as};
use crate::support::Server;

const MAIN: &[&str] = &["refs/heads/main:rw"];

#[tokio::test]
async fn a_token_to_manage_sees_every_ref_and_does_what_it_may() {
    let server = Server::start().await;
    let dev = server.token_for("acme/app", &["refs/heads/dev:rw"]);
    for (token, key) in [(&server.token(), "a"), (&dev, "b"), (&dev, "c")] {
        save_as(&server, token, key, b"content").await;
    }
    let reader = server.manager(&["acme/app:read"]);
    let writer = server.manager(&["Acme/*:write"]);
    let listed = call(&server, &reader, "GET", CACHES).await;
    assert_eq!(keys(&listed).len(), 3);
    let id = listed.json()["actions_caches"][0]["id"].to_string();
    for path in [format!("{CACHES}/{id}"), format!("{CACHES}?key=a")] {
        assert_eq!(refused(&call(&server, &reader, "DELETE", &path).await), 403);
    }
    assert_eq!(call(&server, &writer, "DELETE", &format!("{CACHES}/{id}")).await.status, 204);
    let deleted = call(&server, &writer, "DELETE", &format!("{CACHES}?key=b&ref=refs/heads/dev")).await;
    assert_eq!(keys(&deleted), ["b"]);
    assert_eq!(keys(&call(&server, &reader, "GET", CACHES).await), ["a"]);
}

#[tokio::test]
async fn a_token_to_manage_is_none_for_anything_else() {
    let server = Server::start().await;
    let manager = server.manager(&["acme/app:admin"]);
    assert_eq!(
        server.twirp_as(&manager, "CreateCacheEntry", r#"{"key":"k","version":"v"}"#).await.status,
        403
    );
    assert_eq!(call(&server, &manager, "GET", "/api/v1/caches").await.status, 403);
    for path in [
        "/repos/acme/other/actions/caches",
        "/repos/acme/app2/actions/cache/usage",
        "/orgs/acme/actions/cache/usage",
        "/enterprises/all/actions/cache/usage",
    ] {
        assert_eq!(refused(&call(&server, &manager, "GET", path).await), 404, "{path}");
    }
}

#[tokio::test]
async fn usage_adds_up_by_owner_and_in_all() {
    let server = Server::start().await;
    for (repository, key, size) in
        [("acme/one", "a", 3), ("acme/one", "b", 4), ("Acme/two", "a", 5), ("acme2/three", "a", 6)]
    {
        save_as(&server, &server.token_for(repository, MAIN), key, &vec![0; size]).await;
    }
    let admin = server.admin();
    let manager = server.manager(&["acme/*:read"]);
    let total = async |token: &str, path: &str| {
        let usage = call(&server, token, "GET", &format!("{path}/actions/cache/usage")).await.json();
        let field = |name: &str| usage[name].as_u64().unwrap();
        (field("total_active_caches_count"), field("total_active_caches_size_in_bytes"))
    };
    assert_eq!(total(&manager, "/orgs/ACME").await, (3, 12));
    assert_eq!(total(&admin, "/api/v3/orgs/acme2").await, (1, 6));
    assert_eq!(total(&admin, "/orgs/nobody").await, (0, 0));
    assert_eq!(total(&admin, "/enterprises/all").await, (4, 18));
    assert_eq!(total(&admin, "/api/v3/enterprises/any").await, (4, 18));

    let path = "/orgs/acme/actions/cache/usage-by-repository";
    let usage = call(&server, &manager, "GET", &format!("{path}?per_page=1")).await;
    let expected = json!({ "total_count": 2, "repository_cache_usages": [
        { "full_name": "acme/one", "active_caches_size_in_bytes": 7, "active_caches_count": 2 },
    ]});
    assert_eq!(usage.json(), expected);
    assert!(usage.header("link").unwrap().contains(&format!("{path}?per_page=1&page=2>; rel=\"next\"")));
    let second = call(&server, &manager, "GET", &format!("{path}?per_page=1&page=2")).await.json();
    assert_eq!(second["repository_cache_usages"][0]["full_name"], "Acme/two");
    let all = call(&server, &admin, "GET", "/enterprises/all/actions/cache/usage-by-repository").await.json();
    assert_eq!(all["total_count"], 3);
}

#[tokio::test]
async fn a_download_goes_on_when_its_entry_was_deleted() {
    let server = Server::start().await;
    server.save("k", b"content").await;
    let target = server.found("k").await;
    let deleted = call(&server, &server.admin(), "DELETE", &format!("{CACHES}?key=k")).await;
    assert_eq!(keys(&deleted), ["k"]);
    assert_eq!(server.bare("GET", &target, &[], b"").await.body, b"content");
}
