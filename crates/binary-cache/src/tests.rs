use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http_body_util::BodyExt;
use snowbank_nix::hash::NarHash;
use snowbank_nix::nar_info::{Compression, NarInfo};
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store_path::StoreDir;
use tower::ServiceExt;

use super::*;

const HASH: &str = "xv2iccirbrvklck36f1g7vldn5v58vck";
const CONTENT: &[u8] = b"0123456789";

/// One path; its NAR is there or has gone.
struct One {
    gone: bool,
}

struct Stored {
    gone: bool,
}

impl BinaryCache for One {
    type Error = Infallible;
    type Body = Stored;

    fn about(&self) -> About {
        About { dir: StoreDir::default(), priority: 30 }
    }

    async fn info(&self, hash_part: &str) -> Result<Option<NarInfo>, Infallible> {
        let info = PathInfo {
            path: format!("{HASH}-one").parse().unwrap(),
            nar_hash: NarHash::of(CONTENT),
            nar_size: 10,
            references: BTreeSet::new(),
            deriver: None,
            signatures: BTreeSet::new(),
            ca: None,
        };
        let url = NarName(info.nar_hash).url();
        let (compression, file_size) = (Compression::Zstd, Some(10));
        Ok((hash_part == HASH).then_some(NarInfo { info, url, compression, file_hash: None, file_size }))
    }

    async fn nar(&self, name: &NarName) -> Result<Option<Stored>, Infallible> {
        Ok((name.0 == NarHash::of(CONTENT)).then_some(Stored { gone: self.gone }))
    }
}

impl Content for Stored {
    type Error = Infallible;

    fn size(&self) -> u64 {
        10
    }

    async fn read(self, range: Range<u64>) -> Result<Option<Bytestream<Infallible>>, Infallible> {
        let bytes = Bytes::from_static(&CONTENT[range.start as usize..range.end as usize]);
        Ok((!self.gone).then(|| stream::iter([Ok(bytes)]).boxed()))
    }
}

async fn ask(
    cache: One,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> (StatusCode, HeaderMap, String) {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = routes(Arc::new(cache)).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

fn nar() -> String {
    format!("/{}", NarName(NarHash::of(CONTENT)).url())
}

#[tokio::test]
async fn a_cache_tells_of_itself_and_of_its_paths() {
    let (status, headers, text) = ask(One { gone: false }, Method::GET, "/nix-cache-info", &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-type"], "text/x-nix-cache-info");
    assert_eq!(text, "StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 30\n");
    let path = format!("/{HASH}.narinfo");
    let (status, headers, text) = ask(One { gone: false }, Method::GET, &path, &[]).await;
    assert_eq!((status, &headers["content-type"]), (StatusCode::OK, &"text/x-nix-narinfo".parse().unwrap()));
    let lines: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(": ")).collect();
    assert_eq!(lines["URL"], &nar()[1..]);
    assert_eq!((lines["Compression"], lines["FileSize"]), ("zstd", "10"));
    let (status, head, text) = ask(One { gone: false }, Method::HEAD, &path, &[]).await;
    assert_eq!(
        (status, text.as_str(), &head["content-length"]),
        (StatusCode::OK, "", &headers["content-length"])
    );
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    for path in ["/", "/x.narinfo", &format!("/{HASH}"), "/nar/x.nar.zst", "/nar/../x", "/other/x"] {
        let (status, ..) = ask(One { gone: false }, Method::GET, path, &[]).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    let (status, ..) = ask(One { gone: true }, Method::GET, &nar(), &[]).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "one that has gone since is as good as none");
}

#[tokio::test]
async fn a_nar_comes_whole_or_in_a_range() {
    let get = |range: &'static str| async move {
        let headers: &[_] = if range.is_empty() { &[] } else { &[("range", range)] };
        let (status, headers, text) = ask(One { gone: false }, Method::GET, &nar(), headers).await;
        (status.as_u16(), headers.get("content-range").map(|range| range.to_str().unwrap().to_owned()), text)
    };
    let range = |text: &str| Some(text.to_owned());
    assert_eq!(get("").await, (200, None, "0123456789".into()));
    assert_eq!(get("bytes=4-").await, (206, range("bytes 4-9/10"), "456789".into()));
    assert_eq!(get("bytes=2-3").await, (206, range("bytes 2-3/10"), "23".into()));
    assert_eq!(get("bytes=-1").await, (206, range("bytes 9-9/10"), "9".into()));
    assert_eq!(get("bytes=10-").await, (416, range("bytes */10"), String::new()));
    assert_eq!(get("bytes=0-1,3-4").await, (200, None, "0123456789".into()));
    assert_eq!(get("lines=0-1").await, (200, None, "0123456789".into()));
}

#[tokio::test]
async fn a_tag_decides_what_is_sent() {
    let (_, headers, _) = ask(One { gone: false }, Method::HEAD, &nar(), &[]).await;
    let etag = headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(
        (&headers["content-length"], &headers["accept-ranges"]),
        (&"10".parse().unwrap(), &"bytes".parse().unwrap())
    );
    let (status, ..) = ask(One { gone: false }, Method::GET, &nar(), &[("if-none-match", &etag)]).await;
    assert_eq!(status, StatusCode::NOT_MODIFIED);
    for (tag, expected) in [(etag.as_str(), 206), ("\"other\"", 200)] {
        let asked = [("range", "bytes=0-0"), ("if-range", tag)];
        let (status, ..) = ask(One { gone: false }, Method::GET, &nar(), &asked).await;
        assert_eq!(status.as_u16(), expected, "{tag}");
    }
}
