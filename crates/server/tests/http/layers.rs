//! What is known of layers of images: `layers` and `layers/known`, and who sees what whom told.

use std::time::Duration;

use prost::Message as _;
use snowbank_binary_cache::bulk::{LayerCompression, Layers, LayersWanted, MAX_LAYERS, WireLayer};
use snowbank_server::service::Rights;
use snowbank_server::settings::{CacheSettings, Settings, Span};

use crate::bulk::post;
use crate::issuer::Issuer;
use crate::support::{Answer, Server};
use crate::views;

const HOUR: Duration = Duration::from_secs(3600);
const NOTHING: [u64; 0] = [];

fn settings(settings: &mut Settings) {
    for (name, public) in [("team", false), ("open", true), ("stranger", false)] {
        let cache = CacheSettings { public, ..CacheSettings::default() };
        settings.caches.insert(name.to_owned(), cache);
    }
}

async fn token(server: &Server, grant: &str) -> String {
    let rights = Rights::Caches(vec![grant.parse().unwrap()]);
    server.service.create_token(&rights, "test", HOUR).await.unwrap()
}

fn layer(key: u8, size: u64) -> WireLayer {
    WireLayer {
        key: vec![key; 32],
        diff_id: vec![8; 32],
        diff_size: Some(3 * size),
        digest: vec![9; 32],
        size,
        compression: LayerCompression::Zstd.into(),
    }
}

async fn note(server: &Server, token: &str, cache: &str, layers: Vec<WireLayer>) -> Answer {
    post(server, token, &format!("{cache}/layers"), &Layers { layers }).await
}

async fn ask(server: &Server, token: &str, cache: &str, keys: Vec<u8>) -> Answer {
    post(server, token, &format!("{cache}/layers/known"), &LayersWanted { keys }).await
}

