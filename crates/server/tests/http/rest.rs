//! GitHub's REST API for caches.

use serde_json::{Value, json};
use snowbank_server::settings::{ByteSize, RepositorySettings};

use crate::support::{Answer, Server, VERSION};

/// A call as gh sends it.
pub(crate) async fn call(server: &Server, token: &str, method: &str, path: &str) -> Answer {
    send(server, token, method, path, "").await
}

/// The same with a body.
pub(crate) async fn send(server: &Server, token: &str, method: &str, path: &str, body: &str) -> Answer {
    let head = format!(
        "{method} {path} HTTP/1.1
        Accept: application/vnd.github+json
        Authorization: token {{token}}
        Host: {{host}}
        Content-Length: {}",
        body.len()
    );
    server.replay_as(token, &head, body.as_bytes()).await
}

pub(crate) const CACHES: &str = "/repos/acme/app/actions/caches";

pub(crate) fn keys(answer: &Answer) -> Vec<String> {
    let caches = answer.json()["actions_caches"].as_array().unwrap().clone();
    caches.iter().map(|cache| cache["key"].as_str().unwrap().to_owned()).collect()
}

/// An error: its status, after all that clients look for was found in it.
pub(crate) fn refused(answer: &Answer) -> u16 {
    let body = answer.json();
    assert_eq!(body["status"], answer.status.to_string(), "{body}");
    assert!(!body["message"].as_str().unwrap().is_empty(), "{body}");
    assert!(body["documentation_url"].as_str().unwrap().starts_with("https://"), "{body}");
    answer.status
}

/// Saves under the scope that the token may write.
pub(crate) async fn save_as(server: &Server, token: &str, key: &str, content: &[u8]) {
    let body = json!({ "key": key, "version": VERSION }).to_string();
    let reserved = server.twirp_as(token, "CreateCacheEntry", &body).await.json();
    let target = server.target(reserved["signed_upload_url"].as_str().unwrap());
    assert_eq!(server.bare("PUT", &target, &[("x-ms-blob-type", "BlockBlob")], content).await.status, 201);
    let size = content.len().to_string();
    let body = json!({ "key": key, "version": VERSION, "size_bytes": size }).to_string();
    assert_eq!(server.twirp_as(token, "FinalizeCacheEntryUpload", &body).await.status, 200);
}

