//! How much tar a core recodes, read back included, and what memory that takes.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use super::Saved;
use crate::{
    measure::Rounds,
    place::{Place, remove, settle_disk},
    report::Report,
    server::{Recoding, Server, copy},
};

pub(super) async fn take(place: &Place, saved: &Saved, report: &mut Report) {
    let tar = unpacked_size(&saved.uploaded());
    let data = saved.folder.join("copy");
    let (mut rates, mut walls, mut peak) = (Vec::new(), Vec::new(), 0);
    for _ in 0..place.rounds {
        copy(&saved.data(), &data);
        settle_disk();
        let start = Instant::now();
        let server = Server::start(place, &data, Recoding::Running);
        server.recoded().await;
        let (wall, processor) = (start.elapsed().as_secs_f64(), server.process().processor_seconds());
        peak = server.process().peak_memory().max(peak);
        eprintln!("  recoded {} MB of tar in {wall:.2} s, {processor:.2} s of processor", tar / 1_000_000);
        rates.push(tar as f64 / processor / 1e6);
        walls.push(tar as f64 / wall / 1e6);
        drop(server);
        remove(&data);
    }
    let rate = Rounds::new(rates);
    report.at_least(
        "recoding, MB of tar a second of processor",
        format!("{rate:.0}"),
        rate.median(),
        200.0,
        "200 or more",
    );
    report.plain("  MB of tar a second of wall time", format!("{:.0}", Rounds::new(walls)));
    let uploaded = std::fs::metadata(saved.uploaded()).expect("the archive is there").len();
    let mebibytes = peak as f64 / f64::from(1 << 20);
    report.at_most(
        &format!("memory while recoding {:.2} GB, MiB", uploaded as f64 / 1e9),
        format!("{mebibytes:.0}"),
        mebibytes,
        256.0,
        "256 at most",
    );
}

fn unpacked_size(archive: &Path) -> u64 {
    let mut zstd = Command::new("zstd")
        .args(["-dqc"])
        .arg(archive)
        .stdout(Stdio::piped())
        .spawn()
        .expect("zstd can be run");
    let bytes = std::io::copy(&mut zstd.stdout.take().expect("its output is piped"), &mut std::io::sink());
    assert!(zstd.wait().expect("zstd ends").success(), "zstd cannot read {}", archive.display());
    bytes.expect("zstd's output can be read")
}
