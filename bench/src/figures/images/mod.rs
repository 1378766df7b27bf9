//! Images: pushed cold, again and changed, from a store and from a cache, against skopeo with the same layers and an empty
//! home, as a new machine has. Each cold push has a registry of its own.

mod ours;
mod skopeo;

use std::path::Path;

use snowbank_testkit::docker_registry::{Access, DockerRegistry};

use super::caches::{self, in_turns, ours as cache};
use super::client::empty;
use crate::{
    measure::Rounds,
    place::{Place, remove, settle_disk},
    report::Report,
    workload::Workload,
};
use ours::{Image, Pushed};

/// Bytes of memory that a push may come to have.
const MEMORY: u64 = 256 << 20;

pub(super) fn take(place: &Place, report: &mut Report) {
    let store = Workload::make(place, "1");
    let data = place.work.join("image-data");
    let server = caches::serve(place, &data);
    let (url, token) = (caches::url(&server), cache::token(&server));
    cache::push(place, &url, &token, &store);
    let top = store.top().to_owned();
    let image = Image { place, top: &top, url: &url, token: &token };
    let mut peak = cold(&image, &store, report);
    let registry = DockerRegistry::start(Access::Open);
    peak = peak.max(from_cache(&image, &registry, &cache::key(&server), report));
    again(&image, &registry, report);
    drop(store);
    let changed = Workload::rebuilt(place, "1", &["pillow=2"]);
    peak = peak.max(one_changed(&Image { top: changed.top(), ..image }, &registry, &changed.root(), report));
    let shown = format!("{} MiB", peak >> 20);
    report.at_most("images: most memory of a push", shown, peak as f64, MEMORY as f64, "256 MiB at most");
    drop((changed, server));
    remove(&data);
}

/// Into empty registries: ours with zstd and with gzip, and skopeo with its gzip. Gives the most memory.
fn cold(image: &Image<'_>, store: &Workload, report: &mut Report) -> u64 {
    let layout = image.place.work.join("layout");
    image.push(&[], &format!("oci:{}:bench", layout.display()), Some(&store.root()), "none");
    let (mut peak, mut repeated) = (0, Vec::new());
    let seconds = in_turns(image.place, "cold push", ["zstd", "gzip", "skopeo"], |side| {
        let registry = DockerRegistry::start(Access::Open);
        let name = format!("{}/bench/app", registry.host());
        settle_disk();
        if side == 2 {
            let seconds = skopeo::copy(image.place, &layout, &format!("{name}:1"));
            repeated.push(skopeo::copy(image.place, &layout, &format!("{name}:2")));
            return seconds;
        }
        let pushed =
            image.push(&["--no-records"], &format!("{name}:1"), Some(&store.root()), ["zstd", "gzip"][side]);
        peak = peak.max(pushed.peak);
        pushed.seconds
    });
    remove(&layout);
    let [zstd, gzip, skopeo] = seconds;
    against(report, "cold push with zstd, against skopeo", &zstd, &skopeo, 0.25);
    against(report, "cold push with gzip, against skopeo", &gzip, &skopeo, 0.6);
    let repeated = Rounds::new(repeated);
    report.plain("images: skopeo pushes the same again from a fresh machine", format!("{repeated} s"));
    peak
}

/// Straight from a cache, with no store at all, against a pull and a push. The last one leaves its image in `registry`.
fn from_cache(image: &Image<'_>, registry: &DockerRegistry, key: &str, report: &mut Report) -> u64 {
    let mut peak = 0;
    let root = image.place.work.join("pulled");
    let seconds = in_turns(image.place, "from a cache", ["straight", "by a store"], |side| {
        let own = DockerRegistry::start(Access::Open);
        settle_disk();
        if side == 0 {
            let pushed = image.push_from_cache(&["--no-records"], &format!("{}/bench/app:1", own.host()));
            peak = peak.max(pushed.peak);
            assert!(!root.exists(), "no store was made");
            return pushed.seconds;
        }
        empty(&root);
        let pulled = cache::pull(image.place, image.url, key, image.top, &root);
        let pushed =
            image.push(&["--no-records"], &format!("{}/bench/app:1", own.host()), Some(&root), "zstd");
        remove(&root);
        pulled.seconds + pushed.seconds
    });
    let [straight, by_store] = seconds;
    against(report, "cold push straight from a cache, against pull and push", &straight, &by_store, 0.6);
    image.push_from_cache(&[], &format!("{}/bench/app:1", registry.host()));
    peak
}

/// From a machine that has nothing.
fn again(image: &Image<'_>, registry: &DockerRegistry, report: &mut Report) {
    let mut seconds = Vec::new();
    let mut most = 0;
    for round in 0..image.place.rounds {
        let pushed = image.push_from_cache(&[], &format!("{}/bench/app:again-{round}", registry.host()));
        assert_eq!(pushed.uploaded(), (0, 0), "nothing was new");
        let spare = pushed.requests() as i64 - pushed.layers() as i64;
        most = most.max(spare);
        seconds.push(pushed.seconds);
        let shown = format!("{} requests for {} layers", pushed.requests(), pushed.layers());
        eprintln!("  {shown}, {:.2} s", pushed.seconds);
    }
    let name = "images: again, a new tag, no store path on disk: requests";
    report.at_most(name, format!("layers + {most}"), most as f64, 3.0, "layers + 3 at most");
    let seconds = Rounds::new(seconds);
    report.at_most("images: the same: time", format!("{seconds} s"), seconds.median(), 1.0, "1 s at most");
    let right = image.push_from_cache(&[], &format!("{}/bench/app:1", registry.host()));
    let requests = right.requests();
    let shown = format!("{requests} in {:.2} s", right.seconds);
    report.at_most("images: again, the tag is right: requests", shown, requests as f64, 2.0, "2 at most");
}

/// After one package was rebuilt.
fn one_changed(image: &Image<'_>, registry: &DockerRegistry, root: &Path, report: &mut Report) -> u64 {
    let pushed: Pushed =
        image.push(&["--no-records"], &format!("{}/bench/app:1", registry.host()), Some(root), "zstd");
    let (layers, bytes) = pushed.uploaded();
    let ratio = pushed.sent() as f64 / bytes as f64;
    let shown = format!("{ratio:.3}x ({layers} of {} layers, {:.1} MB)", pushed.layers(), bytes as f64 / 1e6);
    let name = "images: after pillow=2, sent, against the layers with changed paths";
    report.at_most(name, shown, ratio, 1.05, "1.05x at most");
    report.plain("images: the same: time", format!("{:.1} s", pushed.seconds));
    pushed.peak
}

fn against(report: &mut Report, name: &str, these: &[f64], those: &[f64], most: f64) {
    let ratio = Rounds::ratio(these, those);
    let shown = format!("{ratio}x ({:.1} s)", Rounds::new(these.to_vec()).median());
    report.at_most(&format!("images: {name}"), shown, ratio.median(), most, &format!("{most}x at most"));
}
