//! What happened, as pages tell it.

use std::time::Duration;

use serde_json::json;
use snowbank_server::service::Rights;
use snowbank_server::settings::ByteSize;

use super::stock::{index, keep, pack};
use super::{open, send, shown, signed_in};
use crate::support::{Server, VERSION, noise};

const MAIN: &str = "refs/heads/main";

async fn ask(server: &Server, token: &str, key: &str, restore: &str) {
    let body = json!({ "key": key, "restore_keys": [restore], "version": VERSION });
    server.twirp_as(token, "GetCacheEntryDownloadURL", &body.to_string()).await;
}

#[tokio::test]
async fn lookups_are_told_with_their_reasons_and_by_outcome() {
    let server = Server::start().await;
    server.save("k-1", b"content").await;
    let token = server.token();
    for (key, restore) in [("k-1", "k-"), ("k-2", "k-"), ("other", "otter-"), ("other", "otter-")] {
        ask(&server, &token, key, restore).await;
    }
    let admin = signed_in(&server, &server.admin()).await;
    let page = async |query: &str| shown(&server, &admin, &format!("/r/acme/app/events{query}")).await;
    let told = page("").await;
    assert!(told.contains("no key begins with any of those that were asked for"), "{told}");
    assert!(told.contains("2\u{a0}times") && told.contains("or begins with otter-"), "{told}");
    let rows = async |query: &str| page(query).await.matches("<tr").count() - 1;
    assert_eq!(rows("?outcome=hit").await, 1);
    assert_eq!(rows("?outcome=partial").await, 1);
    assert!(page("?outcome=partial").await.contains("saved on"));
    assert_eq!(rows("?outcome=miss").await, 1);
    assert_eq!(rows("?outcome=nonsense").await, 3);
    assert_eq!(rows("?key=k-").await, 2);
    assert!(page("?key=nothing").await.contains("Nothing of this kind is remembered."));
    let all = shown(&server, &admin, "/events?outcome=miss&key=nothing").await;
    assert!(all.contains(r#"href="/r/acme/app""#), "keys of all are not searched: {all}");
}

#[tokio::test]
async fn what_went_and_what_never_came_is_told() {
    let server = Server::with(|settings| settings.limits.size = ByteSize(12)).await;
    for key in ["first", "second", "third"] {
        keep(&*server.catalog, "acme/app", MAIN, key, 5).await;
    }
    server.service.evict().await.unwrap();
    let repo = server.catalog.find_repository("acme/app").await.unwrap().unwrap().id;
    let slot = snowbank_catalog::rooms::Slot {
        scope: MAIN.to_owned(),
        key: "never-came".to_owned(),
        version: "v".to_owned(),
    };
    let form = snowbank_catalog::rooms::Form::Archive;
    server.catalog.reserve(repo, &slot, form, Duration::ZERO).await.unwrap();
    server.service.collect().await.unwrap();
    let admin = signed_in(&server, &server.admin()).await;
    let entries = server.catalog.coldest(None, 0, 9).await.unwrap();
    let id = entries.iter().find(|entry| entry.slot.key == "third").unwrap().id.to_string();
    send(&server, &admin, "/r/acme/app/delete", &[("id", &*id), ("sure", "yes")]).await;

    let page = shown(&server, &admin, "/r/acme/app/events?kind=removals").await;
    assert!(page.contains("the repository was over its size"), "{page}");
    assert!(page.contains("somebody deleted it (admin"), "{page}");
    assert!(page.contains("first") && page.contains("third") && !page.contains("second"), "{page}");
    let page = shown(&server, &admin, "/r/acme/app/events?kind=unfinished").await;
    assert!(page.contains("never-came") && page.contains("no byte came for too long"), "{page}");
}

#[tokio::test]
async fn events_come_by_page() {
    let server = Server::start().await;
    let token = server.token();
    for number in 0..60 {
        ask(&server, &token, &format!("key-{number:02}"), "none").await;
    }
    let admin = signed_in(&server, &server.admin()).await;
    let first = shown(&server, &admin, "/r/acme/app/events?outcome=miss").await;
    assert!(first.contains("key-59") && first.contains("key-10") && !first.contains("key-09"), "{first}");
    let (_, rest) = first.split_once("&amp;before=").unwrap();
    let before = rest.split('"').next().unwrap();
    let second = format!("/r/acme/app/events?outcome=miss&before={before}");
    let second = shown(&server, &admin, &second).await;
    assert!(second.contains("key-09") && second.contains("key-00") && !second.contains("key-10"), "{second}");
    assert!(second.contains("Newest") && !second.contains("Older"), "{second}");
}

/// As the lists for programs are.
#[tokio::test]
async fn events_are_for_who_may_see_the_repository() {
    let server = Server::start().await;
    server.lookup("of-acme").await;
    let own = signed_in(&server, &server.token()).await;
    let other = signed_in(&server, &server.token_for("other/app", &["refs/heads/main:rw"])).await;
    let rights = Rights::Caches(vec!["team:pull".parse().unwrap()]);
    let caches = server.service.mint(&rights, Duration::from_secs(60)).unwrap();
    let caches = signed_in(&server, &caches).await;
    for page in ["events", "images", "s/K"] {
        let page = format!("/r/acme/app/{page}");
        assert_eq!(open(&server, &own, &page).await.status, 200, "{page}");
        assert_eq!(open(&server, &other, &page).await.status, 404, "{page}");
        assert_eq!(open(&server, &caches, &page).await.status, 404, "{page}");
        assert_eq!(open(&server, "", &page).await.status, 303, "{page}");
    }
    for page in ["/events", "/images"] {
        assert_eq!(open(&server, &own, page).await.status, 404, "{page}");
        assert_eq!(open(&server, "", page).await.status, 303, "{page}");
    }
    let own = shown(&server, &own, "/").await;
    assert!(!own.contains(r#"href="/events""#), "{own}");
}

#[tokio::test]
async fn hit_rates_and_what_was_stored_are_told() {
    let server = Server::start().await;
    server.save("k-1", b"content").await;
    let token = server.token();
    for (key, restore) in [("k-1", "none"), ("k-2", "k-"), ("other", "none")] {
        ask(&server, &token, key, restore).await;
    }
    server.service.evict().await.unwrap();
    let admin = signed_in(&server, &server.admin()).await;
    let rate = "title=\"1 hits, 1 partial hits, 1 misses\">66\u{a0}%";
    let page = shown(&server, &admin, "/r/acme/app").await;
    assert!(page.contains(rate) && page.contains("Last used"), "{page}");
    assert!(page.contains("Lookups by day") && page.contains("Stored by day"), "{page}");
    assert!(page.contains("highest 10.0\u{a0}GB"), "against the limit: {page}");
    let overview = shown(&server, &admin, "/").await;
    assert!(overview.contains(rate), "{overview}");
    assert!(overview.contains("Bytes on disk at the end of each day"), "{overview}");
    let own = signed_in(&server, &token).await;
    let overview = shown(&server, &own, "/").await;
    assert!(overview.contains(rate) && !overview.contains("Bytes on disk"), "{overview}");
}

#[tokio::test]
async fn a_series_has_a_row_for_each_generation() {
    let server = Server::with(|settings| settings.jobs.recode = false).await;
    server.save(&pack([1; 32]), &noise(5000)).await;
    server.save("a/K x#1", &index(&[[1; 32]])).await;
    server.save(&pack([2; 32]), &noise(700)).await;
    server.save("a/K x#2", &index(&[[1; 32], [2; 32]])).await;
    server.save("a/K x#2#1", b"of another series").await;
    let content = index(&[[1; 32], [2; 32]]);
    assert_eq!(server.restore("a/K x#2").await, content);
    let admin = signed_in(&server, &server.admin()).await;
    let link = r#"href="/r/acme/app/s/a%2FK%20x""#;
    let page = shown(&server, &admin, "/r/acme/app").await;
    assert!(page.contains(link), "{page}");
    assert!(page.contains(r#"data-label="Restores">1<"#), "of all its generations: {page}");
    let page = shown(&server, &admin, "/r/acme/app/s/a%2FK%20x").await;
    assert!(page.contains("<h1>a/K x</h1>") && page.contains("Bytes by generation"), "{page}");
    let rows: Vec<&str> = page.split(r#"<span class="key">#"#).skip(1).collect();
    assert_eq!(rows.len(), 2, "{page}");
    assert!(rows[0].starts_with('2') && rows[1].starts_with('1'), "{page}");
    assert!(rows[0].contains("(1\u{a0}pack)") && rows[0].contains("not known yet"), "{page}");
    assert!(
        rows[0].contains(r#"data-label="Restores">1<"#) && rows[1].contains(r#"data-label="Restores">0<"#)
    );
    let nothing = shown(&server, &admin, "/r/acme/app/s/none").await;
    assert!(nothing.contains("No save of this series is remembered."), "{nothing}");
}

#[tokio::test]
async fn image_pushes_are_listed() {
    let server = Server::with(|settings| {
        settings.caches.insert("team".to_owned(), Default::default());
    })
    .await;
    let mut push = json!({
        "destination": "ghcr.io/acme/app", "tag": "v<1>", "digest": "sha256:0123456789abcdef", "layers_reused": 3,
        "layers_sent": 1, "bytes_sent": 10, "bytes_total": 100, "duration_ms": 1500,
    });
    let server_admin = signed_in(&server, &server.admin()).await;
    let page = async |target: &str| shown(&server, &server_admin, target).await;
    assert!(page("/r/acme/app/images").await.contains("No push of an image is remembered."));
    let sent = server.call_api(&server.token(), "POST", "image-pushes", push.to_string().as_bytes()).await;
    assert_eq!(sent.status, 201);
    push["cache"] = json!("team");
    let rights = Rights::Caches(vec!["team:push".parse().unwrap()]);
    let team = server.service.mint(&rights, Duration::from_secs(60)).unwrap();
    let sent = server.call_api(&team, "POST", "image-pushes", push.to_string().as_bytes()).await;
    assert_eq!(sent.status, 201);
    let own = page("/r/acme/app/images").await;
    assert!(own.contains("ghcr.io/acme/app:v&lt;1&gt;") && own.contains("0123456789ab<"), "{own}");
    assert!(own.contains("10\u{a0}B") && own.contains("1.5\u{a0}s"), "{own}");
    assert_eq!(own.matches("ghcr.io").count(), 1);
    let all = page("/images").await;
    assert_eq!(all.matches("ghcr.io").count(), 2);
    assert!(all.contains(r#"href="/r/acme/app""#) && all.contains(r#"href="/c/team""#), "{all}");
}
