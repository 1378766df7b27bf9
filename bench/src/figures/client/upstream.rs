//! Restoring where half of the paths come from an upstream cache some way off, against `nix copy` of all of them.

use std::{collections::BTreeSet, time::Duration};

use snowbank_testkit::{
    closure::{nix, succeed},
    nginx::Nginx,
    proxy::{Faults, Proxy},
};

use super::{
    snowbank::Client,
    writers::{copy, empty, publish},
};
use crate::{
    measure::{Rounds, turns},
    place::{Place, remove, set_aside, settle_disk},
    report::Report,
    server::{Recoding, Server},
    workload::Workload,
};

/// How far off the upstream cache is.
const ROUND_TRIP: Duration = Duration::from_millis(20);

pub(super) async fn take(place: &Place, report: &mut Report) {
    // Making a large one, in xz, would take the better part of an hour.
    let place = &Place { size: smaller(&place.size), ..place.clone() };
    let store = Workload::make(place, "1");
    let keys = place.work.join("keys");
    std::fs::create_dir_all(&keys).expect("a folder");
    let [secret, public] = ["secret", "public"].map(|name| keys.join(name));
    let mut make = nix("nix-store", &store.root());
    succeed(make.args(["--generate-binary-cache-key", "bench-1"]).args([&secret, &public]));
    let public = std::fs::read_to_string(public).expect("the key was made");
    let files = place.work.join("upstream");
    let options = format!("compression=xz&secret-key={}", secret.display());
    succeed(&mut publish(&store, &files, &options));
    let paths = half(&store);
    let mut sign = nix("nix", &store.root());
    sign.args(["--extra-experimental-features", "nix-command", "store", "sign", "--key-file"]);
    succeed(sign.arg(&secret).args(&paths));

    let nginx = Nginx::serve(&files);
    let address = nginx.url().trim_start_matches("http://").trim_end_matches('/').to_owned();
    let proxy = Proxy::before(address.parse().expect("an address")).await;
    proxy.set(Faults::far(ROUND_TRIP));
    let (url, work) = (proxy.url(), place.clone());
    let measured = tokio::task::spawn_blocking(move || measure(&work, &store, &url, public.trim()));
    let (ours, theirs) = measured.await.expect("it was measured");
    let ratio = Rounds::ratio(&ours, &theirs);
    let name = format!(
        "client: restore with half of it from upstream (xz, {} ms off, {}), against nix copy",
        ROUND_TRIP.as_millis(),
        place.size
    );
    report.at_most(&name, format!("{ratio}x"), ratio.median(), 0.7, "0.7x at most");
    remove(&files);
}

fn smaller(size: &str) -> String {
    if size == "large" { "medium" } else { size }.to_owned()
}

fn measure(place: &Place, store: &Workload, url: &str, key: &str) -> (Vec<f64>, Vec<f64>) {
    let data = place.work.join("upstream-data");
    let server = Server::start(place, &data, Recoding::Paused);
    let client = Client::of(place, &server).with(&["--upstream", url, "--upstream-key", key]);
    let saved = client.save(&store.root(), store.top());
    eprintln!("  upstream has {} of {} paths", saved.result["upstream"]["paths"], saved.result["wanted"]);
    let root = place.work.join("written");
    let mut seconds: [Vec<f64>; 2] = Default::default();
    for round in 0..place.rounds {
        for side in turns(2, round) {
            empty(&root);
            settle_disk();
            let took = match side {
                0 => {
                    let restored = client.restore(&root);
                    assert_eq!(restored.result["missed"].as_array().map(Vec::len), Some(0));
                    restored.seconds
                }
                _ => copy(place, url, store.top(), &root),
            };
            eprintln!("  {:16} restore {took:6.2} s", ["snowbank client", "nix copy"][side]);
            seconds[side].push(took);
            set_aside(place, &root);
        }
    }
    drop(server);
    remove(&data);
    let [ours, theirs] = seconds;
    (ours, theirs)
}

/// Every second path by size: half of the paths, and about half of the bytes.
fn half(store: &Workload) -> BTreeSet<String> {
    let mut command = nix("nix", &store.root());
    command.args(["--extra-experimental-features", "nix-command", "path-info", "--recursive", "--size"]);
    let printed = succeed(command.arg(store.top()));
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let path = words.next()?.to_owned();
        Some((words.next()?.parse::<u64>().ok()?, path))
    };
    let mut sizes: Vec<_> = printed.lines().filter_map(line).collect();
    sizes.sort();
    sizes.into_iter().step_by(2).map(|(_, path)| path).collect()
}
