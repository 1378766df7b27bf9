//! What a job's caching costs beside its build: the action's steps, run by a small runner, against those of the npm
//! client.

use std::{path::Path, time::Instant};

use snowbank_testkit::{
    closure::nix,
    runner::{Job, Started, Step},
    tools::repository,
};

use super::{FIRST, client::empty};
use crate::{
    measure::{Rounds, turns},
    place::{Place, remove, set_aside, settle_disk},
    report::Report,
    server::{Recoding, Server},
    workload::Workload,
};

/// Seconds of each round.
#[derive(Default)]
struct Sides {
    npm: Vec<f64>,
    npm_changed: Vec<f64>,
    eager: Vec<f64>,
    nothing: Vec<f64>,
    tenth: Vec<f64>,
    changed: Vec<f64>,
}

pub(super) async fn take(place: &Place, report: &mut Report) {
    let store = Workload::make(place, "1");
    let data = place.work.join("job-data");
    let entries = first(place, &store, &data).await;
    let tenth = tenth(&store);
    let changed = Workload::rebuilt(place, "1", &["pillow=2"]);
    let mut sides = Sides::default();
    let npm_data = place.work.join("job-npm-data");
    for round in 0..place.rounds {
        for side in turns(2, round) {
            if side == 0 {
                npm(place, &npm_data, &store, &changed, &mut sides).await;
            } else {
                ours(place, &data, &changed, &tenth, &mut sides);
            }
        }
    }
    let mut ratio = |name: &str, ours: &[f64], theirs: &[f64], most: f64| {
        let ratio = Rounds::ratio(ours, theirs);
        report.at_most(name, format!("{ratio}x"), ratio.median(), most, &format!("{most}x at most"));
    };
    ratio("job: a warm run, eager, against the npm client's steps", &sides.eager, &sides.npm, 0.35);
    ratio("job: a warm run that needs a tenth, lazy, against the same", &sides.tenth, &sides.npm, 0.1);
    ratio("job: a run after one package changed, against the same", &sides.changed, &sides.npm_changed, 0.35);
    let nothing = Rounds::new(sides.nothing);
    let name = "job: a warm run that needs nothing, lazy, s";
    report.at_most(name, format!("{nothing}"), nothing.median(), 3.0, "3 at most");
    let name = "job: new cache entries of a first run";
    report.at_most(name, entries.to_string(), entries as f64, 40.0, "40 a minute at most");
    remove(&data);
}

/// A job with the store at `root`, on this server.
fn job(server: &Server, root: &Path) -> Job {
    let (url, token) = server.remote();
    Job::new(&url, &token)
        .env("SNOWBANK_STORE", root.display().to_string())
        .env("NIX_CONF_DIR", "/nonexistent")
        .env("NIX_CONFIG", "substituters =\n")
}

/// The action's main step, in seconds.
fn main(place: &Place, job: &mut Job, inputs: &[(&str, &str)]) -> (f64, Step, Started) {
    let binary = place.snowbank.display().to_string();
    let inputs = [&[("binary", &*binary), ("key", "bench")], inputs].concat();
    let begun = Instant::now();
    let (step, started) = job.start(&repository(), &inputs);
    (begun.elapsed().as_secs_f64(), step, started)
}

/// Its post step, in seconds.
fn post(job: &mut Job, started: &Started, said: &str) -> f64 {
    let begun = Instant::now();
    let step = job.finish(started);
    let seconds = begun.elapsed().as_secs_f64();
    assert!(step.said().contains(said) && !step.said().contains("::warning"), "{}", step.said());
    seconds
}

/// The first run, which saves the store. Returns how many entries it made.
async fn first(place: &Place, store: &Workload, data: &Path) -> u64 {
    let server = Server::start(place, data, Recoding::Paused);
    let mut job = job(&server, &store.root());
    let (_, _, started) = main(place, &mut job, &[("paths", store.top())]);
    post(&mut job, &started, "saved as bench#1");
    let entries = server.entries().await;
    server.stop();
    settle_disk();
    entries
}

