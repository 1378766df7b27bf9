//! How fast the service is, by the beginning of what the next restore fetches.

use std::time::{Duration, Instant};

use snowbank_actions::client::DownloadUrl;
use snowbank_client::doctor::Finding;
use snowbank_client::doctor::line::{Line, line};
use snowbank_client::series::{Naming, Versions, find};
use snowbank_client::text::chain;

use super::service::Service;
use super::within;
use crate::args::doctor::Doctor;
use crate::command::client::{place_at, system};

/// Bytes that are fetched to see how fast they come.
const SAMPLE: u64 = 4 << 20;

/// Bytes that are fetched, and held, at once; fewer tell nothing.
const PART: u64 = 128 << 10;

/// After so long it is known how fast they come.
const ENOUGH: Duration = Duration::from_secs(2);

/// Something to fetch, and the bytes that a restore fetches at the most, where that is known.
struct Fetched {
    url: DownloadUrl,
    size: Option<u64>,
}

/// What is to be said of the way to the service. `size` is what the API tells of the entry.
pub(super) async fn look(args: &Doctor, service: &Service, size: Option<u64>) -> Finding {
    let (rate, size) = match fetched(args, service, size).await {
        Some(fetched) => rate(service, &fetched).await,
        None => (None, None),
    };
    line(&Line { round_trip: service.round_trip, rate, size })
}

/// The entry itself, or of a snapshot its first pack, where there is one.
async fn fetched(args: &Doctor, service: &Service, size: Option<u64>) -> Option<Fetched> {
    let entry = service.found.as_ref()?;
    let whole = Fetched { url: entry.url.clone(), size };
    if !args.paths.is_empty() {
        return Some(whole);
    }
    let key = args.key.as_ref()?.parse().ok()?;
    let versions = Versions::new(&system(), place_at(args.store.as_deref()).dir());
    let found = find(&service.client, &versions, Naming::Generations, &key, &args.restore_keys);
    let found = within(async { found.await.map_err(|error| chain(&error)) }).await.ok()??;
    let packs = &found.snapshot.packs;
    let size = Some(found.size + packs.iter().map(|pack| pack.size).sum::<u64>());
    let pack = packs.iter().max_by_key(|pack| pack.size).map(snowbank_client::snapshot::PackRef::key);
    let Some(pack) = pack else { return Some(Fetched { size, ..whole }) };
    let found = service.client.lookup(&pack, &[], &versions.pack).await.ok().flatten();
    Some(Fetched { url: found.map_or(whole.url, |found| found.url), size })
}

/// Bytes a second that come, and the size; no rate of what is too small to tell.
async fn rate(service: &Service, fetched: &Fetched) -> (Option<f64>, Option<u64>) {
    let began = Instant::now();
    let (mut got, mut total) = (0, None);
    while got < SAMPLE && began.elapsed() < ENOUGH && total.is_none_or(|total| got < total) {
        let part = within(async {
            service.client.read(&fetched.url, got..got + PART).await.map_err(|error| chain(&error))
        });
        match part.await {
            Ok(part) if !part.bytes.is_empty() => {
                got += part.bytes.len() as u64;
                total = Some(part.total);
            }
            _ => break,
        }
    }
    let rate = (got >= PART).then(|| got as f64 / began.elapsed().as_secs_f64());
    (rate, fetched.size.or(total))
}
