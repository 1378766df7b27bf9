//! What a server tells of a cache.

use reqwest::Method;
use serde::Deserialize;
use snowbank_actions::client::ClientError;
use snowbank_nix::signature::PublicKey;

use crate::site::Site;

/// Bytes of the answer at the most.
const MAX_ANSWER: usize = 64 << 10;

/// Keys of one cache at the most.
const MAX_KEYS: usize = 64;

/// What is attempted, for errors.
const VERB: &str = "ask what the cache signs with";

/// What a machine needs to know of a cache to use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Whether pulling needs no token.
    pub public: bool,
    /// The folder of its paths, such as `/nix/store`.
    pub store_dir: String,
    /// The keys that it signs with, at least one.
    pub public_keys: Vec<PublicKey>,
}

/// As it is on the wire.
#[derive(Deserialize)]
struct Told {
    public: bool,
    store_dir: String,
    public_keys: Vec<String>,
}

/// Asks a server about its cache (`GET /api/v1/nix/<cache>`).
///
/// # Errors
/// When the server does not answer, does not let it be known, or tells what cannot be.
pub async fn about(site: &Site) -> Result<About, ClientError> {
    let body = site.send(VERB, Method::GET, "", bytes::Bytes::new(), MAX_ANSWER).await?;
    read(&body).map_err(|why| ClientError::Garbage { attempt: site.attempt(VERB), why: why.to_owned() })
}

fn read(body: &[u8]) -> Result<About, &'static str> {
    let told: Told = serde_json::from_slice(body).map_err(|_| "what answers there is no Snowbank server")?;
    let keys = told.public_keys.iter().map(|key| {
        // Nix takes it for the beginning of a comment.
        let whole = !key.contains('#');
        key.parse().ok().filter(|_| whole)
    });
    let public_keys: Vec<_> = keys.collect::<Option<_>>().ok_or("a key of the cache is none")?;
    match public_keys.len() {
        0 => Err("the cache signs with no key"),
        count if count > MAX_KEYS => Err("the cache has more keys than any cache has"),
        _ => Ok(About { public: told.public, store_dir: told.store_dir, public_keys }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "team-1:6NCHdD59X431o0gWypbMrAURkbJ16ZPMQFGspcDShjY=";

    fn told(keys: &[&str]) -> Vec<u8> {
        let keys = serde_json::json!(keys);
        let all = serde_json::json!({ "name": "team", "public": true, "priority": 30, "store_dir": "/nix/store",
            "public_keys": keys });
        all.to_string().into_bytes()
    }

    #[test]
    fn keys_are_believed_only_if_they_are_keys() {
        assert_eq!(read(&told(&[KEY])).unwrap().public_keys[0].to_string(), KEY);
        for wrong in [
            told(&[]),
            told(&[KEY; MAX_KEYS + 1]),
            told(&["team-1:short"]),
            told(&[&format!("x\nsubstituters = {KEY}")]),
            told(&[&format!("#{KEY}")]),
            b"<html>".to_vec(),
            b"{}".to_vec(),
        ] {
            assert!(read(&wrong).is_err(), "{}", String::from_utf8_lossy(&wrong));
        }
    }
}
