//! The dashboard in a real browser.

use std::path::PathBuf;

use snowbank_server::settings::{ByteSize, CacheSettings};
use snowbank_testkit::browser::{Browser, Look};

use crate::dashboard::stock::{index, keep, pack};
use crate::support::Server;

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

/// Opens a page and looks at it from a desk and on a telephone, in light and in dark: nothing is wider than the window, and
/// the browser complains of nothing. The pictures are kept where `SNOWBANK_TEST_PICTURES` says.
async fn look_at(browser: &Browser, server: &Server, name: &str, path: &str) {
    for (look, width) in [(DESK, "wide"), (TELEPHONE, "narrow")] {
        for (dark, theme) in [(false, "light"), (true, "dark")] {
            browser.look(Look { dark, ..look }).await;
            browser.open(&format!("http://{}{path}", server.address)).await;
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
    ] {
        look_at(&browser, &server, name, path).await;
    }
}
