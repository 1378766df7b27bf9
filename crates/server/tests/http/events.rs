//! What happened, as our own API tells it.

use std::time::Duration;

use prost::Message;
use serde_json::{Value, json};
use snowbank_server::service::Rights;
use snowbank_server::settings::Span;

use crate::support::{Answer, Server, VERSION, noise};

async fn status(server: &Server, token: &str, path: &str) -> u16 {
    server.call_api(token, "GET", path, b"").await.status
}

async fn report(server: &Server, token: &str, report: &Value) -> Answer {
    server.call_api(token, "POST", "image-pushes", report.to_string().as_bytes()).await
}

fn push(tag: &str) -> Value {
    json!({
        "destination": "ghcr.io/acme/app", "tag": tag, "digest": "sha256:00", "layers_reused": 3, "layers_sent": 1,
        "bytes_sent": 10, "bytes_total": 100, "duration_ms": 1500,
    })
}

#[tokio::test]
async fn a_job_is_told_of_its_own_repository_and_an_administrator_of_all() {
    let server = Server::start().await;
    let other = server.token_for("other/app", &["refs/heads/main:rw"]);
    let team =
        server.service.mint(&Rights::Caches(vec!["team:push".parse().unwrap()]), Duration::from_secs(60));
    let team = team.unwrap();
    server.lookup("k").await;
    server
        .twirp_as(&other, "GetCacheEntryDownloadURL", &json!({ "key": "k", "version": VERSION }).to_string())
        .await;
    for path in ["lookups", "removals", "unfinished", "saves", "image-pushes", "usage/days", "samples"] {
        assert_eq!(status(&server, "", path).await, 401, "{path}");
        assert_eq!(status(&server, &team, path).await, 403, "{path}");
        assert_eq!(status(&server, &other, &format!("{path}?repository=acme/app")).await, 404, "{path}");
        assert_eq!(status(&server, &other, &format!("{path}?repository=Other/App")).await, 200, "{path}");
        assert_eq!(
            status(&server, &server.admin(), &format!("{path}?repository=no/where")).await,
            200,
            "{path}"
        );
        assert_eq!(
            status(&server, &server.admin(), &format!("{path}?repository=nowhere")).await,
            400,
            "{path}"
        );
    }
    let seen = async |token: &str| {
        let told = server.api(token, "lookups").await;
        let repositories = told["lookups"].as_array().unwrap().iter().map(|row| row["repository"].clone());
        repositories.collect::<Vec<_>>()
    };
    assert_eq!(seen(&other).await, [json!("other/app")]);
    assert_eq!(seen(&server.admin()).await, [json!("other/app"), json!("acme/app")]);
}

#[tokio::test]
async fn bad_questions_get_a_message() {
    let server = Server::start().await;
    for path in [
        "lookups?limit=x",
        "lookups?before=-1",
        "lookups?outcome=maybe",
        "saves?parts=2",
        "lookups?key=k",
        "usage/days?days=x",
    ] {
        let answer = server.call_api(&server.admin(), "GET", path, b"").await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.json()["message"].is_string());
    }
}

