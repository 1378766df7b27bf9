//! Restoring into a store that belongs to somebody else: by the helper, through Nix's daemon; and what `nix copy` takes
//! from a cache of files.

use std::{path::Path, process::Command, time::Instant};

use snowbank_testkit::{closure::nix, nginx::Nginx, nix_daemon::NixDaemon};

use super::snowbank::Client;
use crate::{
    measure::{Rounds, turns},
    place::{Place, remove, set_aside, settle_disk, succeed},
    report::Report,
    server::{Recoding, Server},
    workload::Workload,
};

/// The sides, in the order of their seconds.
const SIDES: [&str; 4] = ["root", "helper", "daemon", "nix copy"];

/// `data` holds a server's state with `store` saved to it.
pub(super) fn take(place: &Place, store: &Workload, data: &Path, report: &mut Report) {
    let files = place.work.join("binary-cache");
    succeed(&mut publish(store, &files, "compression=zstd"));
    let nginx = Nginx::serve(&files);
    let server = Server::start(place, data, Recoding::Paused);
    let client = Client::of(place, &server);
    let root = place.work.join("written");
    let mut seconds: [Vec<f64>; 4] = Default::default();
    for round in 0..place.rounds {
        for side in turns(SIDES.len(), round) {
            empty(&root);
            settle_disk();
            let took = match side {
                2 => {
                    let _daemon = NixDaemon::before(&root, "root");
                    client.restore_by(&root, &["--writer", "daemon"]).seconds
                }
                3 => copy(place, nginx.url(), store.top(), &root),
                _ => client.restore_by(&root, &["--writer", SIDES[side]]).seconds,
            };
            eprintln!("  {:16} restore {took:6.2} s", SIDES[side]);
            seconds[side].push(took);
            set_aside(place, &root);
        }
    }
    let [root, helper, daemon, copy] = &seconds;
    let mut ratio = |name: &str, ours: &[f64], theirs: &[f64], most: f64, asked: &str| {
        let ratio = Rounds::ratio(ours, theirs);
        report.at_most(name, format!("{ratio}x"), ratio.median(), most, asked);
    };
    ratio("client: restore by the helper, against root", helper, root, 1.2, "1.2x at most");
    ratio("client: restore through the daemon, against root", daemon, root, 1.2, "1.2x at most");
    ratio("client: restore by the helper, against nix copy", helper, copy, 1.0, "faster");
    ratio("client: restore through the daemon, against nix copy", daemon, copy, 1.0, "faster");
    drop(server);
    remove(&files);
}

/// Copies the closure to a binary cache of files in `folder`.
pub(crate) fn publish(store: &Workload, folder: &Path, options: &str) -> Command {
    let mut command = nix("nix", &store.root());
    command.args(["--extra-experimental-features", "nix-command", "copy", "--quiet", "--to"]);
    command.arg(format!("file://{}?{options}", folder.display())).arg(store.top());
    command
}

/// Seconds of `nix copy` from `url` into the store at `root`, as its owner, with nothing remembered from before.
pub(crate) fn copy(place: &Place, url: &str, top: &str, root: &Path) -> f64 {
    let remembered = place.work.join("nix-copy");
    let mut command = Command::new("nix");
    command.args(["--extra-experimental-features", "nix-command", "copy", "--quiet", "--no-check-sigs"]);
    command.args(["--from", url, "--to"]).arg(root).arg(top);
    command.env("XDG_CACHE_HOME", &remembered).env("NIX_CONF_DIR", "/nonexistent").env_remove("NIX_REMOTE");
    let begun = Instant::now();
    succeed(&mut command);
    let seconds = begun.elapsed().as_secs_f64();
    remove(&remembered);
    seconds
}

/// Makes an empty store.
pub(crate) fn empty(root: &Path) {
    let made = nix("nix-store", root).arg("--verify").output().expect("nix-store can be run");
    assert!(made.status.success(), "an empty store can be made");
}
