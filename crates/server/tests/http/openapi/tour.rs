//! A tour of all calls, good and bad, on which each answer is given that the document tells of.

use std::collections::BTreeSet;
use std::time::Duration;

use jsonwebtoken::Algorithm;
use prost::Message;
use serde_json::json;
use snowbank_binary_cache::bulk::{ClosureWanted, Layers, LayersWanted, Offer, Offered, Publish, Rows};
use snowbank_server::service::Rights;
use snowbank_server::settings::{CacheSettings, Oidc, Settings, Span};

use crate::bulk;
use crate::described::{self, API, Operation};
use crate::issuer::{GENUINE, Issuer, KID, sign};
use crate::pulls::piece;
use crate::support::{Answer, Server};

/// How long a body is waited for.
const IDLE: Duration = Duration::from_millis(200);

const PATH: &str = "xv2iccirbrvklck36f1g7vldn5v58vck-hello";

/// A server, and the answers that it has given.
struct Tour {
    server: Server,
    seen: BTreeSet<(&'static str, &'static str, &'static str)>,
}

impl Tour {
    async fn start(issuer: &Issuer) -> Self {
        let rule =
            r#"rules = [{ claims = { repository = "acme/*" }, caches = ["team"], rights = ["pull"] }]"#;
        let text = format!("issuer = '{}'\naudience = 'snow'\n{rule}", issuer.url());
        let oidc: Oidc = text.parse::<toml::Table>().unwrap().try_into().unwrap();
        let server = Server::with(|settings: &mut Settings| {
            settings.caches.insert("team".into(), CacheSettings::default());
            settings.times.body_idle = Span(IDLE);
            settings.oidc = vec![oidc];
        });
        Self { server: server.await, seen: BTreeSet::new() }
    }

    /// Makes a call: `METHOD path`.
    async fn call(&mut self, token: &str, call: &str, body: &[u8], status: u16) -> Answer {
        self.announcing(body.len() as u64, token, call, body, status).await
    }

    /// The same with a body that is said to have this length.
    async fn announcing(&mut self, length: u64, token: &str, call: &str, body: &[u8], status: u16) -> Answer {
        let (method, path) = call.split_once(' ').unwrap();
        let target = format!("{API}{path}");
        let login = if token.is_empty() { "" } else { "Authorization: Bearer {token}" };
        let head = format!("{method} {target} HTTP/1.1\nHost: {{host}}\n{login}\nContent-Length: {length}");
        let answer = self.server.replay_as(token, &head, body).await;
        assert_eq!(answer.status, status, "{call}: {answer:?}");
        if let Some((operation, status)) = described::check(method, &target, body, &answer) {
            self.seen.insert((operation.path, operation.method, status));
        }
        answer
    }

    fn holder(&self, grant: &str) -> String {
        let rights = Rights::Caches(vec![grant.parse().unwrap()]);
        self.server.service.mint(&rights, Duration::from_secs(600)).unwrap()
    }

    async fn of_administrators(&mut self) {
        let (admin, job) = (self.server.admin(), self.server.token());
        self.server.save("k", b"content").await;
        for call in [
            "GET /caches?repo=acme/app&key=k&key_prefix=k&ref=refs/heads/main&limit=3&offset=0",
            "GET /usage",
            "POST /evict",
            "GET /gc",
            "POST /gc",
            "DELETE /caches?key=none",
        ] {
            self.call(&admin, call, b"", 200).await;
            self.call(&job, call, b"", 403).await;
            self.call("", call, b"", 401).await;
        }
        let listed = self.call(&admin, "GET /caches", b"", 200).await.json();
        let one = format!("DELETE /caches/{}", listed["caches"][0]["id"]);
        self.call(&job, &one, b"", 403).await;
        self.call("", &one, b"", 401).await;
        self.call(&admin, &one, b"", 200).await;
        self.call(&admin, &one, b"", 404).await;
        for call in ["GET /caches?offset=x", "DELETE /caches", "DELETE /caches/x"] {
            self.call(&admin, call, b"", 400).await;
        }
        self.call("", "GET /openapi.json", b"", 200).await;
    }

    async fn of_events(&mut self) {
        let (admin, job, team) = (self.server.admin(), self.server.token(), self.holder("team:pull"));
        self.server.save("l", b"content").await;
        self.server.lookup("l").await;
        self.server.lookup("other").await;
        self.server.service.evict().await.unwrap();
        let push = json!({
            "destination": "ghcr.io/acme/app", "tag": "1", "digest": "sha256:00", "layers_reused": 3,
            "layers_sent": 1, "bytes_sent": 10, "bytes_total": 100, "duration_ms": 1500,
        });
        let tell = "POST /image-pushes";
        self.call(&job, tell, push.to_string().as_bytes(), 201).await;
        self.call(&team, tell, push.to_string().as_bytes(), 403).await;
        self.call("", tell, push.to_string().as_bytes(), 401).await;
        self.call(&job, tell, b"{}", 400).await;
        self.without_end(&job, tell, true).await;
        for call in [
            "GET /lookups?outcome=miss&limit=2&before=99&key=o",
            "GET /removals?limit=2&before=99&key=k",
            "GET /unfinished?limit=2&before=99&key=k",
            "GET /saves?limit=2&before=99&key=l&parts=true",
            "GET /image-pushes?limit=2&before=99",
            "GET /usage/days?limit=2&days=3",
            "GET /samples?limit=2",
        ] {
            self.call(&job, &format!("{call}&repository=acme/app"), b"", 200).await;
            let bare = call.split_once('?').unwrap().0;
            let told = self.call(&admin, bare, b"", 200).await.json();
            let rows = told.as_object().unwrap().values().find_map(|rows| rows.as_array()).unwrap();
            assert!(bare == "GET /unfinished" || !rows.is_empty(), "{bare} has told of nothing");
            self.call(&job, &format!("{bare}?repository=acme/other"), b"", 404).await;
            self.call(&team, bare, b"", 403).await;
            self.call("", bare, b"", 401).await;
            self.call(&job, &format!("{bare}?limit=x"), b"", 400).await;
        }
    }