/// A path whose closure is about a tenth of the store.
fn tenth(store: &Workload) -> String {
    let mut command = nix("nix", &store.root());
    command.args(["--extra-experimental-features", "nix-command", "path-info", "-rS", store.top()]);
    let output = command.output().expect("nix can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let sizes: Vec<(&str, u64)> = text
        .lines()
        .filter_map(|line| line.split_once(char::is_whitespace))
        .map(|(path, size)| (path, size.trim().parse().expect("a closure has a size")))
        .collect();
    let all = sizes.iter().map(|(_, size)| *size).max().expect("the store has paths");
    let far = |size: u64| size.abs_diff(all / 10);
    let nearest = sizes.iter().min_by_key(|(_, size)| far(*size)).expect("the store has paths");
    eprintln!("a tenth: {} with {} of {all} bytes", nearest.0, nearest.1);
    nearest.0.to_owned()
}

/// The steps of `actions/cache`: a restore by the exact key, after which nothing is saved; and one by a restore key, after
/// which all is.
async fn npm(place: &Place, data: &Path, store: &Workload, changed: &Workload, sides: &mut Sides) {
    let server = Server::start(place, data, Recoding::Paused);
    let client = server.npm();
    let elsewhere = client.elsewhere();
    let saved = client.in_workspace(store.folder()).save(&Workload::PATHS, FIRST).await;
    assert!(saved.saved.is_some(), "{}", saved.output);
    settle_disk();
    let restored = elsewhere.restore(&Workload::PATHS, FIRST, &[]).await;
    assert!(restored.matched.is_some(), "{}", restored.output);
    set_aside(place, &elsewhere.workspace().join("root"));
    settle_disk();
    let again = server.npm().in_workspace(changed.folder()).save(&Workload::PATHS, "nix-changed").await;
    assert!(again.saved.is_some(), "{}", again.output);
    eprintln!(
        "  npm client       warm {:6.2} s   changed {:6.2} s",
        restored.seconds,
        restored.seconds + again.seconds
    );
    sides.npm.push(restored.seconds);
    sides.npm_changed.push(restored.seconds + again.seconds);
    drop(server);
    remove(data);
}

fn ours(place: &Place, data: &Path, changed: &Workload, tenth: &str, sides: &mut Sides) {
    let copy = place.work.join("job-copy");
    crate::server::copy(data, &copy);
    let server = Server::start(place, &copy, Recoding::Paused);
    let root = place.work.join("job-root");
    let run = |mode: &str, build: Option<&str>| {
        empty(&root);
        settle_disk();
        let mut job = job(&server, &root);
        let (restoring, step, started) = main(place, &mut job, &[("mode", mode)]);
        assert!(step.outputs.contains_key("cache-hit"), "{}", step.said());
        let begun = Instant::now();
        if let Some(path) = build {
            let store = root.display();
            let step = job.run(&format!("nix-store --store {store} --quiet --realise {path}"));
            assert!(step.output.status.success(), "{}", step.said());
        }
        let building = begun.elapsed().as_secs_f64();
        let seconds = restoring + building + post(&mut job, &started, "nothing new");
        set_aside(place, &root);
        seconds
    };
    let (eager, nothing, lazy) = (run("eager", None), run("lazy", None), run("lazy", Some(tenth)));
    empty(&root);
    settle_disk();
    let mut after = job(&server, &root);
    let (restoring, step, started) = main(place, &mut after, &[("mode", "eager"), ("paths", changed.top())]);
    assert!(step.outputs.contains_key("cache-hit"), "{}", step.said());
    set_aside(place, &root);
    settle_disk();
    // What a build would leave, made beforehand.
    let mut after = after.env("SNOWBANK_STORE", changed.root().display().to_string());
    let saving = post(&mut after, &started, "saved as bench#2");
    eprintln!(
        "  snowbank action  warm {eager:6.2} s   changed {:6.2} s   lazy {nothing:.2} s, a tenth {lazy:.2} s",
        restoring + saving
    );
    sides.eager.push(eager);
    sides.nothing.push(nothing);
    sides.tenth.push(lazy);
    sides.changed.push(restoring + saving);
    server.stop();
    remove(&copy);
}