#[tokio::test]
async fn a_cache_has_the_shape_of_githubs() {
    let server = Server::start().await;
    server.save("k-1", b"content").await;
    for prefix in ["", "/api/v3"] {
        let answer = call(&server, &server.token(), "GET", &format!("{prefix}{CACHES}")).await;
        let mut list = answer.json();
        let cache = &mut list["actions_caches"][0];
        for name in ["created_at", "last_accessed_at"] {
            let time = cache[name].take();
            let time = time.as_str().unwrap();
            assert!(time.len() == "2022-07-04T11:58:15.810000000Z".len() && time.ends_with('Z'), "{time}");
        }
        assert!(cache["id"].take().as_u64().unwrap() > 0);
        let expected = json!({
            "total_count": 1,
            "actions_caches": [{
                "id": null, "ref": "refs/heads/main", "key": "k-1", "version": VERSION,
                "last_accessed_at": null, "created_at": null, "size_in_bytes": 7,
            }],
        });
        assert_eq!(list, expected);
        assert_eq!(answer.header("link"), None, "there is one page");
    }
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_paged() {
    let server = Server::start().await;
    let (main, dev) = (server.token(), server.token_for("acme/app", &["refs/heads/dev:rw"]));
    for (key, size) in [("a-1", 5), ("a-2", 9), ("b-1", 1)] {
        save_as(&server, &main, key, &vec![0; size]).await;
    }
    save_as(&server, &dev, "a-1", b"1234567").await;
    let admin = server.admin();
    let list = async |query: &str| call(&server, &admin, "GET", &format!("{CACHES}?{query}")).await;

    assert_eq!(keys(&list("key=a-1&ref=refs%2Fheads%2Fdev").await), ["a-1"]);
    assert_eq!(
        keys(&list("key=a-&sort=size_in_bytes&direction=asc&ref=refs/heads/main").await),
        ["a-1", "a-2"]
    );
    assert_eq!(keys(&list("sort=created_at").await), ["a-1", "b-1", "a-2", "a-1"]);
    let first = list("per_page=3&sort=created_at&key=").await;
    assert_eq!((first.json()["total_count"].as_u64(), keys(&first).len()), (Some(4), 3));
    let at = format!("http://{}{CACHES}?per_page=3&sort=created_at&key=", server.address);
    let expected = format!("<{at}&page=2>; rel=\"next\", <{at}&page=2>; rel=\"last\"");
    assert_eq!(first.header("link"), Some(expected.as_str()));
    let second = list("per_page=3&sort=created_at&key=&page=2").await;
    assert_eq!(keys(&second), ["a-1"]);
    let expected = format!("<{at}&page=1>; rel=\"prev\", <{at}&page=1>; rel=\"first\"");
    assert_eq!(second.header("link"), Some(expected.as_str()));
    let github = call(&server, &admin, "GET", &format!("/api/v3{CACHES}?per_page=1")).await;
    assert!(github.header("link").unwrap().contains("/api/v3/repos/acme/app/"), "{github:?}");

    assert_eq!(list("page=99").await.json(), json!({ "total_count": 4, "actions_caches": [] }));
    for query in ["sort=name", "direction=up", "page=x", "per_page=x"] {
        assert_eq!(refused(&list(query).await), 422, "{query}");
    }
}

#[tokio::test]
async fn what_was_used_last_comes_first() {
    let server = Server::start().await;
    for key in ["a", "b"] {
        server.save(key, b"content").await;
    }
    server.found("a").await;
    assert_eq!(keys(&call(&server, &server.token(), "GET", CACHES).await), ["a", "b"]);
}

#[tokio::test]
async fn deleting_by_key_gives_back_what_went() {
    let server = Server::start().await;
    let (admin, dev) = (server.admin(), server.token_for("acme/app", &["refs/heads/dev:rw"]));
    for token in [&server.token(), &dev] {
        save_as(&server, token, "a b#1", b"content").await;
        save_as(&server, token, "a b#11", b"content").await;
    }
    let delete = async |query: &str| call(&server, &admin, "DELETE", &format!("{CACHES}?{query}")).await;
    let gone = delete("key=a+b%231&ref=refs%2Fheads%2Fdev").await.json();
    assert_eq!(
        (&gone["total_count"], &gone["actions_caches"][0]["ref"]),
        (&json!(1), &json!("refs/heads/dev"))
    );
    assert_eq!(keys(&delete("key=a%20b%2311").await), ["a b#11", "a b#11"]);
    assert_eq!(refused(&delete("key=a").await), 404, "the key is complete");
    assert_eq!(refused(&delete("ref=refs/heads/main").await), 422);
    assert_eq!(keys(&call(&server, &admin, "GET", CACHES).await), ["a b#1"]);
}

#[tokio::test]
async fn deleting_by_number_answers_nothing() {
    let server = Server::start().await;
    server.save("k", b"content").await;
    let admin = server.admin();
    let id = call(&server, &admin, "GET", CACHES).await.json()["actions_caches"][0]["id"].to_string();
    let other = format!("/repos/acme/other/actions/caches/{id}");
    assert_eq!(refused(&call(&server, &admin, "DELETE", &other).await), 404, "it is another repository's");
    let deleted = call(&server, &admin, "DELETE", &format!("{CACHES}/{id}")).await;
    assert_eq!((deleted.status, deleted.body.len()), (204, 0));
    assert_eq!(refused(&call(&server, &admin, "DELETE", &format!("{CACHES}/{id}")).await), 404);
    assert_eq!(refused(&call(&server, &admin, "DELETE", &format!("{CACHES}/x")).await), 404);
}

#[tokio::test]
async fn a_job_sees_what_it_may_read_and_deletes_what_it_may_write() {
    let server = Server::start().await;
    let main = server.token();
    let pull = server.token_for("acme/app", &["refs/pull/7/merge:rw", "refs/heads/main:r"]);
    let dev = server.token_for("acme/app", &["refs/heads/dev:rw"]);
    for (token, key) in [(&main, "main"), (&pull, "pull"), (&dev, "dev")] {
        save_as(&server, token, key, b"content").await;
    }
    let mut seen = keys(&call(&server, &pull, "GET", CACHES).await);
    seen.sort();
    assert_eq!(seen, ["main", "pull"]);
    assert!(keys(&call(&server, &pull, "GET", &format!("{CACHES}?ref=refs/heads/dev")).await).is_empty());

    let delete = async |key: &str| call(&server, &pull, "DELETE", &format!("{CACHES}?key={key}")).await;
    assert_eq!(refused(&delete("main").await), 403);
    assert_eq!(refused(&delete("dev").await), 404, "what it cannot see is not there");
    assert_eq!(keys(&delete("pull").await), ["pull"]);
    let all = call(&server, &server.admin(), "GET", CACHES).await.json();
    let id = |key: &str| {
        let caches = all["actions_caches"].as_array().unwrap();
        caches.iter().find(|cache| cache["key"] == key).unwrap()["id"].to_string()
    };
    for (key, status) in [("main", 403), ("dev", 404)] {
        let answer = call(&server, &pull, "DELETE", &format!("{CACHES}/{}", id(key))).await;
        assert_eq!(refused(&answer), status, "{key}");
    }
    assert_eq!(call(&server, &main, "DELETE", &format!("{CACHES}/{}", id("main"))).await.status, 204);
}

#[tokio::test]
async fn who_may_not_look_is_told_as_github_does() {
    let server = Server::start().await;
    server.save("k", b"content").await;
    let usage = "/repos/acme/app/actions/cache/usage";
    let stranger = server.token_for("acme/other", &["refs/heads/main:rw"]);
    let blind = server.token_for("acme/app", &["refs/heads/main:w"]);
    for (method, path) in
        [("GET", CACHES), ("GET", usage), ("DELETE", "/repos/acme/app/actions/caches?key=k")]
    {
        assert_eq!(refused(&call(&server, "", method, path).await), 401, "{method} {path}");
        assert_eq!(refused(&call(&server, &stranger, method, path).await), 404, "{method} {path}");
    }
    assert_eq!(refused(&call(&server, &blind, "GET", CACHES).await), 403);
    let reader = server.token_for("acme/app", &["refs/heads/main:r"]);
    let deleted = call(&server, &reader, "DELETE", &format!("{CACHES}?key=k")).await;
    assert_eq!(refused(&deleted), 403);
    let unheard = call(&server, &server.admin(), "GET", "/repos/acme/none/actions/caches").await;
    assert_eq!(unheard.json()["total_count"], 0, "a repository is there before its first cache");
}

#[tokio::test]
async fn usage_and_limit_are_of_the_whole_repository() {
    let server = Server::with(|settings| {
        let own = RepositorySettings { size: Some(ByteSize(2_500_000_000)), ..Default::default() };
        settings.repositories.insert("acme/small".into(), own);
    })
    .await;
    server.save("k", b"content").await;
    let dev = server.token_for("acme/app", &["refs/heads/dev:rw"]);
    let get = async |token: &str, path: &str| call(&server, token, "GET", path).await.json();
    let usage = get(&dev, "/api/v3/repos/ACME/app/actions/cache/usage").await;
    let expected = json!({
        "full_name": "acme/app", "active_caches_size_in_bytes": 7, "active_caches_count": 1,
    });
    assert_eq!(usage, expected);
    let limit = get(&dev, "/repos/acme/app/actions/cache/storage-limit").await;
    assert_eq!(limit.to_string(), r#"{"max_cache_size_gb":10}"#);
    let limit = get(&server.admin(), "/repos/acme/small/actions/cache/storage-limit").await;
    assert_eq!(limit.to_string(), r#"{"max_cache_size_gb":2.5}"#);
}

#[tokio::test]
async fn calls_that_there_are_not_get_github_s_error() {
    let server = Server::start().await;
    let admin = server.admin();
    for (method, path) in [
        ("POST", CACHES),
        ("GET", "/repos"),
        ("GET", "/repos/acme/app"),
        ("GET", "/repos/acme/app/actions/runs"),
        ("GET", "/orgs/acme/actions/caches"),
        ("POST", "/enterprises/any/actions/cache/usage"),
        ("GET", "/api/v3/organizations/acme"),
        ("GET", "/api/v3/user"),
        ("GET", "/repos/acme/a%20b/actions/caches"),
    ] {
        let answer = call(&server, &admin, method, path).await;
        if path == "/repos" {
            assert_eq!(answer.status, 404);
        } else {
            assert_eq!(refused(&answer), 404, "{method} {path}: {}", Value::String(answer.text()));
        }
    }
}
