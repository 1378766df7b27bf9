//! The dashboard in a real browser.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use snowbank_catalog::rooms::{Counts, Form, Protocol, Slot, Tally, Why};
use snowbank_server::settings::{ByteSize, CacheSettings};
use snowbank_testkit::browser::{Browser, Look};

use crate::dashboard::stock::{index, keep, pack};
use crate::support::{Server, VERSION, noise};

const DESK: Look = Look { width: 1280, height: 900, dark: false };
const TELEPHONE: Look = Look { width: 360, height: 780, dark: false };
const MAIN: &str = "refs/heads/main";

async fn server() -> Server {
    let server = Server::with(|settings| {
        settings.max_disk = Some(ByteSize(60_000_000_000));
        settings.caches.insert("team".to_owned(), CacheSettings { public: true, ..CacheSettings::default() });
    })
    .await;
    server.save(&pack([1; 32]), &[1; 1000]).await;
    server.save("nix-x86_64-linux#1", &index(&[[1; 32]])).await;
    keep(&*server.catalog, "acme/app", MAIN, "node-linux-npm-2f7a3c", 412_000_000).await;
    keep(&*server.catalog, "acme/app", "refs/pull/71/merge", "node-linux-npm-99b1e0", 3_100_000_000).await;
    for number in 1..12 {
        keep(&*server.catalog, &format!("acme/service-{number}"), MAIN, "go-build", number * 1_000_000_000)
            .await;
    }
    keep(&*server.catalog, &format!("acme/{}", "long-name-".repeat(9)), MAIN, &"a-long-key-".repeat(40), 5)
        .await;
    server
}

/// Days and events of every kind, as a month of use leaves them.
async fn with_a_past(server: &Server) {
    let repo = server.catalog.find_repository("acme/app").await.unwrap().unwrap().id;
    let long = "a-long-key-".repeat(20);
    for number in 2..9_u8 {
        server.save(&pack([number; 32]), &noise(usize::from(number) * 700_000 % 2_000_000)).await;
        server.save(&format!("nix-x86_64-linux#{number}"), &index(&[[1; 32], [number; 32]])).await;
    }
    server.restore("nix-x86_64-linux#8").await;
    for (key, restore) in
        [("nix-x86_64-linux#9", "nix-x86_64-linux#"), ("cargo-1", "carga-"), (&*long, "none")]
    {
        let body = json!({ "key": key, "restore_keys": [restore], "version": VERSION });
        server.twirp("GetCacheEntryDownloadURL", &body.to_string()).await;
    }
    let elsewhere = json!({ "key": "node-linux-npm-99b1e0", "version": "3ad75f27293d65a1".repeat(4) });
    server.twirp("GetCacheEntryDownloadURL", &elsewhere.to_string()).await;
    let other_version = json!({ "key": "nix-x86_64-linux#8", "version": "0".repeat(64) });
    server.twirp("GetCacheEntryDownloadURL", &other_version.to_string()).await;
    for key in ["yarn-4", &*long] {
        keep(&*server.catalog, "acme/app", MAIN, key, 90_000_000).await;
    }
    for entry in server.catalog.coldest(Some(repo), 0, 100).await.unwrap() {
        if entry.size == 90_000_000 {
            let by = Why::Deleted { by: "admin:somebody" };
            server.catalog.delete(&[entry.id], by).await.unwrap();
        }
    }
    let slot = Slot { scope: MAIN.to_owned(), key: "gradle-7".to_owned(), version: "v".to_owned() };
    server.catalog.reserve(repo, &slot, Form::Archive, Duration::ZERO).await.unwrap();
    server.service.collect().await.unwrap();
    for number in 1..4 {
        let push = json!({
            "destination": "ghcr.io/acme/app", "tag": format!("1.{number}"), "digest": format!("sha256:{}", "3ad75f27".repeat(8)),
            "layers_reused": 20, "layers_sent": number, "bytes_sent": 30_000_000 * number,
            "bytes_total": 900_000_000, "duration_ms": 1500 * number,
        });
        server.call_api(&server.token(), "POST", "image-pushes", push.to_string().as_bytes()).await;
    }
    let counts = Counts { hits: 90, partial_hits: 30, misses: 12, ..Counts::default() };
    server.catalog.add_counts(&[Tally { repo, protocol: Protocol::V2, counts }]).await.unwrap();
    server.service.evict().await.unwrap();
    age(server, repo.0);
}

