//! Our own client saves and restores a Nix store: against the npm client on the same server, and against `cp`.

mod far;
mod snowbank;
mod upstream;
mod writers;

use std::{path::Path, process::Command, time::Instant};

use snowbank::Client;
pub(super) use writers::{copy, empty, publish};

use super::FIRST;
use crate::{
    measure::{Rounds, turns},
    place::{Place, remove, set_aside, settle_disk, succeed},
    report::Report,
    server::{Recoding, Server},
    workload::Workload,
};

/// Seconds of each round.
#[derive(Default)]
struct Sides {
    npm_save: Vec<f64>,
    npm_restore: Vec<f64>,
    save: Vec<f64>,
    restore: Vec<f64>,
    copy: Vec<f64>,
}

pub(super) async fn take(place: &Place, report: &mut Report) {
    let store = Workload::make(place, "1");
    let (sides, data) = cold(place, &store, report).await;
    writers::take(place, &store, &data, report);
    far::take(place, &store, report).await;
    drop(store);
    rebuilt(place, &data, &sides, report, "2", &[], ("every path was rebuilt", 0.3, Some(40.0))).await;
    rebuilt(place, &data, &sides, report, "2", &["pillow=2"], ("one package changed", 0.1, None)).await;
    remove(&data);
    upstream::take(place, report).await;
}

/// Saves and restores of a store that nobody has seen; leaves the server's data of the last save.
async fn cold(place: &Place, store: &Workload, report: &mut Report) -> (Sides, std::path::PathBuf) {
    let mut sides = Sides::default();
    let data = place.work.join("client-data");
    for round in 0..place.rounds {
        for side in turns(3, round) {
            match side {
                0 => {
                    let (save, restore) = npm(place, store).await;
                    eprintln!("  npm client       save {save:6.2} s   restore {restore:6.2} s");
                    sides.npm_save.push(save);
                    sides.npm_restore.push(restore);
                }
                1 => {
                    if data.exists() {
                        remove(&data);
                    }
                    let (save, restore) = ours(place, store, &data, report, round == 0);
                    eprintln!("  snowbank client  save {save:6.2} s   restore {restore:6.2} s");
                    sides.save.push(save);
                    sides.restore.push(restore);
                }
                _ => {
                    let seconds = copied(place, store);
                    eprintln!("  cp -a                                restore {seconds:6.2} s");
                    sides.copy.push(seconds);
                }
            }
        }
    }
    let mut ratio = |name: &str, ours: &[f64], theirs: &[f64], most: f64| {
        let ratio = Rounds::ratio(ours, theirs);
        report.at_most(name, format!("{ratio}x"), ratio.median(), most, &format!("{most}x at most"));
    };
    ratio("client: cold save, against the npm client", &sides.save, &sides.npm_save, 0.5);
    ratio(
        "client: restore into an empty store, against the npm client",
        &sides.restore,
        &sides.npm_restore,
        0.4,
    );
    ratio("client: restore into an empty store, against cp -a", &sides.restore, &sides.copy, 1.5);
    (sides, data)
}

async fn npm(place: &Place, store: &Workload) -> (f64, f64) {
    let data = place.work.join("npm-data");
    let server = Server::start(place, &data, Recoding::Paused);
    let client = server.npm();
    let elsewhere = client.elsewhere();
    let client = client.in_workspace(store.folder());
    warm(&store.root());
    let saved = client.save(&Workload::PATHS, FIRST).await;
    assert!(saved.saved.is_some(), "{}", saved.output);
    settle_disk();
    let restored = elsewhere.restore(&Workload::PATHS, FIRST, &[]).await;
    assert!(restored.matched.is_some(), "{}", restored.output);
    set_aside(place, &elsewhere.workspace().join("root"));
    drop(server);
    remove(&data);
    (saved.seconds, restored.seconds)
}

