//! What is not what was signed is found out.

use std::io::Read as _;

use snowbank_binary_cache::upstream::{ContentProblem, NarInfoProblem, UpstreamError};
use snowbank_nix::{
    hash::NarHash,
    nar_info::{Compression, NarInfo},
    signature::SecretKey,
    store_path::StoreDir,
};

use crate::{
    server::{Act, Server, answer, ok, status},
    support::{Sample, said},
};

/// A cache that tells something else of the sample.
async fn telling(sample: &Sample, change: impl FnOnce(&mut NarInfo)) -> Server {
    let mut told = sample.narinfo();
    change(&mut told);
    saying(sample, &told.to_text(&StoreDir::default())).await
}

async fn saying(sample: &Sample, text: &str) -> Server {
    let (target, text) = (sample.narinfo_target(), text.to_owned());
    let script = sample.script(move |asked, _| (asked.target == target).then(|| ok(text.as_bytes())));
    Server::start(script).await
}

/// A cache that sends something else as the sample's NAR.
async fn sending(sample: &Sample, compression: Compression, nar: Vec<u8>) -> Server {
    let told = NarInfo { compression, ..sample.narinfo() }.to_text(&StoreDir::default());
    let target = sample.narinfo_target();
    let script = sample.script(move |asked, _| match asked.target.as_str() {
        "/nar/sample.nar" => Some(ok(&nar)),
        narinfo if narinfo == target => Some(ok(told.as_bytes())),
        _ => None,
    });
    Server::start(script).await
}

#[tokio::test]
async fn what_was_signed_comes() {
    let sample = Sample::of(300_000);
    let server = Server::start(sample.script(|_, _| None)).await;
    let (result, got) = sample.fetch(&[&server.url]).await;
    let fetched = result.unwrap();
    assert_eq!((got, fetched.received), (sample.nar, 300_000));
    assert_eq!(Some(fetched.from), server.url.port().map(|port| format!("127.0.0.1:{port}")));
}

#[tokio::test]
async fn other_content_is_told_from_bad_content() {
    let sample = Sample::of(100);
    let reference = format!("{}-other", "c".repeat(32)).parse().unwrap();
    let changes: [&dyn Fn(&mut NarInfo); 4] = [
        &|told| told.info.nar_hash = NarHash::of(b"other"),
        &|told| told.info.nar_size = 101,
        &|told| told.info.references.extend([Clone::clone(&reference)]),
        &|told| told.info.path = format!("{}-other", "b".repeat(32)).parse().unwrap(),
    ];
    for change in changes {
        let server = telling(&sample, |told| {
            change(told);
            told.info.sign(&StoreDir::default(), &sample.key);
        })
        .await;
        let (result, got) = sample.fetch(&[&server.url]).await;
        let error = result.unwrap_err();
        assert!(matches!(error, UpstreamError::Differs { .. }), "{error:?}");
        assert!(got.is_empty() && !error.is_outage());
    }
}

#[tokio::test]
async fn what_no_key_of_the_cache_signed_is_not_taken() {
    let sample = Sample::of(100);
    let forger = SecretKey::generate(sample.key.name()).unwrap();
    for signer in [None, Some(forger)] {
        let server = telling(&sample, |told| {
            told.info.signatures.clear();
            if let Some(signer) = &signer {
                told.info.sign(&StoreDir::default(), signer);
            }
        })
        .await;
        let (result, got) = sample.fetch(&[&server.url]).await;
        assert!(matches!(result, Err(UpstreamError::Unsigned { .. })), "{result:?}");
        assert!(got.is_empty());
        assert_eq!(server.count("/nar/sample.nar"), 0);
    }
}

#[tokio::test]
async fn a_nar_that_lies_is_found_out() {
    let sample = Sample::of(1000);
    let mut changed = sample.nar.clone();
    changed[500] ^= 1;
    for (nar, wanted) in [
        (changed, "its hash is"),
        (sample.nar[..999].to_vec(), "it has 999 of its 1000 bytes"),
        ([sample.nar.as_slice(), b"x"].concat(), "it has more than its 1000 bytes"),
        (Vec::new(), "it has 0 of its 1000 bytes"),
    ] {
        let server = sending(&sample, Compression::None, nar).await;
        let error = sample.fetch(&[&server.url]).await.0.unwrap_err();
        assert!(matches!(error, UpstreamError::Content { .. }) && !error.is_outage(), "{error:?}");
        assert!(said(&error).contains(wanted), "{}", said(&error));
    }
}

#[tokio::test]
async fn a_bomb_goes_off_at_the_size_that_was_signed() {
    let sample = Sample::of(1000);
    let bomb = zstd::encode_all(std::io::repeat(0).take(64 << 20), 1).unwrap();
    let server = sending(&sample, Compression::Zstd, bomb).await;
    let (result, got) = sample.fetch(&[&server.url]).await;
    let error = result.unwrap_err();
    assert!(
        matches!(error, UpstreamError::Content { source: ContentProblem::TooLong(1000), .. }),
        "{error:?}"
    );
    assert!(got.is_empty());
}

