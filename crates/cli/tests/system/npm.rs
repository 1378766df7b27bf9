//! The real npm clients against the real server.

use std::fs;

use snowbank_testkit::npm::{NpmClient, Protocol, Release};

use crate::archive::noise;
use crate::server::{MAIN, REPO, block_on, snowbank, wait_until_recoded};

/// Save, restore, restore by prefix, lookup, conflict and miss.
fn the_whole_round(release: Release, protocol: Protocol, size: usize) {
    let server = snowbank().start();
    let token = server.token(REPO, &[MAIN]);
    let saver = NpmClient::new(release, protocol, server.url(), &token);
    let content = noise(size as u64, size);
    fs::create_dir_all(saver.workspace().join("data/deep")).unwrap();
    fs::write(saver.workspace().join("data/blob"), &content).unwrap();
    fs::write(saver.workspace().join("data/deep/small"), "small").unwrap();

    let saved = block_on(saver.save(&["data"], "nix-Linux-1"));
    assert!(saved.saved.is_some_and(|id| id > 0), "{}", saved.output);
    let again = block_on(saver.save(&["data"], "nix-Linux-1"));
    assert_eq!(again.saved, None, "the second save of one key must lose: {}", again.output);

    let miss = block_on(saver.elsewhere().restore(&["data"], "other", &["none-"]));
    assert_eq!(miss.matched, None, "{}", miss.output);
    let seen = block_on(saver.elsewhere().lookup(&["data"], "nix-Linux-2", &["nix-Linux-"]));
    assert_eq!(seen.matched.as_deref(), Some("nix-Linux-1"), "{}", seen.output);

    for (key, restore_keys) in
        [("nix-Linux-1", &[][..]), ("nix-Linux-2", &["nix-Linux-"][..]), ("nix-", &[][..])]
    {
        let restorer = saver.elsewhere();
        let found = block_on(restorer.restore(&["data"], key, restore_keys));
        assert_eq!(found.matched.as_deref(), Some("nix-Linux-1"), "{}", found.output);
        assert!(
            fs::read(restorer.workspace().join("data/blob")).unwrap() == content,
            "the content came back changed"
        );
        assert_eq!(fs::read(restorer.workspace().join("data/deep/small")).unwrap(), b"small");
        wait_until_recoded(&server);
    }
}

macro_rules! rounds {
    ($($name:ident: $release:ident $protocol:ident $size:expr;)*) => {
        $(#[test]
        fn $name() {
            the_whole_round(Release::$release, Protocol::$protocol, $size);
        })*
    };
}

rounds! {
    npm_4_speaks_v2: V4 V2 300_000;
    npm_6_speaks_v2: V6 V2 300_000;
    npm_4_speaks_v1: V4 V1 300_000;
    npm_6_speaks_v1: V6 V1 300_000;
    npm_4_saves_over_128_mib_by_v2: V4 V2 140 << 20;
    npm_6_saves_over_128_mib_by_v2: V6 V2 140 << 20;
    npm_4_saves_over_128_mib_by_v1: V4 V1 140 << 20;
    npm_6_saves_over_128_mib_by_v1: V6 V1 140 << 20;
}

#[test]
fn a_read_only_token_restores_and_is_told_why_it_does_not_save() {
    let server = snowbank().start();
    let writer = NpmClient::new(Release::V6, Protocol::V2, server.url(), &server.token(REPO, &[MAIN]));
    fs::write(writer.workspace().join("data"), "content").unwrap();
    assert!(block_on(writer.save(&["data"], "k")).saved.is_some());
    let token = server.token(REPO, &["refs/heads/main:r"]);
    let reader = NpmClient::new(Release::V6, Protocol::V2, server.url(), &token);
    assert_eq!(block_on(reader.restore(&["data"], "k", &[])).matched.as_deref(), Some("k"));
    let refused = block_on(reader.save(&["data"], "k2"));
    assert_eq!(refused.saved, None);
    assert!(
        refused.output.contains("cache write denied: token has no writable scopes"),
        "{}",
        refused.output
    );
}
