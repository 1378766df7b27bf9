//! The npm clients really run, against the least of servers: what they report is what happened.

use std::path::Path;

use snowbank_testkit::{
    flatfile::FlatFile,
    noise::noise,
    npm::{NpmClient, Protocol, Release},
};

#[tokio::test]
async fn both_releases_save_look_up_and_restore() {
    let scratch = tempfile::tempdir().unwrap();
    let server = FlatFile::start(Path::new(env!("CARGO_BIN_EXE_flatfile")), scratch.path());
    for release in Release::ALL {
        let key = format!("key-{release:?}-1");
        let saver = NpmClient::new(release, Protocol::V2, server.url(), "token");
        saver.write("data/file", b"content");
        let saved = saver.save(&["data"], &key).await;
        assert!(saved.saved.is_some() && saved.warnings().is_empty(), "{}", saved.output);

        let again = saver.save(&["data"], &key).await;
        assert_eq!(again.saved, None, "{}", again.output);

        let other = saver.elsewhere();
        let prefix = format!("key-{release:?}-");
        assert_eq!(other.lookup(&["data"], "none", &[&prefix]).await.matched.as_deref(), Some(key.as_str()));
        assert_eq!(other.read("data/file"), None);
        assert_eq!(other.restore(&["data"], "none", &[&prefix]).await.matched.as_deref(), Some(key.as_str()));
        assert_eq!(other.read("data/file").as_deref(), Some(b"content".as_slice()));
        assert_eq!(other.restore(&["data"], "none", &[]).await.matched, None);
        assert!(other.save(&["absent"], "k").await.error.is_some());
    }
}

#[tokio::test]
async fn an_archive_of_several_blocks_comes_back() {
    let scratch = tempfile::tempdir().unwrap();
    let server = FlatFile::start(Path::new(env!("CARGO_BIN_EXE_flatfile")), scratch.path());
    let client = NpmClient::new(Release::V6, Protocol::V2, server.url(), "token");
    let content = noise(150 << 20, 1);
    client.write("data/large", &content);
    let saved = client.save(&["data"], "large").await;
    assert!(saved.saved.is_some(), "{}", saved.output);
    assert!((150 << 20..151 << 20).contains(&saved.sent), "{saved:?}");
    let other = client.elsewhere();
    let restored = other.restore(&["data"], "large", &[]).await;
    assert_eq!(restored.matched.as_deref(), Some("large"));
    assert!((150 << 20..151 << 20).contains(&restored.received), "{restored:?}");
    assert!(other.read("data/large").is_some_and(|back| back == content));
}
