//! A forge as far as a server sees it: it publishes its keys and signs who a job is.

use std::process::Command;

use axum::routing::get;
use axum::{Json, Router};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// A running forge.
pub(crate) struct Forge {
    _runtime: Runtime,
    pub(crate) url: String,
    key: EncodingKey,
}

impl Forge {
    pub(crate) fn start() -> Self {
        let made = Command::new("openssl").args(["genrsa", "2048"]).output().unwrap();
        let key = EncodingKey::from_rsa_pem(&made.stdout).unwrap();
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::RS256).unwrap();
        jwk.common.key_id = Some("1".to_owned());
        let about = json!({ "issuer": url, "jwks_uri": format!("{url}/jwks") });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(move || async move { Json(about) }))
            .route("/jwks", get(move || async move { Json(json!({ "keys": [jwk] })) }));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { _runtime: runtime, url, key }
    }

    /// The identity token of a job with these claims, for an hour.
    pub(crate) fn token(&self, audience: &str, claims: &Value) -> String {
        let now = get_current_timestamp();
        let mut all =
            json!({ "iss": self.url, "aud": audience, "iat": now, "nbf": now - 300, "exp": now + 3600 });
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        encode(&Header { kid: Some("1".to_owned()), ..Header::new(Algorithm::RS256) }, &all, &self.key)
            .unwrap()
    }
}
