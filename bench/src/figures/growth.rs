//! What a second save adds to the disk when every path of the store was rebuilt with nearly the same bytes.

use super::{SECOND, Saved};
use crate::{
    place::Place,
    report::Report,
    server::{Recoding, Server, disk_of},
    workload::Workload,
};

pub(super) async fn take(place: &Place, saved: &Saved, report: &mut Report) {
    let before = disk_of(&saved.data());
    let store = Workload::make(place, "2");
    let server = Server::start(place, &saved.data(), Recoding::Running);
    // tar takes files as the disk lists them; sorted, they come in another order than they did the first time.
    let client = server.npm().in_workspace(store.folder()).env("TAR_OPTIONS", "--sort=name");
    let outcome = client.save(&Workload::PATHS, SECOND).await;
    assert!(outcome.saved.is_some(), "{}", outcome.output);
    drop(store);
    server.recoded().await;
    let (archive, _) = server.entry(SECOND).await;
    server.stop();
    let grown = disk_of(&saved.data()).saturating_sub(before);
    eprintln!(
        "  an archive of {:.1} MB made the disk grow by {:.2} MB",
        archive as f64 / 1e6,
        grown as f64 / 1e6
    );
    let share = grown as f64 / archive as f64 * 100.0;
    report.at_most(
        "disk growth for a second save, every path rebuilt, of its archive",
        format!("{share:.2} %"),
        share,
        2.0,
        "2 % at most",
    );
}