/// Counts and samples of the days before, written into the database: the catalog notes only what is now.
fn age(server: &Server, repo: i64) {
    const DAY: i64 = 86_400_000;
    let database = rusqlite::Connection::open(server.folder.path().join("catalog.db")).unwrap();
    let today: i64 = database.query_row("SELECT max(day) FROM days", [], |row| row.get(0)).unwrap();
    database.execute("UPDATE saves SET added = size / (1 + id % 5) WHERE id <> 20", []).unwrap();
    for ago in 1..26_i64 {
        let hits = (ago * 37) % 90;
        let row = rusqlite::params![today - ago, repo, hits, hits / 4, (ago * 13) % 25];
        let statement = "INSERT INTO days VALUES (?, ?, 1, ?, ?, ?, 1, 1, 1, 1)";
        database.execute(statement, row).unwrap();
        for (of, bound) in [(0, 60_000_000_000), (repo, 10_000_000_000_i64)] {
            let bytes = bound / 10 * (3 + (ago * 5) % 8);
            let disk = (of == 0).then_some(bytes);
            let row = rusqlite::params![of, (today - ago) * DAY, disk, bound, bytes, ago * 10];
            database.execute("INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?)", row).unwrap();
        }
    }
}

/// Opens a page and looks at it from a desk and on a telephone, in light and in dark, with everything unfolded: nothing is
/// wider than the window, and the browser complains of nothing. The pictures are kept where `SNOWBANK_TEST_PICTURES` says.
async fn look_at(browser: &Browser, server: &Server, name: &str, path: &str) {
    for (look, width) in [(DESK, "wide"), (TELEPHONE, "narrow")] {
        for (dark, theme) in [(false, "light"), (true, "dark")] {
            browser.look(Look { dark, ..look }).await;
            browser.open(&format!("http://{}{path}", server.address)).await;
            browser.value("document.querySelectorAll('details').forEach(one => one.open = true)").await;
            let wider = browser.value("document.documentElement.scrollWidth - window.innerWidth").await;
            assert!(wider.as_i64().unwrap() <= 0, "{path} is {wider} pixels wider than {width}");
            let ground = browser.value("getComputedStyle(document.body).backgroundColor").await;
            assert_eq!(ground == "rgb(16, 22, 29)", dark, "{path}: {ground}");
            if let Some(folder) = std::env::var_os("SNOWBANK_TEST_PICTURES").map(PathBuf::from) {
                let picture = browser.picture().await;
                std::fs::write(folder.join(format!("{name}-{width}-{theme}.png")), picture).unwrap();
            }
        }
    }
    assert_eq!(browser.complaints().await, Vec::<String>::new(), "{path}");
    browser.look(DESK).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_signs_in_looks_searches_and_deletes() {
    let server = server().await;
    let browser = Browser::start().await;
    let at = |path: &str| format!("http://{}{path}", server.address);
    // The second time without JavaScript.
    for (scripts, key) in [(true, "node-linux-npm-2f7a3c"), (false, "node-linux-npm-99b1e0")] {
        browser.scripts(scripts).await;
        browser.open(&at("/r/acme/app")).await;
        browser.shows("h1", "Sign in").await;
        browser.write("#token", "nonsense").await;
        browser.click("main button").await;
        browser.shows(".error", "You were not signed in").await;
        browser.write("#token", &server.admin()).await;
        browser.click("main button").await;
        browser.shows("h1", "acme/app").await;

        browser.click(".brand").await;
        browser.shows("h1", "Overview").await;
        browser.write("#q", "service-1").await;
        browser.click("main [role=search] button").await;
        browser.shows("tbody tr:last-child a", "acme/service-11").await;
        assert_eq!(browser.count("tbody[role=rowgroup] a[href^='/r/']").await, 3);

        browser.open(&at("/r/acme/app")).await;
        let before = browser.count("tbody input[type=checkbox]").await;
        browser.write("#key", key).await;
        browser.click("main [role=search] button").await;
        browser.shows("tbody tr:only-child .key", key).await;
        browser.click("tbody input[type=checkbox]").await;
        browser.click("form button.danger").await;
        browser.shows("h1", "Delete these entries?").await;
        browser.shows("tbody .key", key).await;
        browser.click("button[name=sure]").await;
        browser.shows(".done", "was deleted").await;
        browser.open(&at("/r/acme/app")).await;
        assert_eq!(browser.count("tbody input[type=checkbox]").await, before - 1);

        browser.click(".who button").await;
        browser.shows("h1", "Sign in").await;
        browser.open(&at("/")).await;
        browser.shows("h1", "Sign in").await;
        assert_eq!(browser.address().await, at("/sign-in"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_fit_and_have_both_themes() {
    let server = server().await;
    with_a_past(&server).await;
    let browser = Browser::start().await;
    look_at(&browser, &server, "sign-in", "/sign-in").await;
    browser.write("#token", &server.admin()).await;
    browser.click("main button").await;
    browser.shows("h1", "Overview").await;
    for (name, path) in [
        ("overview", "/"),
        ("repository", "/r/acme/app"),
        ("next", "/r/acme/app/next"),
        ("next-of-all", "/next"),
        ("cache", "/c/team"),
        ("events", "/r/acme/app/events"),
        ("events-of-all", "/events?outcome=miss"),
        ("removals", "/r/acme/app/events?kind=removals"),
        ("unfinished", "/r/acme/app/events?kind=unfinished"),
        ("series", "/r/acme/app/s/nix-x86_64-linux"),
        ("images", "/images"),
    ] {
        look_at(&browser, &server, name, path).await;
    }
}
