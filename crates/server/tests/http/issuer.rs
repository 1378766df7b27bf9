//! An issuer of GitHub's runtime tokens that the test runs itself: it signs, and publishes its keys.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONNECTION;
use axum::response::IntoResponse;
use axum::routing::get;
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};
use snowbank_server::settings::{Github, Settings};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::support::Server;

/// The name of the key that the issuer publishes.
pub(crate) const KID: &str = "key-1";

/// A private key as PEM.
pub(crate) struct Key(String);

/// The issuer's key.
pub(crate) static GENUINE: LazyLock<Key> = LazyLock::new(Key::made);
/// Another key.
pub(crate) static FORGED: LazyLock<Key> = LazyLock::new(Key::made);

impl Key {
    fn made() -> Self {
        let output = Command::new("openssl").args(["genrsa", "2048"]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        Self(String::from_utf8(output.stdout).unwrap())
    }

    pub(crate) fn signing(&self) -> EncodingKey {
        EncodingKey::from_rsa_pem(self.0.as_bytes()).unwrap()
    }

    /// The public half as a key set has it.
    pub(crate) fn published(&self, kid: &str) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.signing(), Algorithm::RS256).unwrap();
        jwk.common.key_id = Some(kid.to_owned());
        jwk
    }

    /// The modulus in base64, as it is published.
    pub(crate) fn modulus(&self) -> String {
        match self.published(KID).algorithm {
            AlgorithmParameters::RSA(rsa) => rsa.n,
            other => panic!("not an RSA key: {other:?}"),
        }
    }

    /// The public half as PEM.
    pub(crate) fn public_pem(&self) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        std::fs::write(&file, &self.0).unwrap();
        let output = Command::new("openssl").args(["rsa", "-pubout", "-in"]).arg(file).output().unwrap();
        assert!(output.stdout.starts_with(b"-----BEGIN PUBLIC KEY-----"), "{output:?}");
        output.stdout
    }
}

/// What the issuer answers when it is asked for its keys.
struct Published {
    status: StatusCode,
    body: String,
    asked: usize,
    /// What it says of itself, where that is not the truth.
    discovery: Option<Value>,
}

type Shared = Arc<Mutex<Published>>;

/// A running issuer.
pub(crate) struct Issuer {
    address: SocketAddr,
    published: Shared,
    task: Option<JoinHandle<()>>,
}

impl Issuer {
    /// An issuer that publishes [`GENUINE`] as [`KID`].
    pub(crate) async fn start() -> Self {
        let published = Published { status: StatusCode::OK, body: String::new(), asked: 0, discovery: None };
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut issuer = Self { address, published: Arc::new(Mutex::new(published)), task: None };
        issuer.publish(&[GENUINE.published(KID)]);
        issuer.come_back().await;
        issuer
    }

    /// Listens, at the address of before if there was one.
    pub(crate) async fn come_back(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let url = self.url();
        let truth = json!({ "issuer": url, "jwks_uri": format!("{url}/.well-known/jwks") });
        let discovery = move |State(published): State<Shared>| async move {
            let told = published.lock().unwrap().discovery.clone();
            ([(CONNECTION, "close")], axum::Json(told.unwrap_or(truth)))
        };
        let router = axum::Router::new()
            .route("/.well-known/jwks", get(keys))
            .route("/.well-known/openid-configuration", get(discovery))
            .with_state(Arc::clone(&self.published));
        self.task = Some(tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }));
    }

    /// Refuses connections from now on.
    pub(crate) async fn go_down(&mut self) {
        let task = self.task.take().unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }

    /// Takes connections from now on and answers none of them.
    pub(crate) async fn go_silent(&mut self) {
        self.go_down().await;
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.task = Some(tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(listener);
        }));
    }

    pub(crate) fn publish(&self, keys: &[Jwk]) {
        self.answer(StatusCode::OK, json!({ "keys": keys }).to_string());
    }

    pub(crate) fn answer(&self, status: StatusCode, body: impl Into<String>) {
        let mut published = self.published.lock().unwrap();
        (published.status, published.body) = (status, body.into());
    }

    /// Says this of itself from now on.
    pub(crate) fn claim(&self, discovery: Value) {
        self.published.lock().unwrap().discovery = Some(discovery);
    }

    /// How often it was asked for its keys.
    pub(crate) fn asked(&self) -> usize {
        self.published.lock().unwrap().asked
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A server that believes this issuer's tokens of these repositories.
    pub(crate) async fn server(&self, allow: &[&str]) -> Server {
        self.server_with(allow, |_| {}).await
    }

    pub(crate) async fn server_with(&self, allow: &[&str], change: impl FnOnce(&mut Settings)) -> Server {
        let allow = allow.iter().map(|&allowed| allowed.to_owned()).collect();
        Server::with(|settings| {
            settings.auth.github = Github { issuer: self.url(), allow };
            change(settings);
        })
        .await
    }

    /// The claims of a good token of `acme/app`, number 17, for its main branch.
    pub(crate) fn claims(&self) -> Value {
        let now = get_current_timestamp();
        json!({
            "iss": self.url(), "iat": now, "nbf": now - 300, "exp": now + 3600,
            "ac": r#"[{"Scope":"refs/heads/main","Permission":3}]"#,
            "repository_id": "17", "repository": "acme/app", "orch_id": "a-job",
        })
    }

    /// The good claims with some replaced, or taken out where the value is null.
    pub(crate) fn claims_with(&self, changes: &[(&str, Value)]) -> Value {
        let mut claims = self.claims();
        for (name, value) in changes {
            match value {
                Value::Null => drop(claims.as_object_mut().unwrap().remove(*name)),
                value => claims[*name] = value.clone(),
            }
        }
        claims
    }

    /// A token with these changes to the good claims.
    pub(crate) fn token(&self, changes: &[(&str, Value)]) -> String {
        sign(&GENUINE.signing(), Algorithm::RS256, KID, &self.claims_with(changes))
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Every connection ends with its answer, so that an issuer that is down has none left.
async fn keys(State(published): State<Shared>) -> impl IntoResponse {
    let mut published = published.lock().unwrap();
    published.asked += 1;
    (published.status, [(CONNECTION, "close")], published.body.clone())
}

/// A signed token.
pub(crate) fn sign(key: &EncodingKey, algorithm: Algorithm, kid: &str, claims: &Value) -> String {
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) };
    encode(&header, claims, key).unwrap()
}
