//! Reading from a cache.

use std::{path::Path, time::Duration};

use snowbank_testkit::{
    closure::requisites,
    nginx::Nginx,
    proxy::{Faults, Proxy},
};

use super::{
    against,
    fetch::{Cache, fetch},
    in_turns, memory, ours, serve, url,
};
use crate::{
    figures::client::{copy, empty},
    place::{Place, remove, set_aside, settle_disk},
    report::Report,
    workload::Workload,
};

/// The sides, in the order of their seconds.
const SIDES: [&str; 3] = ["nginx", "snowbank", "pull"];

/// `files` is a binary cache that Nix has made of the store.
pub(super) fn take(place: &Place, store: &Workload, files: &Path, report: &mut Report) {
    let nginx = Nginx::serve(files);
    let data = place.work.join("nix-data");
    let server = serve(place, &data);
    ours::push(place, &url(&server), &ours::token(&server), store);
    let top = store.top().to_owned();
    let paths = requisites(&store.root(), &top);
    settle_disk();
    let here = [nginx.url().to_owned(), url(&server)];
    let far = here.each_ref().map(|url| Far::before(url));
    let away = far.each_ref().map(|far| far.url.clone());
    let key = ours::key(&server);
    for (urls, how) in [(&here, ""), (&away, ", 20 ms away")] {
        let caches = urls.each_ref().map(|url| Cache::of(url, &paths));
        for connections in [1, 16] {
            let plural = if connections == 1 { "" } else { "s" };
            let name = format!("all NARs over {connections} connection{plural}{how}, against nginx");
            let [theirs, ours] =
                in_turns(place, &name, ["nginx", "snowbank"], |side| fetch(&caches[side].nars, connections));
            against(report, &name, &ours, &theirs, 2.0);
        }
        let name = format!("all infos one after the other{how}, against nginx");
        let [theirs, ours] =
            in_turns(place, &name, ["nginx", "snowbank"], |side| fetch(&caches[side].infos, 1));
        against(report, &name, &ours, &theirs, 2.0);
        let root = place.work.join("pulled");
        let [theirs, plain, ours] = in_turns(place, &format!("empty store{how}"), SIDES, |side| {
            empty(&root);
            settle_disk();
            let took = match side {
                2 => ours::pull(place, &urls[1], &key, &top, &root).seconds,
                side => copy(place, &urls[side], &top, &root),
            };
            set_aside(place, &root);
            took
        });
        against(report, &format!("nix copy --from, empty store{how}, against nginx"), &plain, &theirs, 1.1);
        against(report, &format!("pull, empty store{how}, against nix copy from nginx"), &ours, &theirs, 0.5);
    }
    memory(report, "while it is read", server.process());
    drop(server);
    remove(&data);
}

/// A way to a server on which a question and its answer take 20 ms.
pub(super) struct Far {
    pub(super) url: String,
    _proxy: Proxy,
}

impl Far {
    pub(super) fn before(url: &str) -> Self {
        let rest = url.trim_start_matches("http://");
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = host.parse().expect("an address");
        let runtime = tokio::runtime::Handle::current();
        let proxy = tokio::task::block_in_place(|| runtime.block_on(Proxy::before(host)));
        proxy.set(Faults::far(Duration::from_millis(20)));
        Self { url: format!("{}/{path}", proxy.url()).trim_end_matches('/').to_owned(), _proxy: proxy }
    }
}
