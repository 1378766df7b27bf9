//! Binary caches: unmodified Nix, curl and our own client against a cache of ours, and against nginx with a folder that
//! `nix copy` made; nearby, and with a round trip of 20 ms.

mod fetch;
pub(super) mod ours;
mod pull;
mod push;

use std::path::Path;

use snowbank_testkit::{closure::succeed, disk::bytes_taken, process::Process, snowbank::Snowbank};

use super::client::publish;
use crate::{
    measure::{Rounds, turns},
    place::{Place, remove, settle_disk},
    report::Report,
    server::disk_of,
    workload::Workload,
};

/// Bytes of memory that a server may come to have.
const MEMORY: u64 = 256 << 20;

pub(super) fn take(place: &Place, report: &mut Report) {
    let store = Workload::make(place, "1");
    let files = place.work.join("nix-files");
    succeed(&mut publish(&store, &files, "compression=zstd"));
    pull::take(place, &store, &files, report);
    remove(&files);
    push::cold(place, &store, report);
}

/// What becomes of a cache when generation after generation is pushed to it.
pub(super) fn take_generations(place: &Place, report: &mut Report) {
    let files = place.work.join("nix-files");
    let (mut taken, mut disk) = (0, Vec::new());
    let data = place.work.join("nix-data");
    let server = serve(place, &data);
    let token = ours::token(&server);
    for (release, packages) in [("1", &[][..]), ("2", &[]), ("2", &["--older"])] {
        let store = Workload::rebuilt(place, release, packages);
        settle_disk();
        let pushed = ours::push(place, &url(&server), &token, &store);
        match disk.len() {
            0 => push::again(place, &server, &token, &store, report),
            1 => push::rebuilt(&pushed, report),
            _ => {}
        }
        disk.push(disk_of(&data));
        succeed(&mut publish(&store, &files, "compression=zstd"));
        taken += bytes_taken(&files).expect("a folder can be read");
        remove(&files);
    }
    generations(&disk, taken, report);
    memory(report, "after pushes of ours", server.process());
    drop(server);
    remove(&data);
}

/// The disk that the generations of a closure take, one after the other, and all of them as static caches.
fn generations(disk: &[u64], theirs: u64, report: &mut Report) {
    let all = disk.last().copied().unwrap_or_default();
    let ratio = all as f64 / theirs as f64;
    let shown: Vec<_> = disk.iter().map(|bytes| format!("{:.0}", *bytes as f64 / 1e6)).collect();
    let shown = format!("{ratio:.2}x ({} MB after each, of {:.0} MB)", shown.join(", "), theirs as f64 / 1e6);
    let name = "caches: disk of three generations, against three static caches";
    report.at_most(name, shown, ratio, 0.45, "0.45x at most");
}

/// A server with one cache, on a folder that outlives it.
pub(super) fn serve(place: &Place, data: &Path) -> Snowbank {
    let config = place.work.join("caches.toml");
    std::fs::write(&config, "[caches.bench]\npublic = true\n").expect("a configuration can be written");
    Snowbank::builder(&place.snowbank).data(data).arg("--config").arg(config.display().to_string()).start()
}

pub(super) fn url(server: &Snowbank) -> String {
    format!("{}/nix/bench", server.url())
}

/// Seconds of several sides, which take turns.
pub(super) fn in_turns<const N: usize>(
    place: &Place,
    name: &str,
    sides: [&str; N],
    mut take: impl FnMut(usize) -> f64,
) -> [Vec<f64>; N] {
    let mut seconds = [const { Vec::new() }; N];
    for round in 0..place.rounds {
        for side in turns(N, round) {
            let took = take(side);
            eprintln!("  {:9} {name} {took:7.3} s", sides[side]);
            seconds[side].push(took);
        }
    }
    seconds
}

/// A ratio that should be small.
fn against(report: &mut Report, name: &str, these: &[f64], those: &[f64], most: f64) {
    let ratio = Rounds::ratio(these, those);
    let seconds = Rounds::new(these.to_vec());
    let name = format!("caches: {name}");
    report.at_most(
        &name,
        format!("{ratio}x ({:.1} s)", seconds.median()),
        ratio.median(),
        most,
        &format!("{most}x at most"),
    );
}

fn memory(report: &mut Report, when: &str, server: &Process) {
    let peak = server.peak_memory();
    let name = format!("caches: most memory of the server, {when}");
    report.at_most(&name, format!("{} MiB", peak >> 20), peak as f64, MEMORY as f64, "256 MiB at most");
}
