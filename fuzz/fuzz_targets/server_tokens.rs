//! Of all tokens only the one that was minted proves anything.
#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use snowbank_actions::scope::Scopes;
use snowbank_catalog::SqliteCatalog;
use snowbank_server::service::{Authenticator, Origin, OwnTokens, Rights};
use snowbank_server::settings::{Auth, Github};
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static AUTHENTICATOR: LazyLock<Authenticator> = LazyLock::new(|| {
    // Nobody answers there, and the tokens of an issuer whose keys are unknown prove nothing.
    let github = Github { issuer: "http://127.0.0.1:9".to_owned(), allow: vec!["acme/*".to_owned()] };
    let catalog = RUNTIME.block_on(SqliteCatalog::in_memory()).expect("a catalog");
    let settings = Auth { github, ..Auth::default() };
    Authenticator::new(OwnTokens::new(&[7; 32]), &settings, Arc::new(catalog))
});
static MINTED: LazyLock<String> = LazyLock::new(|| {
    let scopes = Scopes::read_write("refs/heads/main");
    let rights = Rights::Job { repository: "acme/app".to_owned(), scopes };
    AUTHENTICATOR.own().mint(&rights, Duration::from_secs(100_000)).expect("a token")
});

fn check(token: &str) {
    let origin = Origin { peer: IpAddr::V4(Ipv4Addr::LOCALHOST), host: Some("localhost"), run: None };
    let proven = RUNTIME.block_on(AUTHENTICATOR.identify(Some(token), origin)).is_ok();
    assert_eq!(proven, token == MINTED.as_str(), "{token}");
}

/// URL-safe base64 without padding, as tokens have it.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..=three.len() {
            text.push(char::from(LETTERS[(bits >> (18 - 6 * place)) as usize & 63]));
        }
    }
    text
}

fuzz_target!(|input: (&str, &str, &[u8], u16, u8)| {
    let (header, claims, signature, at, flip) = input;
    check(claims);
    let parts: Vec<&str> = MINTED.split('.').collect();
    check(&format!("{}.{}.{}", base64(header.as_bytes()), base64(claims.as_bytes()), base64(signature)));
    check(&format!("{}.{}.{}", parts[0], base64(claims.as_bytes()), parts[2]));
    check(&format!("{}.{}.{}", base64(header.as_bytes()), parts[1], parts[2]));
    check(&format!("{}.{}.{}", base64(header.as_bytes()), parts[1], base64(signature)));
    let mut changed = MINTED.clone().into_bytes();
    let at = usize::from(at) % changed.len();
    changed[at] ^= flip;
    if let Ok(changed) = String::from_utf8(changed) {
        check(&changed);
    }
});