#[tokio::test]
async fn a_stream_that_never_says_anything_is_not_read_for_ever() {
    let sample = Sample::of(1000);
    // Skippable frames decompress to nothing.
    let empty = [&[0x50, 0x2a, 0x4d, 0x18, 0xf8, 0xff, 0, 0], vec![0; 0xfff8].as_slice()].concat();
    let server = sending(&sample, Compression::Zstd, empty.repeat(100)).await;
    let error = sample.fetch(&[&server.url]).await.0.unwrap_err();
    assert!(matches!(error, UpstreamError::Content { .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_in_another_compression_is_bad_content() {
    let sample = Sample::of(1000);
    for compression in [Compression::Xz, Compression::Bzip2, Compression::Gzip, Compression::Lrzip] {
        let server = sending(&sample, compression, sample.nar.clone()).await;
        let (result, got) = sample.fetch(&[&server.url]).await;
        assert!(matches!(result, Err(UpstreamError::Content { .. })), "{compression:?} {result:?}");
        assert!(got.is_empty());
    }
}

#[tokio::test]
async fn nonsense_instead_of_a_narinfo_is_told_as_such() {
    let sample = Sample::of(100);
    for text in ["", "<html>", "StorePath: /nix/store/x\n"] {
        let server = saying(&sample, text).await;
        let error = sample.fetch(&[&server.url]).await.0.unwrap_err();
        assert!(matches!(error, UpstreamError::NarInfo { .. }) && !error.is_outage(), "{text} {error:?}");
    }
    let server = telling(&sample, |told| told.url = "file:///etc/passwd".to_owned()).await;
    let error = sample.fetch(&[&server.url]).await.0.unwrap_err();
    assert!(matches!(error, UpstreamError::NarInfo { source: NarInfoProblem::Url, .. }), "{error:?}");
}

#[tokio::test]
async fn a_narinfo_without_end_is_not_read_to_it() {
    let sample = Sample::of(100);
    let server = saying(&sample, &"x".repeat((1 << 20) + 1)).await;
    let error = sample.fetch(&[&server.url]).await.0.unwrap_err();
    assert!(said(&error).contains("more than 1048576 bytes"), "{}", said(&error));
    assert_eq!(server.count(&sample.narinfo_target()), 1);
}

#[tokio::test]
async fn the_cache_of_another_store_is_not_used() {
    let sample = Sample::of(100);
    let script =
        sample.script(|asked, _| (asked.target == "/nix-cache-info").then(|| ok(b"StoreDir: /gnu/store\n")));
    let other = Server::start(script).await;
    let error = sample.fetch(&[&other.url]).await.0.unwrap_err();
    assert!(matches!(error, UpstreamError::OtherStore { .. }), "{error:?}");
    assert_eq!(other.count(&sample.narinfo_target()), 0);

    let none = Server::start(|_, _| status("404 Not Found")).await;
    let error = sample.fetch(&[&none.url]).await.0.unwrap_err();
    assert!(matches!(error, UpstreamError::NoCache { .. }), "{error:?}");

    let good = Server::start(sample.script(|_, _| None)).await;
    let (result, got) = sample.fetch(&[&other.url, &none.url, &good.url]).await;
    result.unwrap();
    assert_eq!(got, sample.nar);
}

#[tokio::test]
async fn what_one_cache_has_badly_another_may_have_well() {
    let sample = Sample::of(1000);
    let good = Server::start(sample.script(|_, _| None)).await;
    let absent = Server::start(
        sample.script(|asked, _| asked.target.ends_with("narinfo").then(|| status("404 Not Found"))),
    )
    .await;
    let gone = Server::start(
        sample.script(|asked, _| asked.target.ends_with("nar").then(|| status("404 Not Found"))),
    )
    .await;
    let garbage = sending(&sample, Compression::Xz, vec![7; 1000]).await;
    let unsigned = telling(&sample, |told| told.info.signatures.clear()).await;
    let bad = [&absent.url, &gone.url, &garbage.url, &unsigned.url];
    let error = sample.fetch(&bad).await.0.unwrap_err();
    assert!(matches!(error, UpstreamError::Content { .. }), "{error:?}");
    let (result, got) = sample.fetch(&[bad.as_slice(), &[&good.url]].concat()).await;
    result.unwrap();
    assert_eq!(got, sample.nar);

    let error = sample.fetch(&[&absent.url, &gone.url]).await.0.unwrap_err();
    assert!(matches!(error, UpstreamError::Absent { .. }) && !error.is_outage(), "{error:?}");
}

#[tokio::test]
async fn a_sink_that_fails_ends_it() {
    let sample = Sample::of(1_000_000);
    let server = Server::start(sample.script(|_, _| None)).await;
    let upstreams = crate::support::upstreams(vec![sample.upstream(&server.url)]);
    let result = upstreams.fetch(&sample.info, |_| Err(std::io::ErrorKind::StorageFull.into())).await;
    let error = result.unwrap_err();
    assert!(matches!(error, UpstreamError::Sink { .. }) && !error.is_outage(), "{error:?}");
}

#[tokio::test]
async fn narinfos_that_lie_encoded_are_read() {
    let sample = Sample::of(100);
    let (text, target) = (zstd::encode_all(sample.text().as_bytes(), 3).unwrap(), sample.narinfo_target());
    let script = sample.script(move |asked, _| {
        let encoded = || Act::Send(answer("200 OK", "content-encoding: zstd\r\n", &text));
        (asked.target == target).then(encoded)
    });
    let server = Server::start(script).await;
    let (result, got) = sample.fetch(&[&server.url]).await;
    result.unwrap();
    assert_eq!(got, sample.nar);
}
