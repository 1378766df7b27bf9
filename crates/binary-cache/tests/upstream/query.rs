//! Caches are asked for paths of which nothing is known here.

use snowbank_binary_cache::upstream::{Upstream, UpstreamError};
use snowbank_nix::{content_address::Method, signature::SecretKey, store_path::StorePath};
use snowbank_testkit::nginx::Nginx;

use crate::{
    peer::{Made, folder_url},
    server::{Server, ok, status},
    support::{Sample, fetch_found, impatient, said, upstreams},
};

/// A path that no cache has.
fn missing() -> StorePath {
    format!("{}-missing", "c".repeat(32)).parse().unwrap()
}

#[tokio::test]
async fn a_path_is_found_by_its_hash_part_and_fetched() {
    let made = Made::new();
    let folder = made.copy("xz");
    let nginx = Nginx::serve(folder.path());
    for url in [folder_url(&folder), nginx.url().to_owned()] {
        let upstreams = upstreams(vec![made.upstream(&url)]);
        for info in &made.infos {
            let found = upstreams.query(info.path.hash_part()).await.unwrap().unwrap();
            let told = &found.narinfo.info;
            assert_eq!(
                (&told.path, told.nar_hash, told.nar_size, &told.references),
                (&info.path, info.nar_hash, info.nar_size, &info.references)
            );
            assert!(url.ends_with(&found.from), "{url} {}", found.from);
            let (result, got) = fetch_found(&upstreams, found).await;
            result.unwrap();
            assert_eq!(got, made.nar(info));
        }
    }
}

#[tokio::test]
async fn the_first_cache_that_has_a_path_is_the_one() {
    let sample = Sample::of(100);
    let lacking = Server::start(|asked, _| match asked.target.as_str() {
        "/nix-cache-info" => ok(b""),
        _ => status("404 Not Found"),
    })
    .await;
    let (good, last) =
        (Server::start(sample.script(|_, _| None)).await, Server::start(sample.script(|_, _| None)).await);
    let all = upstreams([&lacking, &good, &last].map(|server| sample.upstream(&server.url)).into());
    let found = all.query(sample.info.path.hash_part()).await.unwrap().unwrap();
    assert_eq!(found.upstream().url, good.url);
    let (result, got) = fetch_found(&all, found).await;
    result.unwrap();
    assert_eq!((got, last.asked().len()), (sample.nar, 0));
}

#[tokio::test]
async fn what_no_cache_has_is_not_found() {
    let sample = Sample::of(100);
    let server = Server::start(sample.script(|_, _| None)).await;
    let upstreams = upstreams(vec![sample.upstream(&server.url)]);
    assert!(upstreams.query(missing().hash_part()).await.unwrap().is_none());
}

#[tokio::test]
async fn nobody_is_asked_for_what_is_no_hash_part() {
    let sample = Sample::of(100);
    let server = Server::start(sample.script(|_, _| None)).await;
    let upstreams = upstreams(vec![sample.upstream(&server.url)]);
    for text in ["", "../../secret", &"e".repeat(32), &"b".repeat(31), &"b".repeat(33), &"/".repeat(32)] {
        assert!(upstreams.query(text).await.unwrap().is_none(), "{text}");
    }
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn another_path_than_the_one_asked_for_is_refused() {
    let sample = Sample::of(100);
    let text = sample.text();
    let script =
        sample.script(move |asked, _| asked.target.ends_with(".narinfo").then(|| ok(text.as_bytes())));
    let server = Server::start(script).await;
    let error = upstreams(vec![sample.upstream(&server.url)]).query(missing().hash_part()).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Other { .. }), "{error:?}");
}

#[tokio::test]
async fn what_another_key_signed_is_refused() {
    let made = Made::new();
    let folder = made.copy("xz");
    let other = SecretKey::generate(made.key.name()).unwrap();
    let upstream = Upstream { keys: vec![other.public()], ..made.upstream(&folder_url(&folder)) };
    let top = made.infos.iter().find(|info| !info.references.is_empty()).unwrap();
    let error = upstreams(vec![upstream]).query(top.path.hash_part()).await.unwrap_err();
    assert!(matches!(error, UpstreamError::Unsigned { .. }), "{error:?}");
}

#[tokio::test]
async fn an_unsigned_path_is_found_only_if_its_nar_proves_it() {
    let made = Made::new();
    let folder = made.copy_with("compression=none");
    let upstreams = upstreams(vec![made.upstream(&folder_url(&folder))]);
    for info in &made.infos {
        let method = info.ca.unwrap().method();
        match upstreams.query(info.path.hash_part()).await {
            Ok(Some(found)) => {
                assert_eq!(method, Method::Nar);
                let (result, got) = fetch_found(&upstreams, found).await;
                result.unwrap();
                assert_eq!(got, made.nar(info));
            }
            Err(UpstreamError::Unsigned { path, .. }) => {
                assert_eq!((method, &path), (Method::Text, &info.path));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_cache_that_cannot_say_is_told_of_unless_another_has_the_path() {
    let sample = Sample::of(100);
    let broken = Server::start(|_, _| status("500 Internal Server Error")).await;
    let good = Server::start(sample.script(|_, _| None)).await;
    let both = upstreams(vec![sample.upstream(&broken.url), sample.upstream(&good.url)]);
    assert!(both.query(sample.info.path.hash_part()).await.unwrap().is_some());
    let error = both.query(missing().hash_part()).await.unwrap_err();
    assert!(error.is_outage(), "{}", said(&error));
}

#[tokio::test]
async fn many_paths_are_asked_for_at_once_and_answered_in_order() {
    let made = Made::new();
    let folder = made.copy("none");
    let nginx = Nginx::serve(folder.path());
    let upstreams = upstreams(vec![made.upstream(nginx.url())]);
    let mut asked = Vec::new();
    for number in 0..100 {
        asked.push(made.infos[number % made.infos.len()].path.clone());
        asked.push(missing());
    }
    // The same hash part under another name is another path.
    asked.push(format!("{}-renamed", made.infos[0].path.hash_part()).parse().unwrap());
    let presence = upstreams.present(&asked).await;
    let expected: Vec<_> = (0..=200).map(|at| at % 2 == 0 && at < 200).collect();
    assert_eq!((presence.present, presence.failed), (expected, 0));
}

#[tokio::test]
async fn paths_of_which_nobody_can_say_are_absent_and_told_of() {
    let sample = Sample::of(100);
    let script =
        sample.script(|asked, _| asked.target.contains("ccc").then(|| status("500 Internal Server Error")));
    let server = Server::start(script).await;
    let upstreams = impatient(vec![sample.upstream(&server.url)]);
    let presence = upstreams.present(&[missing(), sample.info.path.clone()]).await;
    assert_eq!((presence.present, presence.failed), (vec![false, true], 1));
    assert!(presence.error.is_some_and(|error| error.is_outage()));
}
