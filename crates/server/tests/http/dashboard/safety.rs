//! What a page of another site, or a hostile key, can do: nothing.

use serde_json::json;
use snowbank_catalog::rooms::Why;

use super::stock::keep;
use super::{FORM, OPENS, open, send, shown, signed_in};
use crate::support::Server;

const MAIN: &str = "refs/heads/main";

/// Every address that is opened, with something behind each.
const PAGES: [&str; 12] = [
    "/",
    "/next",
    "/events",
    "/images",
    "/r/acme/app",
    "/r/acme/app/next",
    "/r/acme/app/events?kind=removals",
    "/r/acme/app/images",
    "/r/acme/app/s/nix",
    "/c/team",
    "/sign-in",
    "/nowhere/at/all",
];

async fn server() -> Server {
    let server = Server::with(|settings| {
        settings.caches.insert("team".to_owned(), Default::default());
    })
    .await;
    keep(&*server.catalog, "acme/app", MAIN, "k", 5).await;
    server
}

#[tokio::test]
async fn every_page_has_the_headers() {
    let server = server().await;
    let admin = signed_in(&server, &server.admin()).await;
    for cookie in ["", &admin] {
        for page in PAGES {
            let answer = open(&server, cookie, page).await;
            let policy =
                answer.header("content-security-policy").unwrap_or_else(|| panic!("{page}: {answer:?}"));
            assert_eq!(
                policy,
                "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                 frame-ancestors 'none'; base-uri 'none'"
            );
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{page}");
            assert_eq!(answer.header("referrer-policy"), Some("same-origin"), "{page}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{page}");
        }
    }
}

/// The style sheet may be kept for ever, and changes its name when it changes.
#[tokio::test]
async fn what_is_the_same_for_everybody_may_be_kept() {
    let server = server().await;
    let page = shown(&server, "", "/sign-in").await;
    let paths: Vec<_> = page.split('"').filter(|part| part.starts_with("/static/")).collect();
    assert!(paths.len() >= 2, "{page}");
    for path in paths {
        let answer = server.bare("GET", path, &[], b"").await;
        assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"), "{path}");
        let text = answer.text();
        assert!(!text.contains("url(") && !text.contains("@import"), "{path}");
    }
    assert_eq!(server.bare("GET", "/static/style-000000000000.css", &[], b"").await.status, 404);
}

#[tokio::test]
async fn no_page_has_a_script_or_names_another_host() {
    let server = server().await;
    let admin = signed_in(&server, &server.admin()).await;
    for page in PAGES {
        let text = open(&server, &admin, page).await.text();
        for forbidden in ["<script", " style=", "<style", " onclick", "http://", "https://", "javascript:"] {
            assert!(!text.contains(forbidden), "{page}: {forbidden}");
        }
    }
}

#[tokio::test]
async fn opening_a_page_changes_nothing() {
    let server = server().await;
    let admin = signed_in(&server, &server.admin()).await;
    let before = server.service.cache_usage().await.unwrap();
    let id = server.catalog.coldest(None, 0, 1).await.unwrap()[0].id;
    let actions = [format!("/r/acme/app/delete?id={id}&sure=yes"), "/sign-out".to_owned()];
    for page in PAGES.iter().map(|page| (*page).to_owned()).chain(actions) {
        for method in ["GET", "HEAD"] {
            let target =
                format!("{page}{}id={id}&sure=yes&token=x", if page.contains('?') { "&" } else { "?" });
            let answer = server.bare(method, &target, &[OPENS, ("Cookie", &admin)], b"").await;
            assert_eq!(answer.header("set-cookie"), None, "{method} {page}");
            assert!(answer.status < 500, "{method} {page}: {answer:?}");
        }
    }
    assert_eq!(server.service.cache_usage().await.unwrap(), before);
    assert_eq!(open(&server, &admin, "/sign-out").await.status, 405);
}

