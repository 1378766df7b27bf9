//! curl downloads one recoded archive, and nginx serves the same bytes as one file.

use std::{
    path::Path,
    process::{Child, Command},
    time::Instant,
};

use snowbank_testkit::nginx::Nginx;

use super::{FIRST, Saved};
use crate::{
    measure::{Rounds, turns},
    place::{Place, succeed},
    report::Report,
    server::{Recoding, Server},
};

/// Bytes that one measurement moves at the least, so that it is not over at once.
const ENOUGH: u64 = 4 << 30;

pub(super) async fn take(place: &Place, saved: &Saved, report: &mut Report) {
    let server = Server::start(place, &saved.data(), Recoding::Running);
    let (_, url) = server.entry(FIRST).await;
    let nginx = Nginx::serve(&saved.folder);
    let urls = [format!("{}/recoded.tzst", nginx.url()), url];
    let size = std::fs::metadata(saved.recoded()).expect("the archive is there").len();
    for url in &urls {
        download(url, 1, 1);
    }
    for connections in [1, 16] {
        let times = (ENOUGH / size / connections).clamp(1, 64);
        let mut rates: [Vec<f64>; 2] = Default::default();
        for round in 0..place.rounds {
            for side in turns(2, round) {
                let before = server.process().processor_seconds();
                let start = Instant::now();
                download(&urls[side], connections, times);
                let seconds = start.elapsed().as_secs_f64();
                let rate = (size * connections * times) as f64 / seconds / 1e6;
                let name = ["nginx", "snowbank"][side];
                let processor = server.process().processor_seconds() - before;
                eprintln!(
                    "  {name:8} {connections:2} connections  {rate:6.0} MB/s  (snowbank's processor {processor:.2} s of {seconds:.2} s)"
                );
                rates[side].push(rate);
            }
        }
        let ratio = Rounds::ratio(&rates[1], &rates[0]);
        let plural = if connections == 1 { "" } else { "s" };
        report.at_least(
            &format!("download over {connections} connection{plural}, against nginx"),
            format!("{ratio}x"),
            ratio.median(),
            0.5,
            "0.5x or more",
        );
    }
}

/// Downloads the URL into nothing, `times` times over each of so many connections at once.
fn download(url: &str, connections: u64, times: u64) {
    let clients: Vec<Child> = (0..connections)
        .map(|_| {
            let mut curl = curl();
            for _ in 0..times {
                curl.args(["-o", "/dev/null", url]);
            }
            curl.spawn().expect("curl can be run")
        })
        .collect();
    for mut client in clients {
        let status = client.wait().expect("curl ends");
        assert!(status.success(), "curl ended with {status}");
    }
}

/// Downloads the URL into a file.
pub(super) fn fetch(url: &str, file: &Path) {
    succeed(curl().arg("-o").arg(file).arg(url));
}

fn curl() -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--fail", "--noproxy", "*"]);
    curl
}
