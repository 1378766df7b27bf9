//! Binary caches: unmodified Nix and curl against a cache of ours, and against nginx with a folder that `nix copy` made.

mod fetch;

use std::{path::Path, time::Instant};

use snowbank_testkit::{
    closure::{nix, requisites, succeed},
    nginx::Nginx,
    snowbank::Snowbank,
};

use super::client::{copy, empty, publish};
use crate::{
    measure::{Rounds, turns},
    place::{Place, remove, set_aside, settle_disk},
    report::Report,
    workload::Workload,
};
use fetch::{Cache, fetch};

/// The sides, in the order of their seconds.
const SIDES: [&str; 2] = ["nginx", "snowbank"];

pub(super) fn take(place: &Place, report: &mut Report) {
    let store = Workload::make(place, "1");
    let files = place.work.join("nix-files");
    succeed(&mut publish(&store, &files, "compression=zstd"));
    let nginx = Nginx::serve(&files);
    let data = place.work.join("nix-data");
    let server = serve(place, &data);
    let url = format!("{}/nix/bench", server.url());
    let pushed = push(place, &server, &url, &store);
    report.plain("caches: nix copy --to ours, zstd", format!("{pushed:.1} s"));
    settle_disk();
    let paths = requisites(&store.root(), store.top());
    let caches = [nginx.url(), &url].map(|url| Cache::of(url, &paths));
    let mut against = |name: &str, most: f64, asked: &str, take: &dyn Fn(usize) -> f64| {
        let mut seconds: [Vec<f64>; 2] = Default::default();
        for round in 0..place.rounds {
            for side in turns(SIDES.len(), round) {
                let took = take(side);
                eprintln!("  {:9} {name} {took:7.3} s", SIDES[side]);
                seconds[side].push(took);
            }
        }
        let ratio = Rounds::ratio(&seconds[1], &seconds[0]);
        let name = format!("caches: {name}, against nginx");
        report.at_most(&name, format!("{ratio}x"), ratio.median(), most, asked);
    };
    for connections in [1, 16] {
        let name =
            format!("all NARs over {connections} connection{}", if connections == 1 { "" } else { "s" });
        against(&name, 2.0, "2x at most", &|side| fetch(&caches[side].nars, connections));
    }
    against("all infos one after the other", 2.0, "2x at most", &|side| fetch(&caches[side].infos, 1));
    let root = place.work.join("pulled");
    against("nix copy --from, empty store", 1.1, "1.1x at most", &|side| {
        empty(&root);
        settle_disk();
        let took = copy(place, &caches[side].url, store.top(), &root);
        set_aside(place, &root);
        took
    });
    let peak = server.process().peak_memory();
    let shown = format!("{} MiB", peak >> 20);
    report.at_most(
        "caches: most memory of the server",
        shown,
        peak as f64,
        f64::from(256 << 20),
        "256 MiB at most",
    );
    drop(server);
    remove(&data);
    remove(&files);
}

fn serve(place: &Place, data: &Path) -> Snowbank {
    let config = place.work.join("caches.toml");
    std::fs::write(&config, "[caches.bench]\npublic = true\n").expect("a configuration can be written");
    Snowbank::builder(&place.snowbank).data(data).arg("--config").arg(config.display().to_string()).start()
}

/// Seconds of a push of the whole closure by plain Nix.
fn push(place: &Place, server: &Snowbank, url: &str, store: &Workload) -> f64 {
    let token = server.run(&["token", "create", "--cache", "bench:push"]);
    let netrc = place.work.join("netrc");
    let login = format!("machine 127.0.0.1 login x password {}\n", token.trim());
    std::fs::write(&netrc, login).expect("a file can be written");
    let mut command = nix("nix", &store.root());
    command.args(["--extra-experimental-features", "nix-command", "copy", "--quiet", "--to"]);
    command.arg(format!("{url}?compression=zstd")).arg(store.top());
    command.args(["--option", "netrc-file"]).arg(netrc).env("XDG_CACHE_HOME", place.work.join("nix-push"));
    let begun = Instant::now();
    succeed(&mut command);
    begun.elapsed().as_secs_f64()
}