#[tokio::test]
async fn lookups_come_by_page_with_what_they_found() {
    let server = Server::start().await;
    server.save("k-1", b"content").await;
    let ask = async |key: &str| {
        let body = json!({ "key": key, "restore_keys": ["k-"], "version": VERSION });
        server.twirp("GetCacheEntryDownloadURL", &body.to_string()).await;
    };
    for key in ["k-1", "k-2", "k-2", "other"] {
        ask(key).await;
    }
    let rows = server.api(&server.token(), "lookups?limit=2").await;
    let told: Vec<_> = rows["lookups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["key"], &row["outcome"], &row["times"]))
        .collect();
    assert_eq!(
        told,
        [(&json!("other"), &json!("partial"), &json!(1)), (&json!("k-2"), &json!("partial"), &json!(2))]
    );
    assert_eq!(rows["lookups"][1]["matched"]["key"], "k-1");
    assert_eq!(rows["lookups"][1]["restore_keys"], json!(["k-"]));
    assert_eq!(rows["lookups"][1]["read_refs"], json!(["refs/heads/main"]));
    let next = server.api(&server.token(), &format!("lookups?limit=2&before={}", rows["next"])).await;
    assert_eq!((&next["lookups"][0]["key"], &next["lookups"][0]["outcome"]), (&json!("k-1"), &json!("hit")));
    assert_eq!(next["next"], Value::Null);
    let begun = server.api(&server.token(), "lookups?key=o").await;
    assert_eq!(begun["lookups"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_save_tells_how_it_was_used() {
    let server = Server::start().await;
    let content = noise(100_000);
    server.save("k", &content).await;
    assert_eq!(server.restore("k").await, content);
    let target = server.found("k").await;
    // The beginning alone is no restore.
    assert_eq!(server.bare("GET", &target, &[("range", "bytes=0-9")], b"").await.status, 206);
    let save = &server.api(&server.token(), "saves").await["saves"][0];
    assert_eq!(
        (&save["key"], &save["bytes_uploaded"], &save["bytes_new"]),
        (&json!("k"), &json!(100_000), &Value::Null)
    );
    assert_eq!((&save["restores"], &save["timed_restores"]), (&json!(2), &json!(1)));
    assert!(save["mean_restore_ms"].is_u64() && save["took_ms"].is_u64());
    let days = server.api(&server.token(), "usage/days").await;
    let of = |protocol: &str| {
        days["days"].as_array().unwrap().iter().find(|day| day["protocol"] == protocol).unwrap().clone()
    };
    assert_eq!(
        (&of("v2")["saves"], &of("v2")["bytes_in"], &of("v2")["hits"]),
        (&json!(1), &json!(100_000), &json!(2))
    );
    assert_eq!(of("blobs")["bytes_out"], 100_010);
}

#[derive(Clone, PartialEq, Message)]
struct Index {
    #[prost(message, repeated, tag = "3")]
    packs: Vec<Pack>,
}

#[derive(Clone, PartialEq, Message)]
struct Pack {
    #[prost(bytes = "vec", tag = "1")]
    hash: Vec<u8>,
}

/// An index that names packs of these hashes.
fn index(hashes: &[u8]) -> Vec<u8> {
    let packs = hashes.iter().map(|hash| Pack { hash: vec![*hash; 32] }).collect();
    let mut bytes = b"SNOWINDX".to_vec();
    bytes.extend(1u32.to_le_bytes());
    bytes.extend([0; 40]);
    bytes.extend(zstd::bulk::compress(&Index { packs }.encode_to_vec(), 1).unwrap());
    bytes
}

#[tokio::test]
async fn a_series_has_a_row_for_each_generation() {
    let server = Server::start().await;
    let pack = |hash: u8| format!("snowbank-pack-{}", hex::encode([hash; 32]));
    server.save(&pack(1), &noise(5000)).await;
    server.save(&pack(2), &noise(5000)).await;
    server.save("K#1", &index(&[1, 2])).await;
    server.save(&pack(3), &noise(700)).await;
    server.save("K#2", &index(&[2, 3])).await;
    let saves = server.api(&server.token(), "saves?key=K%23").await;
    let row = |at: usize| (&saves["saves"][at]["key"], &saves["saves"][at]["packs"]);
    assert_eq!((row(0), row(1)), ((&json!("K#2"), &json!(1)), (&json!("K#1"), &json!(2))));
    let size = index(&[2, 3]).len() + 700;
    assert_eq!(saves["saves"][0]["bytes_uploaded"], json!(size));
    let all = server.api(&server.token(), "saves?parts=true").await;
    assert_eq!(all["saves"].as_array().unwrap().len(), 5);
    assert_eq!(all["saves"][1]["part_of"], saves["saves"][0]["cache"]);
    // That a pack is there is no news.
    server.found(&pack(1)).await;
    assert_eq!(server.api(&server.token(), "lookups").await["lookups"], json!([]));
}

#[tokio::test]
async fn image_pushes_are_told_by_those_who_may() {
    let server = Server::with(|settings| {
        settings.caches.insert("team".to_owned(), Default::default());
    })
    .await;
    let grants = |grant: &str| {
        let rights = Rights::Caches(vec![grant.parse().unwrap()]);
        server.service.mint(&rights, Duration::from_secs(60)).unwrap()
    };
    assert_eq!(report(&server, &server.token(), &push("1")).await.status, 201);
    let mut by_cache = push("2");
    by_cache["cache"] = json!("team");
    assert_eq!(report(&server, &grants("team:push"), &by_cache).await.status, 201);
    assert_eq!(report(&server, &grants("team:pull"), &by_cache).await.status, 403);
    assert_eq!(report(&server, &grants("team:push"), &push("3")).await.status, 403);
    by_cache["cache"] = json!("none");
    assert_eq!(report(&server, &grants("*:push"), &by_cache).await.status, 403);
    assert_eq!(report(&server, "", &push("4")).await.status, 401);
    assert_eq!(report(&server, &server.token(), &json!({ "tag": "5" })).await.status, 400);
    let long = report(&server, &server.token(), &json!({ "tag": "x".repeat(20_000) })).await;
    assert_eq!(long.status, 413);

    let all = server.api(&server.admin(), "image-pushes").await;
    let told: Vec<_> = all["image_pushes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (&row["tag"], &row["repository"], &row["cache"]))
        .collect();
    assert_eq!(
        told,
        [(&json!("2"), &Value::Null, &json!("team")), (&json!("1"), &json!("acme/app"), &Value::Null)]
    );
    let own = server.api(&server.token(), "image-pushes").await;
    assert_eq!(
        (own["image_pushes"].as_array().unwrap().len(), &own["image_pushes"][0]["layers_reused"]),
        (1, &json!(3))
    );
}

#[tokio::test]
async fn upkeep_samples_what_is_stored() {
    let server = Server::start().await;
    server.save("k", b"content").await;
    server.service.evict().await.unwrap();
    let whole = server.api(&server.admin(), "samples").await;
    let newest = &whole["samples"][0];
    assert_eq!(
        (&newest["disk_bytes"], &newest["caches_bytes"], &newest["limit_bytes"]),
        (&json!(7), &json!(7), &Value::Null)
    );
    let own = &server.api(&server.token(), "samples").await["samples"][0];
    assert_eq!((&own["caches_count"], &own["limit_bytes"]), (&json!(1), &json!(10_000_000_000_u64)));
}

#[tokio::test]
async fn nothing_is_remembered_where_it_is_switched_off() {
    let server = Server::with(|settings| settings.times.events = Span(Duration::ZERO)).await;
    server.save("k", b"content").await;
    server.restore("k").await;
    server.lookup("other").await;
    report(&server, &server.token(), &push("1")).await;
    server.service.evict().await.unwrap();
    for (path, name) in [
        ("lookups", "lookups"),
        ("saves", "saves"),
        ("image-pushes", "image_pushes"),
        ("usage/days", "days"),
        ("samples", "samples"),
    ] {
        assert_eq!(server.api(&server.admin(), path).await[name], json!([]), "{path}");
    }
}