    async fn of_tokens(&mut self, issuer: &Issuer) {
        let job = self.server.token();
        self.call(&job, "GET /rights?cache=team", b"", 200).await;
        self.call("", "GET /rights?cache=team", b"", 200).await;
        self.call(&job, "GET /rights", b"", 400).await;
        self.call("x", "GET /rights?cache=team", b"", 401).await;
        let identity = |repository: &str| {
            let claims = [("aud", "snow"), ("sub", "s"), ("repository", repository), ("event_name", "push")];
            let claims = claims.map(|(name, text)| (name, json!(text)));
            sign(&GENUINE.signing(), Algorithm::RS256, KID, &issuer.claims_with(&claims))
        };
        let body = |repository| json!({ "token": identity(repository) }).to_string().into_bytes();
        let exchange = "POST /oidc/token";
        self.call("", exchange, &body("acme/app"), 200).await;
        self.call("", exchange, &body("other/app"), 403).await;
        self.call("", exchange, b"", 401).await;
        self.call("", exchange, b"nonsense", 400).await;
        self.announcing(9, "", exchange, b"", 408).await;
    }

    async fn of_binary_caches(&mut self) {
        let [pull, push, pin] = ["team:pull", "team:push", "team:pull,pin"].map(|grant| self.holder(grant));
        let nar = bulk::nar(b"hello");
        let hash = bulk::hash(&nar);
        let offered = Offered { paths: vec![Offer { path: PATH.into(), nar_hash: hash.bytes().to_vec() }] };
        let (bytes, pack) = bulk::pack(&nar);
        let made = bulk::made(bulk::of_pack(pack), hash, 3);
        let told = Publish { paths: vec![bulk::info(PATH, &nar, &[])] };
        let unknown = bulk::made(bulk::of_pack(bulk::pack(&[]).1), hash, 3);
        let closure = ClosureWanted { roots: vec![PATH[..32].into()], have: Vec::new() };
        let (rows, past) = (piece(&nar.concat(), 0, 9), piece(&nar.concat(), 0, 1 << 20));
        let [rows, past] = [rows, past].map(|piece| Rows { pieces: vec![piece] }.encode_to_vec());
        let pinned = json!({ "path": PATH, "expires_in": 60 }).to_string().into_bytes();

        for (token, call, body, status) in [
            (&push, "POST /nix/{}/missing", offered.encode_to_vec(), 200),
            (&push, &*format!("PUT /nix/{{}}/packs/{pack}"), bytes, 201),
            (&push, "POST /nix/{}/paths", told.encode_to_vec(), 412),
            (&push, "POST /nix/{}/nars", unknown.encode_to_vec(), 412),
            (&push, "POST /nix/{}/nars", made.encode_to_vec(), 201),
            (&push, "POST /nix/{}/paths", told.encode_to_vec(), 201),
            (&push, "POST /nix/{}/layers", Layers::default().encode_to_vec(), 201),
            (&pull, "POST /nix/{}/layers/known", LayersWanted::default().encode_to_vec(), 200),
            (&pull, "POST /nix/{}/closure", closure.encode_to_vec(), 200),
            (&pull, "POST /nix/{}/rows", past, 412),
            (&pull, "POST /nix/{}/rows", rows, 200),
            (&pull, "GET /nix/{}", Vec::new(), 200),
            (&pin, "PUT /nix/{}/pins/n", pinned, 204),
            (&pull, "GET /nix/{}/pins", Vec::new(), 200),
            (&pin, "DELETE /nix/{}/pins/n", Vec::new(), 204),
        ] {
            let of = |cache| call.replace("{}", cache);
            self.call(token, &of("team"), &body, status).await;
            self.call(token, &of("none"), &body, 404).await;
            self.call("", &of("team"), &body, 401).await;
            self.call(token, &of("%ff"), &body, 400).await;
            if token != &pull {
                self.call(&pull, &of("team"), &body, 403).await;
            }
            if !body.is_empty() || call.contains("layers") {
                self.without_end(token, &of("team"), !call.contains("packs")).await;
                self.call(token, &of("team"), b"\xff\xff", 400).await;
            }
        }
    }

    /// A body that does not come, and one that is too long, where there is a bound.
    async fn without_end(&mut self, token: &str, call: &str, bounded: bool) {
        self.announcing(9, token, call, b"", 408).await;
        if bounded {
            self.announcing(1 << 40, token, call, b"", 413).await;
        }
    }
}

#[tokio::test]
async fn every_answer_that_it_tells_of_is_given() {
    let issuer = Issuer::start().await;
    let mut tour = Tour::start(&issuer).await;
    tour.of_administrators().await;
    tour.of_events().await;
    tour.of_tokens(&issuer).await;
    tour.of_binary_caches().await;
    let told = Operation::all()
        .flat_map(|call| call.answers().map(move |(status, _)| (call.path, call.method, status)));
    // Faults of the server are no part of a tour.
    let told: BTreeSet<_> = told.filter(|(.., status)| !status.starts_with('5')).collect();
    let unseen: Vec<_> = told.difference(&tour.seen).collect();
    assert!(unseen.is_empty(), "{unseen:#?}");
}
