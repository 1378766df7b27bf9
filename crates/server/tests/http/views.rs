//! Views of binary caches: what a pull request pushes, it alone sees; with identity tokens of an issuer that the test runs.

use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use snowbank_binary_cache::bulk::Publish;
use snowbank_nix::hash::NarHash;
use snowbank_server::settings::{CacheSettings, Oidc, Settings};

use crate::bulk;
use crate::issuer::{GENUINE, Issuer, KID, sign};
use crate::pulls::{closure, messages, piece, rows};
use crate::support::{Answer, Server};

/// Jobs of the owner may push; that pull requests do so to views of their own needs no rule.
const RULES: &str = r#"
    [[rules]]
    claims = { repository = "acme/*" }
    caches = ["open"]
    rights = ["push"]
"#;

const PART: &str = "xv2iccirbrvklck36f1g7vldn5v58vck";

pub(crate) async fn server(issuer: &Issuer) -> Server {
    let text = format!("issuer = '{}'\naudience = 'snow'\n{RULES}", issuer.url());
    let oidc: Oidc = text.parse::<toml::Table>().unwrap().try_into().unwrap();
    Server::with(|settings: &mut Settings| {
        settings.oidc = vec![oidc];
        settings.caches.insert("open".into(), CacheSettings { public: true, ..CacheSettings::default() });
    })
    .await
}

