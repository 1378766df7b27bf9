//! How long a lookup takes with few and with many entries in a repository, and with what happened kept or not.

use std::time::Instant;

use futures::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use super::counting;
use crate::{
    clients,
    measure::{Rounds, percentile, turns},
    place::{Place, quick_folder, remove},
    report::Report,
    server::{Recoding, Server},
};

const LOOKUPS_A_CLIENT: usize = 1000;
const COUNTS: [usize; 2] = [1_000, 100_000];
const VERSION: &str = "3ad75f27293d65a135214b8c82b296080f911dc107e52f1e7ec871a2eda46e69";

/// What is asked: a name, a restore key, and whether it finds something.
const QUESTIONS: [(&str, &str, bool); 3] = [
    ("all entries match", "nix-", true),
    ("none match", "cargo-", false),
    ("the newest is last", "nix-store-Linux-", true),
];

/// What switches the keeping of events off.
const SWITCHED_OFF: (&str, &str) = ("SNOWBANK_TIMES_EVENTS", "0s");
/// Turns of a round of the cost of events: it is small, and what else happens on the machine is not.
const TURNS: usize = 5;

/// What it costs a lookup that it is counted, and that the server keeps what was asked and finds out why it missed.
pub(super) async fn take_events(place: &Place, report: &mut Report) {
    let mut servers = Vec::new();
    for (name, setting) in [("on", None), ("off", Some(SWITCHED_OFF))] {
        let data = quick_folder(place).join(format!("snowbank-events-{name}-{}", std::process::id()));
        let server = Server::start_with(place, &data, Recoding::Paused, setting);
        fill(&server, COUNTS[0]).await;
        servers.push((server, data));
    }
    for (name, restore_key, hits) in QUESTIONS {
        let mut means: [Vec<f64>; 2] = Default::default();
        for turn in 0..place.rounds * TURNS {
            for side in turns(2, turn) {
                let times = ask(&servers[side].0, restore_key, hits);
                means[side].push(times.iter().sum::<f64>() / times.len() as f64);
            }
        }
        let ratio = Rounds::ratio(&means[0], &means[1]);
        report.at_most(
            &format!("lookup, {name}, events kept against not kept"),
            format!("{ratio}x"),
            ratio.median(),
            1.05,
            "1.05x at most",
        );
    }
    let (server, (_, restore_key, hits)) = (&servers[0].0, QUESTIONS[0]);
    let before = server.process().processor_seconds();
    let lookups = ask(server, restore_key, hits).len() as f64;
    let lookup = (server.process().processor_seconds() - before) * 1e6 / lookups;
    let counted = counting::microseconds();
    report.at_most(
        "counting a lookup for the metrics, of the server's processor time for one",
        format!("{:.1} % ({counted:.2} of {lookup:.0} us)", 100.0 * counted / lookup),
        counted / lookup,
        0.05,
        "5 % at most",
    );
    for (server, data) in servers {
        drop(server);
        remove(&data);
    }
}

/// What it costs a lookup that there are many entries.
pub(super) async fn take(place: &Place, report: &mut Report) {
    let mut servers = Vec::new();
    for count in COUNTS {
        let data = quick_folder(place).join(format!("snowbank-lookups-{count}-{}", std::process::id()));
        let server = Server::start(place, &data, Recoding::Paused);
        let start = Instant::now();
        fill(&server, count).await;
        eprintln!("  made {count} entries in {:.1} s", start.elapsed().as_secs_f64());
        servers.push((server, data));
    }
    for (name, restore_key, hits) in QUESTIONS {
        let mut p50: [Vec<f64>; 2] = Default::default();
        let mut p99: [Vec<f64>; 2] = Default::default();
        for round in 0..place.rounds {
            for side in turns(2, round) {
                let times = ask(&servers[side].0, restore_key, hits);
                p50[side].push(percentile(&times, 0.5));
                p99[side].push(percentile(&times, 0.99));
            }
        }
        let ratio = Rounds::ratio(&p99[1], &p99[0]);
        for (side, count) in COUNTS.iter().enumerate() {
            let (p50, p99) = (Rounds::new(p50[side].clone()), Rounds::new(p99[side].clone()));
            report.plain(&format!("lookup, {name}, {count} entries, ms"), format!("p50 {p50}, p99 {p99}"));
        }
        report.at_most(
            &format!("  p99 at {} against p99 at {}", COUNTS[1], COUNTS[0]),
            format!("{ratio}x"),
            ratio.median(),
            2.0,
            "2x at most",
        );
    }
    for (server, data) in servers {
        drop(server);
        remove(&data);
    }
}

/// Half of the entries have keys in no order, half have keys that rise with time, the newest of all among them.
async fn fill(server: &Server, count: usize) {
    let client = &server.wire();
    let save = |index: usize| async move {
        let key = if index.is_multiple_of(2) {
            format!("nix-{:016x}", (index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
        } else {
            format!("nix-store-Linux-{index:08}")
        };
        client.save(&key, VERSION, b"content").await
    };
    // The last one alone, so that it is the newest.
    let most = stream::iter(0..count - 1).map(save).buffer_unordered(32).try_for_each(|_| async { Ok(()) });
    most.await.expect("entries are saved");
    save(count - 1).await.expect("the last entry is saved");
}

/// Milliseconds of each lookup of all clients, sorted.
fn ask(server: &Server, restore_key: &str, hits: bool) -> Vec<f64> {
    let (address, token) = server.address();
    let body = json!({ "key": "absent", "restore_keys": [restore_key], "version": VERSION }).to_string();
    let request = format!(
        "POST /twirp/github.actions.results.api.v1.CacheService/GetCacheEntryDownloadURL HTTP/1.1\r\n\
         host: {address}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let is_right = if hits { found as fn(&str) -> bool } else { missed };
    clients::ask(&address, &request, LOOKUPS_A_CLIENT, is_right)
}

fn found(answer: &str) -> bool {
    answer.contains("200 OK") && answer.contains("signed_download_url")
}

fn missed(answer: &str) -> bool {
    answer.contains("200 OK") && !answer.contains("signed_download_url")
}
