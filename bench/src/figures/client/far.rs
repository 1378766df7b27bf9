//! The same with the server some way off: every byte arrives half a round trip later.

use std::time::Duration;

use snowbank_testkit::proxy::{Faults, Proxy};

use super::{snowbank::Client, warm};
use crate::{
    figures::FIRST,
    place::{Place, remove, set_aside, settle_disk},
    report::Report,
    server::{Recoding, Server},
    workload::Workload,
};

pub(super) async fn take(place: &Place, store: &Workload, report: &mut Report) {
    for millis in [20, 80] {
        let data = place.work.join("far-data");
        let server = Server::start(place, &data, Recoding::Paused);
        let (host, _) = server.address();
        let proxy = Proxy::before(host.parse().expect("an address")).await;
        proxy.set(Faults::far(Duration::from_millis(millis)));
        let npm = server.npm_by(&proxy.url());
        let elsewhere = npm.elsewhere();
        let npm = npm.in_workspace(store.folder());
        warm(&store.root());
        let npm_save = npm.save(&Workload::PATHS, FIRST).await.seconds;
        settle_disk();
        let npm_restore = elsewhere.restore(&Workload::PATHS, FIRST, &[]).await.seconds;
        set_aside(place, &elsewhere.workspace().join("root"));
        let client = Client::by(place, &server, &proxy.url());
        let (from, top, to) = (store.root(), store.top().to_owned(), place.work.join("far"));
        warm(&from);
        let ours = tokio::task::spawn_blocking(move || {
            let save = client.save(&from, &top).seconds;
            settle_disk();
            (save, client.restore(&to).seconds)
        });
        let (save, restore) = ours.await.expect("the client was run");
        set_aside(place, &place.work.join("far"));
        for (what, ours, theirs) in [("save", save, npm_save), ("restore", restore, npm_restore)] {
            let name = format!("client: {what} at {millis} ms, against the npm client");
            let value = format!("{:.2}x ({ours:.1} s for {theirs:.1} s)", ours / theirs);
            report.at_most(&name, value, ours / theirs, 1.0, "faster");
        }
        drop(server);
        remove(&data);
    }
}
