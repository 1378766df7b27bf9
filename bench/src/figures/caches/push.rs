//! Writing to a cache.

use std::{fs, time::Instant};

use snowbank_testkit::{closure::succeed, nginx::Nginx, snowbank::Snowbank};

use super::{
    against, in_turns,
    ours::{self, Ran},
    pull::Far,
    serve, url,
};
use crate::{
    figures::client::publish,
    measure::Rounds,
    place::{Place, remove, settle_disk},
    report::Report,
    workload::Workload,
};

/// Bytes on the wire that a rebuild of every path may take.
const REBUILT: u64 = 40_000_000;

/// Nothing is new.
pub(super) fn again(place: &Place, server: &Snowbank, token: &str, store: &Workload, report: &mut Report) {
    let seconds = (0..place.rounds).map(|_| ours::push(place, &url(server), token, store).seconds);
    let seconds = Rounds::new(seconds.collect());
    let shown = format!("{seconds} s");
    report.at_most("caches: push when nothing is new", shown, seconds.median(), 1.0, "1 s at most");
}

/// What a push came to when every path was rebuilt.
pub(super) fn rebuilt(pushed: &Ran, report: &mut Report) {
    let ways = ["sent", "received"].iter().filter_map(|way| pushed.result["traffic"][*way].as_u64());
    let sent = ways.sum::<u64>();
    let shown = format!("{:.1} MB in {:.1} s", sent as f64 / 1e6, pushed.seconds);
    let name = "caches: push of every path rebuilt, bytes on the wire";
    report.at_most(name, shown, sent as f64, REBUILT as f64, "40 MB at most");
}

/// Everything is new.
pub(super) fn cold(place: &Place, store: &Workload, report: &mut Report) {
    let files = place.work.join("push-files");
    let data = place.work.join("push-data");
    let anew = || {
        fs::create_dir_all(&files).expect("a folder can be made");
        settle_disk();
    };
    let mut peak = 0;
    let sides = ["nix file", "push", "far", "nix put", "nix ours"];
    let [file, push, far, put, plain] = in_turns(place, "cold", sides, |side| match side {
        0 => {
            anew();
            let begun = Instant::now();
            succeed(&mut publish(store, &files, "compression=zstd"));
            let took = begun.elapsed().as_secs_f64();
            remove(&files);
            took
        }
        3 => {
            anew();
            let nginx = Nginx::serve_writable(&files);
            let took = ours::nix_push(place, nginx.url(), "", store);
            drop(nginx);
            remove(&files);
            took
        }
        side => {
            settle_disk();
            let server = serve(place, &data);
            let (url, token) = (url(&server), ours::token(&server));
            let took = match side {
                1 => ours::push(place, &url, &token, store).seconds,
                2 => ours::push(place, &Far::before(&url).url, &token, store).seconds,
                _ => ours::nix_push(place, &url, &token, store),
            };
            peak = peak.max(server.process().peak_memory());
            drop(server);
            remove(&data);
            took
        }
    });
    against(report, "push, all of it new, against nix copy to a folder", &push, &file, 0.7);
    against(report, "push, all of it new, 20 ms away, against nix copy to a folder", &far, &file, 0.7);
    against(report, "nix copy --to, against nginx that writes down", &plain, &put, 1.4);
    let shown = format!("{} MiB", peak >> 20);
    report.at_most(
        "caches: most memory of the server, pushed to",
        shown,
        peak as f64,
        f64::from(256 << 20),
        "256 MiB at most",
    );
}
