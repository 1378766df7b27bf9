//! How long the dashboard's pages and the lists of both APIs take with few and with many entries, and what memory.

use std::time::Instant;

use futures::{StreamExt, TryStreamExt, stream};
use snowbank_testkit::wire::WireClient;

use crate::{
    clients,
    measure::{Rounds, percentile, turns},
    place::{Place, quick_folder, remove},
    report::Report,
    server::{Recoding, Server},
};

/// What a server holds. Half of the entries are one repository's, the others are spread.
#[derive(Clone, Copy)]
struct Size {
    entries: usize,
    repositories: usize,
}

const SIZES: [Size; 2] =
    [Size { entries: 1_000, repositories: 500 }, Size { entries: 100_000, repositories: 1_000 }];
/// Requests of each client to one page in one turn.
const REQUESTS: usize = 10;
/// Refs of the largest repository.
const REFS: usize = 10;
/// Of so many entries one is looked up.
const LOOKED_UP: usize = 10;
const VERSION: &str = "3ad75f27293d65a135214b8c82b296080f911dc107e52f1e7ec871a2eda46e69";

/// The first pages of lists, each under a name.
const PAGES: [(&str, &str); 21] = [
    ("dashboard, overview", "/"),
    ("dashboard, overview by last use", "/?sort=used"),
    ("dashboard, repository", "/r/acme/large"),
    ("dashboard, repository by key", "/r/acme/large?sort=key"),
    ("dashboard, repository, a prefix", "/r/acme/large?key=cargo-"),
    ("dashboard, repository, a ref", "/r/acme/large?ref=refs%2Fheads%2F7"),
    ("dashboard, events", "/events"),
    ("dashboard, a repository's events", "/r/acme/large/events"),
    ("dashboard, what goes next", "/next"),
    ("dashboard, what goes next of a repository", "/r/acme/large/next"),
    ("GitHub's list", "/repos/acme/large/actions/caches"),
    ("GitHub's list by size", "/repos/acme/large/actions/caches?sort=size_in_bytes&direction=asc"),
    ("GitHub's list, a prefix", "/repos/acme/large/actions/caches?key=cargo-"),
    ("GitHub's list, a ref", "/repos/acme/large/actions/caches?ref=refs%2Fheads%2F7"),
    ("GitHub's usage by repository", "/orgs/acme/actions/cache/usage-by-repository"),
    ("our list of caches", "/api/v1/caches"),
    ("our list, a prefix in all repositories", "/api/v1/caches?key_prefix=cargo-"),
    ("our list, a ref in all repositories", "/api/v1/caches?ref=refs%2Fheads%2F7"),
    ("our list of lookups", "/api/v1/lookups"),
    ("our list of saves", "/api/v1/saves?repository=acme%2Flarge"),
    ("our counts by day", "/api/v1/usage/days"),
];

pub(super) async fn take(place: &Place, report: &mut Report) {
    let mut servers = Vec::new();
    for size in SIZES {
        let data =
            quick_folder(place).join(format!("snowbank-pages-{}-{}", size.entries, std::process::id()));
        let server = Server::start(place, &data, Recoding::Paused);
        let start = Instant::now();
        fill(&server, size).await;
        eprintln!("  made {} entries in {:.1} s", size.entries, start.elapsed().as_secs_f64());
        // The memory of a new process is what its pages took.
        server.stop();
        let server = Server::start(place, &data, Recoding::Paused);
        let cookie = server.sign_in();
        servers.push((server, cookie, data));
    }
    for (name, path) in PAGES {
        let mut p50: [Vec<f64>; 2] = Default::default();
        let mut p99: [Vec<f64>; 2] = Default::default();
        for round in 0..place.rounds {
            for side in turns(2, round) {
                let (server, cookie, _) = &servers[side];
                let times = ask(server, cookie, path);
                p50[side].push(percentile(&times, 0.5));
                p99[side].push(percentile(&times, 0.99));
            }
        }
        let ratio = Rounds::ratio(&p50[1], &p50[0]);
        let (median, slow) = (Rounds::new(p50[1].clone()), Rounds::new(p99[1].clone()));
        report.at_most(
            &format!("{name}, ms"),
            format!("p50 {median:.1}, p99 {slow:.1}"),
            median.median(),
            50.0,
            "p50 50 at most",
        );
        report.at_most(
            &format!("  p50 at {} entries against {}", SIZES[1].entries, SIZES[0].entries),
            format!("{ratio}x"),
            ratio.median(),
            2.0,
            "2x at most",
        );
    }
    let [few, many] = [0, 1].map(|side| servers[side].0.process().peak_memory() as f64 / f64::from(1 << 20));
    report.plain("memory of both servers after all pages, MiB", format!("{few:.0} and {many:.0}"));
    for (server, _, data) in servers {
        drop(server);
        remove(&data);
    }
}

/// Saves the entries, and looks some of them up.
async fn fill(server: &Server, size: Size) {
    let large: Vec<WireClient> =
        (0..REFS).map(|number| server.job("acme/large", &format!("refs/heads/{number}"))).collect();
    let others: Vec<WireClient> = (1..size.repositories)
        .map(|number| server.job(&format!("acme/app-{number}"), "refs/heads/main"))
        .collect();
    let (large, others) = (&large, &others);
    let save = |index: usize| async move {
        let half = index / 2;
        let client =
            if index.is_multiple_of(2) { &large[half % large.len()] } else { &others[half % others.len()] };
        let tool = if index.is_multiple_of(7) { "cargo" } else { "nix-store" };
        let key = format!("{tool}-Linux-{:016x}", (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        client.save(&key, VERSION, b"content").await?;
        if half.is_multiple_of(LOOKED_UP) {
            client.lookup(&[&key], VERSION).await?;
            client.lookup(&["nix-store-Linux-absent", "nix-store-"], VERSION).await?;
            client.lookup(&["npm-absent"], VERSION).await?;
        }
        Ok::<_, snowbank_testkit::wire::WireError>(())
    };
    let saved =
        stream::iter(0..size.entries).map(save).buffer_unordered(32).try_for_each(|()| async { Ok(()) });
    saved.await.expect("entries are saved");
}

/// Milliseconds of each answer of all clients, sorted.
fn ask(server: &Server, cookie: &str, path: &str) -> Vec<f64> {
    let (address, _) = server.address();
    let is_for_people = !["/repos/", "/orgs/", "/api/"].iter().any(|start| path.starts_with(start));
    let who = if is_for_people {
        format!("cookie: {cookie}\r\naccept: text/html")
    } else {
        format!("authorization: Bearer {}", server.admin())
    };
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{who}\r\n\r\n");
    clients::ask(&address, &request, REQUESTS, |answer| answer.starts_with("HTTP/1.1 200"))
}
