//! Binary caches: unmodified Nix, curl and our own client against a cache of ours, and against nginx with a folder that
//! `nix copy` made; nearby, and with a round trip of 20 ms.

mod disk;
mod fetch;
mod ours;
mod pull;
mod push;

use std::path::Path;

use snowbank_testkit::{process::Process, snowbank::Snowbank};

use crate::{
    measure::{Rounds, turns},
    place::Place,
    report::Report,
};

/// Bytes of memory that a server may come to have.
const MEMORY: u64 = 256 << 20;

pub(super) fn take(place: &Place, report: &mut Report) {
    pull::take(place, report);
    push::take(place, report);
    disk::take(place, report);
}

/// A server with one cache, on a folder that outlives it.
fn serve(place: &Place, data: &Path) -> Snowbank {
    let config = place.work.join("caches.toml");
    std::fs::write(&config, "[caches.bench]\npublic = true\n").expect("a configuration can be written");
    Snowbank::builder(&place.snowbank).data(data).arg("--config").arg(config.display().to_string()).start()
}

fn url(server: &Snowbank) -> String {
    format!("{}/nix/bench", server.url())
}

/// Seconds of several sides, which take turns.
fn in_turns<const N: usize>(
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
