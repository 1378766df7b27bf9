//! Fifty days of a repository on a service with GitHub's limits, scaled to the store: a lock update a day, everything
//! rebuilt once a week, pull requests, other tools' entries, entries that vanish. Ours beside one tarball a lock hash.
//!
//! A day takes seconds here. So the limit of new entries a minute is not set but compared with what one run makes, and
//! retention counts days in which an entry was not used.

mod ours;
mod repository;
mod tarballs;

use std::path::Path;

use snowbank_testkit::{noise::Noise, snowbank::Snowbank, world::World};

use crate::{
    measure::Rounds,
    place::{Place, remove},
    report::Report,
};
use ours::Ours;
use repository::Repository;
use tarballs::Tarballs;

/// How many days.
const DAYS: usize = 50;

/// Of so many days one has a pull request. It releases a package, and is merged on the next day.
const PULL: usize = 3;

/// Bytes of the store that GitHub's limits and our sizes are scaled from: the large closure.
const REAL: f64 = 8.4e9;

/// Other tools' entries of a day, in hundredths of the limit.
const CROWD: u64 = 10;

/// Of a thousand entries so many vanish in a night, whatever they are.
const VANISH: usize = 10;

/// Packages of the store, and their bytes.
fn sizes(place: &Place) -> (usize, usize) {
    match place.size.as_str() {
        "small" => (60, 60_000_000),
        "medium" => (100, 250_000_000),
        _ => (120, 1_000_000_000),
    }
}

/// What is 10 GB on GitHub, by what share of a real store this one is.
#[derive(Clone, Copy)]
struct Scale(f64);

impl Scale {
    fn bytes(self, real: f64) -> u64 {
        (real * self.0) as u64
    }
}

/// What came of a side's days.
#[derive(Default)]
struct Tally {
    uploaded: u64,
    entries: u64,
    /// Days on which there was something.
    found: usize,
    /// Bytes of the side's entries at the end of each day.
    size: Vec<f64>,
}

pub(super) async fn take(place: &Place, report: &mut Report) {
    let (packages, bytes) = sizes(place);
    let scale = Scale(bytes as f64 / REAL);
    let limit = scale.bytes(10e9);
    eprintln!(
        "{DAYS} days of {packages} packages, {} MB of a limit of {} MB",
        bytes / 1_000_000,
        limit / 1_000_000
    );
    let folder = place.work.join("days");
    let root = folder.join("world");
    std::fs::create_dir_all(&root).expect("a folder can be made");
    let server = server(place, &folder.join("data"), limit);
    let mut ours = Ours::new(place, Repository::new(&server, "days/ours"), scale);
    let mut tarballs = Tarballs::new(Repository::new(&server, "days/tarballs"));
    let mut world = World::new(&root, packages, bytes, 1);
    let mut night = Noise::new(2);
    let mut merged = None;
    for day in 0..DAYS {
        if let Some(pull) = merged.take() {
            world.go_to(pull);
        }
        update(&mut world, day);
        let paths = world.make();
        ours.day(&root, &paths);
        tarballs.day(&root, &paths, day).await;
        if day % PULL == PULL - 1 {
            let today = world.today();
            world.release();
            let paths = world.make();
            ours.pull_request(&root, &paths, day);
            tarballs.pull_request(&root, &paths, day).await;
            merged = Some(world.today());
            world.go_to(today);
        }
        for repository in [&mut ours.repository, &mut tarballs.repository] {
            repository.crowd(limit * CROWD / 100, day as u64).await;
        }
        ours.tally.size.push(ours.repository.night(&mut night, VANISH).await);
        tarballs.tally.size.push(tarballs.repository.night(&mut night, VANISH).await);
        eprintln!("  day {:2}: {ours}; {tarballs}", day + 1);
    }
    tell(report, &ours, &tarballs);
    drop((ours, tarballs));
    drop(server);
    remove(&folder);
}

/// What a morning brings.
fn update(world: &mut World, day: usize) {
    match day {
        0 => {}
        _ if day.is_multiple_of(7) => world.rebuild_all(),
        _ if day % 4 == 3 => world.release(),
        _ => world.rebuild(3),
    }
}

fn server(place: &Place, data: &Path, limit: u64) -> Snowbank {
    // What has gone must leave the disk: it would fill up with tarballs.
    let times = [("UPKEEP", "10s"), ("GRACE", "1s"), ("DOWNLOAD_URL", "30s")];
    let how = Snowbank::builder(&place.snowbank).data(data).arg("--pause-recoding");
    let how = how.env("SNOWBANK_LIMITS_SIZE", format!("{limit}B"));
    times.iter().fold(how, |how, (name, span)| how.env(format!("SNOWBANK_TIMES_{name}"), *span)).start()
}

fn tell(report: &mut Report, ours: &Ours<'_>, tarballs: &Tarballs<'_>) {
    let (mine, theirs) = (&ours.tally, &tarballs.tally);
    // A pull request has a lock hash of its own. Ours counts all that it uploads either way.
    for (name, bytes) in [
        ("days: bytes uploaded, against one tarball a lock hash", theirs.uploaded),
        ("  against one tarball a day, none for pull requests", tarballs.daily),
    ] {
        let ratio = mine.uploaded as f64 / bytes as f64;
        report.at_most(name, format!("{ratio:.3}x"), ratio, 0.05, "0.05x at most");
    }
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let both = |ours: String, tarballs: String| format!("{ours}, tarballs {tarballs}");
    let uploaded =
        both(format!("{:.0} MB", megabytes(mine.uploaded)), format!("{:.0} MB", megabytes(theirs.uploaded)));
    report.plain("  uploaded", uploaded);
    let share = |found: usize| format!("{:.0} %", 100.0 * found as f64 / (DAYS - 1) as f64);
    report.plain("days: the snapshot was there", both(share(mine.found), share(theirs.found)));
    report.plain("  and gave, of its paths", format!("{:.1} %", 100.0 * ours.given()));
    report.plain("days: entries made", both(mine.entries.to_string(), theirs.entries.to_string()));
    report.at_most(
        "  most by one run, against a minute's",
        ours.most.to_string(),
        ours.most as f64,
        40.0,
        "40 at most",
    );
    let packs = Rounds::new(ours.packs.clone());
    report.plain("  packs of a generation", format!("{packs:.0}"));
    for (name, tally) in [("days: size, MB: first day, median, most", mine), ("  of tarballs", theirs)] {
        let most = tally.size.iter().copied().fold(0.0, f64::max);
        let median = Rounds::new(tally.size.clone()).median();
        let first = tally.size.first().copied().unwrap_or_default();
        report.plain(name, format!("{first:.0}, {median:.0}, {most:.0}"));
    }
}