/// A token of ours for a job of this ref.
pub(crate) async fn job(server: &Server, issuer: &Issuer, name: &str, event: &str) -> String {
    let claims = [
        ("aud", json!("snow")),
        ("sub", json!(format!("repo:acme/app:{name}"))),
        ("repository", json!("acme/app")),
        ("ref", json!(name)),
        ("event_name", json!(event)),
    ];
    let identity = sign(&GENUINE.signing(), Algorithm::RS256, KID, &issuer.claims_with(&claims));
    let body = json!({ "token": identity }).to_string();
    let answer = server.bare("POST", "/api/v1/oidc/token", &[], body.as_bytes()).await;
    let answer: Value = answer.json();
    answer["token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

/// A request to the cache; without a token where that is empty.
async fn ask(server: &Server, token: &str, method: &str, file: &str, body: &[u8]) -> Answer {
    let login = format!("Bearer {token}");
    let headers: &[(&str, &str)] = if token.is_empty() { &[] } else { &[("Authorization", &login)] };
    server.bare(method, &format!("/nix/open/{file}"), headers, body).await
}

/// The NAR of a file.
pub(crate) fn nar(content: &[u8]) -> Vec<u8> {
    let mut nar = Vec::new();
    for text in [b"nix-archive-1".as_slice(), b"(", b"type", b"regular", b"contents", content, b")"] {
        nar.extend_from_slice(&(text.len() as u64).to_le_bytes());
        nar.extend_from_slice(text);
        nar.resize(nar.len().next_multiple_of(8), 0);
    }
    nar
}

pub(crate) fn digits(nar: &[u8]) -> String {
    NarHash::of(nar).to_string().replace("sha256:", "")
}

async fn push(server: &Server, token: &str, nar: &[u8]) -> u16 {
    let (digits, hash) = (digits(nar), NarHash::of(nar));
    let put = ask(server, token, "PUT", &format!("nar/{digits}.nar"), nar).await;
    assert_eq!(put.status, 201, "{put:?}");
    let info = format!(
        "StorePath: /nix/store/{PART}-x\nURL: nar/{digits}.nar\nCompression: none\nNarHash: {hash}\nNarSize: {}\nReferences: \n",
        nar.len()
    );
    ask(server, token, "PUT", &format!("{PART}.narinfo"), info.as_bytes()).await.status
}

/// Which of the NARs a token is told of, and whether the cache signs it.
async fn told(server: &Server, token: &str, nars: &[&[u8]]) -> Option<(usize, bool)> {
    let answer = ask(server, token, "GET", &format!("{PART}.narinfo"), b"").await;
    if answer.status == 404 {
        return None;
    }
    let text = answer.text();
    let at = nars.iter().position(|nar| text.contains(&NarHash::of(nar).to_string()));
    Some((at.unwrap(), text.contains("\nSig: open-1:")))
}

#[tokio::test]
async fn what_a_pull_request_pushes_it_alone_sees_and_the_cache_does_not_sign() {
    let issuer = Issuer::start().await;
    let server = server(&issuer).await;
    let seven = job(&server, &issuer, "refs/pull/7/merge", "pull_request").await;
    let eight = job(&server, &issuer, "refs/pull/8/merge", "pull_request").await;
    let main = job(&server, &issuer, "refs/heads/main", "push").await;
    let (evil, good) = (nar(b"of the pull request"), nar(b"of main"));
    let nars: &[&[u8]] = &[&evil, &good];
    assert_eq!(push(&server, &seven, &evil).await, 201);
    assert_eq!(told(&server, &seven, nars).await, Some((0, false)));
    for other in [eight.as_str(), &main, ""] {
        assert_eq!(told(&server, other, nars).await, None);
        for file in [
            format!("nar/{}.nar.zst", digits(&evil)),
            format!("nar/{}.nar", digits(&evil)),
            format!("{PART}.ls"),
        ] {
            assert_eq!(ask(&server, other, "GET", &file, b"").await.status, 404, "{file}");
            assert_eq!(ask(&server, other, "HEAD", &file, b"").await.status, 404, "{file}");
        }
    }
    let piece = || vec![piece(&evil, 0, 1)];
    let planned = messages(&closure(&server, &seven, "open", vec![PART.to_owned()], &[]).await);
    assert_eq!(planned[0].info.as_ref().unwrap().signatures, [""; 0]);
    assert_eq!(rows(&server, &seven, "open", piece()).await.status, 200);
    for other in [eight.as_str(), &main, ""] {
        let planned = messages(&closure(&server, other, "open", vec![PART.to_owned()], &[]).await);
        assert_eq!((planned.len(), &*planned[0].absent), (1, &[PART.to_owned()][..]));
        assert_eq!(rows(&server, other, "open", piece()).await.status, 404);
    }
    // Main builds the same path, and what it pushes is what everybody else gets.
    assert_eq!(push(&server, &main, &good).await, 201);
    for other in [eight.as_str(), &main, ""] {
        assert_eq!(told(&server, other, nars).await, Some((1, true)));
    }
    assert_eq!(told(&server, &seven, nars).await, Some((0, false)), "its own comes first");
}

#[tokio::test]
async fn what_main_pushed_a_pull_request_reads_and_cannot_replace() {
    let issuer = Issuer::start().await;
    let server = server(&issuer).await;
    let main = job(&server, &issuer, "refs/heads/main", "push").await;
    let seven = job(&server, &issuer, "refs/pull/7/merge", "pull_request").await;
    let (good, evil) = (nar(b"of main"), nar(b"of the pull request"));
    let nars: &[&[u8]] = &[&evil, &good];
    assert_eq!(push(&server, &main, &good).await, 201);
    assert_eq!(told(&server, &seven, nars).await, Some((1, true)));
    assert_eq!(push(&server, &seven, &evil).await, 201);
    assert_eq!(told(&server, "", nars).await, Some((1, true)));
    // A path that is there keeps its content, whoever pushes it again.
    assert_eq!(push(&server, &main, &evil).await, 201);
    assert_eq!(told(&server, "", nars).await, Some((1, true)));
}

#[tokio::test]
async fn a_fork_has_no_identity_and_pulls_what_is_public() {
    let issuer = Issuer::start().await;
    let server = server(&issuer).await;
    let main = job(&server, &issuer, "refs/heads/main", "push").await;
    let good = nar(b"of main");
    assert_eq!(push(&server, &main, &good).await, 201);
    assert_eq!(told(&server, "", &[&good]).await, Some((0, true)));
    let put = ask(&server, "", "PUT", &format!("nar/{}.nar", digits(&good)), &good).await;
    assert_eq!(put.status, 401);
    assert_eq!(put.header("www-authenticate"), Some("Basic realm=\"snowbank\", Bearer"));
}

#[tokio::test]
async fn what_a_pull_request_pushes_at_once_it_alone_sees_and_may_name() {
    let issuer = Issuer::start().await;
    let server = server(&issuer).await;
    let seven = job(&server, &issuer, "refs/pull/7/merge", "pull_request").await;
    let eight = job(&server, &issuer, "refs/pull/8/merge", "pull_request").await;
    let main = job(&server, &issuer, "refs/heads/main", "push").await;
    let content = bulk::nar(b"of the pull request");
    let pack = bulk::put(&server, &seven, "open", &content).await;
    let nars = bulk::made(bulk::of_pack(pack), bulk::hash(&content), 3);
    for other in [&eight, &main] {
        assert_eq!(bulk::post(&server, other, "open/nars", &nars).await.status, 412, "it is not theirs");
    }
    assert_eq!(bulk::post(&server, &seven, "open/nars", &nars).await.status, 201);
    let publish = Publish { paths: vec![bulk::info(&format!("{PART}-x"), &content, &[])] };
    assert_eq!(bulk::post(&server, &main, "open/paths", &publish).await.status, 412, "nor is the NAR");
    assert_eq!(bulk::post(&server, &seven, "open/paths", &publish).await.status, 201);
    let whole = content.concat();
    let nars: &[&[u8]] = &[&whole];
    assert_eq!(told(&server, &seven, nars).await, Some((0, false)));
    for other in [eight.as_str(), &main, ""] {
        assert_eq!(told(&server, other, nars).await, None);
    }
}
