//! The npm client saves and restores: through Snowbank, and through a server that only writes the bytes down.

use snowbank_testkit::{
    flatfile::FlatFile,
    npm::{NpmClient, Protocol, Release},
};

use super::FIRST;
use crate::{
    measure::{Rounds, turns},
    place::{Place, remove, settle_disk},
    report::Report,
    server::{Recoding, Server},
    workload::Workload,
};

/// Seconds of one round on one side.
#[derive(Debug, Clone, Copy)]
struct Seconds {
    save: f64,
    restore: f64,
    server: f64,
}

pub(super) async fn take(place: &Place, store: &Workload, report: &mut Report) {
    let mut sides: [Vec<Seconds>; 3] = Default::default();
    for round in 0..place.rounds {
        for side in turns(3, round) {
            let (name, seconds) = match side {
                0 => ("flat file", flat_file(place, store).await),
                1 => ("recoding paused", snowbank(place, store, Recoding::Paused).await),
                _ => ("recoding running", snowbank(place, store, Recoding::Running).await),
            };
            eprintln!(
                "  {name:16} save {:6.2} s   restore {:6.2} s   server's processor {:5.2} s",
                seconds.save, seconds.restore, seconds.server
            );
            sides[side].push(seconds);
        }
    }
    let [flat, paused, running] = sides;
    for (what, of) in [
        ("save and restore", (|s| s.save + s.restore) as fn(&Seconds) -> f64),
        ("save alone", |s| s.save),
        ("restore alone", |s| s.restore),
    ] {
        let seconds = |side: &[Seconds]| -> Vec<f64> { side.iter().map(of).collect() };
        let against = |side: &[Seconds]| Rounds::ratio(&seconds(side), &seconds(&flat));
        let (paused, running) = (against(&paused), against(&running));
        let name = format!("npm client, {what}, against a flat file");
        if what == "save and restore" {
            report.at_most(&name, format!("{paused}x"), paused.median(), 1.15, "1.15x at most");
        } else {
            report.plain(&name, format!("{paused}x"));
        }
        report.plain(&format!("  the same while recoding, {what}"), format!("{running}x"));
    }
}

async fn flat_file(place: &Place, store: &Workload) -> Seconds {
    let server = FlatFile::start(&place.flatfile, &place.work);
    let client = NpmClient::new(Release::V6, Protocol::V2, server.url(), "token");
    let (save, restore) = save_and_restore(client, store).await;
    Seconds { save, restore, server: server.process().processor_seconds() }
}

async fn snowbank(place: &Place, store: &Workload, recoding: Recoding) -> Seconds {
    let data = place.work.join("timed");
    let server = Server::start(place, &data, recoding);
    let (save, restore) = save_and_restore(server.npm(), store).await;
    let processor = server.process().processor_seconds();
    drop(server);
    remove(&data);
    Seconds { save, restore, server: processor }
}

/// As the client counts them, from the call to its return.
async fn save_and_restore(client: NpmClient, store: &Workload) -> (f64, f64) {
    let elsewhere = client.elsewhere();
    let client = client.in_workspace(store.folder());
    settle_disk();
    let saved = client.save(&Workload::PATHS, FIRST).await;
    assert!(saved.saved.is_some(), "{}", saved.output);
    settle_disk();
    let restored = elsewhere.restore(&Workload::PATHS, "absent", &["nix-store-Linux-"]).await;
    assert_eq!(restored.matched.as_deref(), Some(FIRST), "{}", restored.output);
    remove(elsewhere.workspace());
    (saved.seconds, restored.seconds)
}
