//! The disk that generations of a closure take.

use snowbank_testkit::{closure::succeed, disk::bytes_taken};

use super::{ours, serve, url};
use crate::{
    figures::client::publish,
    place::{Place, remove},
    report::Report,
    server::disk_of,
    workload::Workload,
};

pub(super) fn take(place: &Place, report: &mut Report) {
    let data = place.work.join("disk-data");
    let server = serve(place, &data);
    let (url, token) = (url(&server), ours::token(&server));
    let (mut theirs, mut ours) = (0, Vec::new());
    for (release, packages) in [("1", &[][..]), ("2", &[]), ("2", &["--older"])] {
        let store = Workload::rebuilt(place, release, packages);
        let files = place.work.join("disk-files");
        succeed(&mut publish(&store, &files, "compression=zstd"));
        theirs += bytes_taken(&files).expect("a folder can be read");
        remove(&files);
        ours::push(place, &url, &token, &store);
        ours.push(disk_of(&data));
    }
    let all = ours.last().copied().unwrap_or_default();
    let ratio = all as f64 / theirs as f64;
    let shown: Vec<_> = ours.iter().map(|bytes| format!("{:.0}", *bytes as f64 / 1e6)).collect();
    let shown = format!("{ratio:.2}x ({} MB after each, of {:.0} MB)", shown.join(", "), theirs as f64 / 1e6);
    let name = "caches: disk of three generations, against three static caches";
    report.at_most(name, shown, ratio, 0.45, "0.45x at most");
    drop(server);
    remove(&data);
}