#[tokio::test]
async fn a_form_of_another_site_does_nothing() {
    let server = server().await;
    let admin = signed_in(&server, &server.admin()).await;
    let id = server.catalog.coldest(None, 0, 1).await.unwrap()[0].id;
    let body = format!("id={id}&sure=yes&token={}", server.admin());
    let host = format!("http://{}", server.address);
    let strange: [&[(&str, &str)]; 6] = [
        &[],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site"), ("Origin", &host)],
        &[("Sec-Fetch-Site", "none")],
        &[("Origin", "https://evil.example")],
        &[("Origin", "null")],
    ];
    for headers in strange {
        for target in ["/r/acme/app/delete", "/sign-in", "/sign-out"] {
            let headers = [&[FORM, ("Cookie", &admin)], headers].concat();
            let answer = server.bare("POST", target, &headers, body.as_bytes()).await;
            assert_eq!((answer.status, answer.header("set-cookie")), (403, None), "{target} {headers:?}");
        }
    }
    assert_eq!(server.service.cache_usage().await.unwrap()[0].entries, 1);
    let headers = [FORM, ("Cookie", &*admin), ("Origin", &*host)];
    let answer = server.bare("POST", "/r/acme/app/delete", &headers, body.as_bytes()).await;
    assert_eq!(answer.status, 303, "{answer:?}");
}

async fn keep_and_delete(server: &Server, key: &str) -> u64 {
    keep(&*server.catalog, "acme/other", MAIN, key, 5).await;
    let entries = server.catalog.coldest(None, 0, 9).await.unwrap();
    let last = entries.iter().map(|entry| entry.id).max_by_key(|id| id.0).unwrap();
    server.catalog.delete(&[last], Why::Deleted { by: key }).await.unwrap()
}

/// Keys, refs and versions are whatever a job sends.
#[tokio::test]
async fn a_hostile_key_is_text() {
    let server = server().await;
    let evil = r#"<script>alert("1")</script>'"><img src=x onerror=alert(1)>"#;
    keep(&*server.catalog, "acme/app", &format!("refs/heads/{evil}"), evil, 5).await;
    keep(&*server.catalog, "acme/app", MAIN, &format!("{evil}#1"), 5).await;
    let asked = json!({ "key": evil, "restore_keys": [evil], "version": evil });
    server.twirp("GetCacheEntryDownloadURL", &asked.to_string()).await;
    let push = json!({
        "destination": evil, "tag": evil, "digest": evil, "layers_reused": u64::MAX, "layers_sent": u64::MAX,
        "bytes_sent": u64::MAX, "bytes_total": u64::MAX, "duration_ms": u64::MAX,
    });
    server.call_api(&server.token(), "POST", "image-pushes", push.to_string().as_bytes()).await;
    let gone = keep_and_delete(&server, evil).await;
    assert_eq!(gone, 1);
    let admin = signed_in(&server, &server.admin()).await;
    let query = percent_encoding::utf8_percent_encode(evil, percent_encoding::NON_ALPHANUMERIC).to_string();
    let pages = [
        "/r/acme/app".to_owned(),
        "/r/acme/app/next".to_owned(),
        "/next".to_owned(),
        format!("/r/acme/app?key={query}&ref={query}&sort={query}&dir={query}&page={query}&deleted={query}"),
        format!("/?q={query}&sort={query}"),
        "/events".to_owned(),
        "/events?kind=removals".to_owned(),
        "/images".to_owned(),
        format!("/r/acme/app/events?kind={query}&outcome={query}&key={query}&before={query}"),
        format!("/r/acme/app/s/{query}?before={query}"),
        format!("/sign-in?to={query}"),
        format!("/r/{query}/x"),
        format!("/c/{query}"),
    ];
    for page in pages {
        let text = open(&server, &admin, &page).await.text();
        assert!(!text.contains("<script") && !text.contains("<img src=x"), "{page}: {text}");
    }
    for page in ["/r/acme/app", "/events", "/events?kind=removals", "/images"] {
        assert!(shown(&server, &admin, page).await.contains("&lt;script&gt;"), "{page}");
    }
    let ids = server.catalog.coldest(None, 0, 9).await.unwrap();
    let ids: Vec<_> = ids.iter().map(|entry| entry.id.to_string()).collect();
    let fields = [("id", &*ids.join(",")), ("back", &*format!("?key={query}"))];
    let question = send(&server, &admin, "/r/acme/app/delete", &fields).await.text();
    assert!(question.contains("&lt;script&gt;") && !question.contains("<script"), "{question}");
}