/// The sizes that a token is told of the layers 1 to 3.
async fn told(server: &Server, token: &str, cache: &str) -> Vec<u64> {
    let answer = ask(server, token, cache, (1..4).flat_map(|key| [key; 32]).collect()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut layers = Layers::decode(&*answer.body).unwrap().layers;
    layers.sort_by(|one, other| one.key.cmp(&other.key));
    for told in &layers {
        assert_eq!(told, &layer(told.key[0], told.size));
    }
    layers.iter().map(|layer| layer.size).collect()
}

#[tokio::test]
async fn what_was_told_is_known_until_it_is_told_anew() {
    let server = Server::with(settings).await;
    let token = token(&server, "team:push").await;
    assert_eq!(told(&server, &token, "team").await, NOTHING);
    let noted = note(&server, &token, "team", vec![layer(1, 10), layer(3, 30)]).await;
    assert_eq!(noted.status, 201, "{noted:?}");
    assert_eq!(told(&server, &token, "team").await, [10, 30]);
    assert_eq!(note(&server, &token, "team", vec![layer(3, 31), layer(2, 20)]).await.status, 201);
    assert_eq!(told(&server, &token, "team").await, [10, 20, 31]);
    assert_eq!(note(&server, &token, "team", Vec::new()).await.status, 201);
    assert_eq!(ask(&server, &token, "team", Vec::new()).await.body, b"");
}

#[tokio::test]
async fn only_who_may_push_tells_anything() {
    let server = Server::with(settings).await;
    let (pusher, reader) = (token(&server, "team:push").await, token(&server, "team:pull").await);
    assert_eq!(note(&server, &pusher, "team", vec![layer(1, 10)]).await.status, 201);
    let refused = note(&server, &reader, "team", vec![layer(1, 11)]).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert_eq!(told(&server, &reader, "team").await, [10]);
    // A public cache is read by everybody, and told of layers by nobody without a token.
    assert_eq!(told(&server, "", "open").await, NOTHING);
    assert_eq!(note(&server, "", "open", vec![layer(1, 11)]).await.status, 401);
    assert_eq!(note(&server, &pusher, "open", vec![layer(1, 11)]).await.status, 403);
}

#[tokio::test]
async fn another_owners_cache_is_not_there() {
    let server = Server::with(settings).await;
    let (team, stranger) = (token(&server, "team:push").await, token(&server, "stranger:push").await);
    assert_eq!(note(&server, &team, "team", vec![layer(1, 10)]).await.status, 201);
    assert_eq!(told(&server, &stranger, "stranger").await, NOTHING);
    for cache in ["team", "nothing"] {
        assert_eq!(ask(&server, &stranger, cache, vec![1; 32]).await.status, 404);
        assert_eq!(note(&server, &stranger, cache, vec![layer(1, 11)]).await.status, 404);
        assert_eq!(ask(&server, "", cache, vec![1; 32]).await.status, 401);
    }
    assert_eq!(told(&server, &team, "team").await, [10]);
}

#[tokio::test]
async fn a_revoked_token_reads_and_tells_nothing() {
    let server = Server::with(settings).await;
    let token = token(&server, "team:push").await;
    assert_eq!(note(&server, &token, "team", vec![layer(1, 10)]).await.status, 201);
    let id = server.service.tokens().await.unwrap()[0].id.clone();
    server.service.revoke_tokens(&[id]).await.unwrap();
    assert_eq!(ask(&server, &token, "team", vec![1; 32]).await.status, 401);
    assert_eq!(note(&server, &token, "team", vec![layer(1, 11)]).await.status, 401);
}

#[tokio::test]
async fn what_a_pull_request_tells_it_alone_reads() {
    let issuer = Issuer::start().await;
    let server = views::server(&issuer).await;
    let seven = views::job(&server, &issuer, "refs/pull/7/merge", "pull_request").await;
    let eight = views::job(&server, &issuer, "refs/pull/8/merge", "pull_request").await;
    let main = views::job(&server, &issuer, "refs/heads/main", "push").await;
    assert_eq!(note(&server, &seven, "open", vec![layer(1, 7)]).await.status, 201);
    assert_eq!(told(&server, &seven, "open").await, [7]);
    for other in [eight.as_str(), &main, ""] {
        assert_eq!(told(&server, other, "open").await, NOTHING);
    }
    assert_eq!(note(&server, &main, "open", vec![layer(1, 1), layer(2, 2)]).await.status, 201);
    assert_eq!(told(&server, &seven, "open").await, [7, 2], "its own come first");
    // Nor does it replace what main has told.
    assert_eq!(note(&server, &seven, "open", vec![layer(2, 77)]).await.status, 201);
    assert_eq!(told(&server, &seven, "open").await, [7, 77]);
    for other in [eight.as_str(), &main, ""] {
        assert_eq!(told(&server, other, "open").await, [1, 2]);
    }
}

#[tokio::test]
async fn what_nobody_used_for_the_caches_retention_is_forgotten() {
    let server = Server::with(|settings| {
        let retention = Some(Span(Duration::ZERO));
        settings.caches.insert("team".to_owned(), CacheSettings { retention, ..CacheSettings::default() });
    })
    .await;
    let token = token(&server, "team:push").await;
    assert_eq!(note(&server, &token, "team", vec![layer(1, 10)]).await.status, 201);
    server.service.evict().await.unwrap();
    assert_eq!(told(&server, &token, "team").await, NOTHING);
}

#[tokio::test]
async fn what_is_no_message_or_too_much_is_refused() {
    let server = Server::with(settings).await;
    let token = token(&server, "team:push").await;
    let many = |count: usize| (0..count).map(|_| layer(1, 1)).collect::<Vec<_>>();
    let refused = [
        ask(&server, &token, "team", vec![0; 33]).await,
        ask(&server, &token, "team", vec![0; 32 * (MAX_LAYERS + 1)]).await,
        note(&server, &token, "team", many(MAX_LAYERS + 1)).await,
        note(&server, &token, "team", vec![layer(1, 0)]).await,
        note(&server, &token, "team", vec![layer(1, 10), WireLayer { digest: vec![], ..layer(2, 1) }]).await,
        note(&server, &token, "team", vec![WireLayer { compression: 9, ..layer(2, 1) }]).await,
        post(&server, &token, "team/layers", &LayersWanted { keys: vec![0xff; 100] }).await,
        post(&server, &token, "team/layers/known", &LayersWanted { keys: vec![0; 1 << 20] }).await,
    ];
    for (at, answer) in refused.iter().enumerate() {
        assert!([400, 413].contains(&answer.status), "{at}: {answer:?}");
    }
    assert_eq!(told(&server, &token, "team").await, NOTHING, "all or none");
    assert_eq!(note(&server, &token, "team", many(MAX_LAYERS)).await.status, 201);
    assert_eq!(ask(&server, &token, "team", vec![0; 32 * MAX_LAYERS]).await.status, 200);
}
