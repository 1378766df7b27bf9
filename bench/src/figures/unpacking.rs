//! `unzstd` on the archive as the server gives it back, and as the client made it.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use super::Saved;
use crate::{
    measure::{Rounds, turns},
    place::{Place, succeed},
    report::Report,
};

pub(super) fn take(place: &Place, saved: &Saved, report: &mut Report) {
    let files = [saved.uploaded(), saved.recoded()];
    for file in &files {
        unpack(file);
    }
    let mut seconds: [Vec<f64>; 2] = Default::default();
    for round in 0..place.rounds.max(5) {
        for side in turns(2, round) {
            seconds[side].push(unpack(&files[side]));
        }
    }
    let ratio = Rounds::ratio(&seconds[1], &seconds[0]);
    let size = |file: &Path| std::fs::metadata(file).expect("the archive is there").len() as f64;
    report.at_most(
        "unzstd of the recoded archive, against the client's own",
        format!("{ratio}x"),
        ratio.median(),
        1.4,
        "1.4x at most",
    );
    report.plain(
        "  size of the recoded archive, against the same",
        format!("{:.2}x", size(&files[1]) / size(&files[0])),
    );
}

fn unpack(file: &Path) -> f64 {
    let start = Instant::now();
    succeed(Command::new("unzstd").args(["-q", "-c"]).arg(file).stdout(Stdio::null()));
    start.elapsed().as_secs_f64()
}