fn ours(place: &Place, store: &Workload, data: &Path, report: &mut Report, first: bool) -> (f64, f64) {
    let server = Server::start(place, data, Recoding::Paused);
    let client = Client::of(place, &server);
    warm(&store.root());
    let saved = client.save(&store.root(), store.top());
    settle_disk();
    let root = place.work.join("restored");
    let restored = client.restore(&root);
    assert_eq!(restored.result["missed"].as_array().map(Vec::len), Some(0), "{}", restored.result);
    if first {
        let again = client.restore(&root);
        report.at_most(
            "client: restore with nothing missing, s",
            format!("{:.2}", again.seconds),
            again.seconds,
            1.0,
            "1 at most",
        );
        let nothing = client.save(&store.root(), store.top());
        let kilobytes = nothing.wire_bytes() as f64 / 1e3;
        report.at_most(
            "client: save with nothing new, s",
            format!("{:.2}", nothing.seconds),
            nothing.seconds,
            1.0,
            "1 at most",
        );
        report.at_most("  kB on the wire", format!("{kilobytes:.1}"), kilobytes, 200.0, "200 at most");
        for (what, run) in [("save", &saved), ("restore", &restored)] {
            let mebibytes = run.peak as f64 / f64::from(1 << 20);
            report.at_most(
                &format!("client: peak memory of a {what}, MiB"),
                format!("{mebibytes:.0}"),
                mebibytes,
                512.0,
                "512 at most",
            );
            report.plain(
                &format!("client: requests of a cold {what}"),
                run.result["traffic"]["requests"].to_string(),
            );
        }
        succeed(Command::new("nix-store").arg("--store").arg(&root).args(["--verify", "--check-contents"]));
    }
    set_aside(place, &root);
    server.stop();
    (saved.seconds, restored.seconds)
}

fn copied(place: &Place, store: &Workload) -> f64 {
    let to = place.work.join("copied");
    warm(&store.root());
    settle_disk();
    let begun = Instant::now();
    succeed(Command::new("cp").arg("-a").arg(store.root().join("nix/store")).arg(&to));
    let seconds = begun.elapsed().as_secs_f64();
    set_aside(place, &to);
    seconds
}

/// Has the store in the page cache, as a build would leave it.
fn warm(root: &Path) {
    succeed(Command::new("sh").arg("-c").arg("find \"$0\" -type f -exec cat {} + > /dev/null").arg(root));
    settle_disk();
}

/// A save of a changed store on top of the first one; the npm client's, which sends all of it, took what it took when
/// cold.
async fn rebuilt(
    place: &Place,
    data: &Path,
    cold: &Sides,
    report: &mut Report,
    release: &str,
    packages: &[&str],
    (what, most, megabytes): (&str, f64, Option<f64>),
) {
    let release = if packages.is_empty() { release } else { "1" };
    let store = Workload::rebuilt(place, release, packages);
    let mut seconds = Vec::new();
    for _ in 0..place.rounds {
        let copy = place.work.join("client-copy");
        crate::server::copy(data, &copy);
        let server = Server::start(place, &copy, Recoding::Paused);
        let client = Client::of(place, &server);
        warm(&store.root());
        let saved = client.save(&store.root(), store.top());
        eprintln!("  snowbank client  save {:6.2} s   ({what})", saved.seconds);
        if seconds.is_empty() {
            let sent = saved.result["traffic"]["sent"].as_f64().unwrap_or_default() / 1e6;
            let name = format!("client: MB sent after {what}");
            match megabytes {
                Some(most) => {
                    report.at_most(&name, format!("{sent:.1}"), sent, most, &format!("{most} at most"));
                }
                None => report.plain(&name, format!("{sent:.1}")),
            }
        }
        seconds.push(saved.seconds);
        drop(server);
        remove(&copy);
    }
    let ratio = Rounds::ratio(&seconds, &cold.npm_save);
    let name = format!("client: save after {what}, against the npm client");
    report.at_most(&name, format!("{ratio}x"), ratio.median(), most, &format!("{most}x at most"));
}
