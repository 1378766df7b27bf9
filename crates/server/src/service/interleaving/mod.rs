//! Saving, recoding, deleting, reading and collecting, interleaved step by step: before each call of the catalog and of
//! the object store an actor waits until a schedule lets it through.

mod catalog;
mod gate;
mod store;
mod world;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::TryStreamExt;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use snowbank_catalog::ids::RepresentationId;
use snowbank_catalog::rooms::{JobKind, Protocol};
use tokio::task::JoinHandle;

use self::gate::{Able, Gate};
use self::world::{VERSION, World, content, save};
use super::{Caller, Service, Worker};

/// What is there in the end, by key.
type Expected = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// What an actor does.
#[derive(Clone, Debug)]
enum Act {
    /// Recodes what waits.
    Recode,
    /// Collects what is unreachable.
    Collect,
    /// Saves this content under this key.
    Save(&'static str, Vec<u64>),
    /// Saves a pack as our own client makes it under this key.
    SavePack(&'static str),
    /// Deletes the entry of this key, which is there.
    Delete(&'static str),
    /// Looks this key up and reads this content.
    Read(&'static str, Vec<u64>),
    /// Looks this key up, which is there.
    LookUp(&'static str),
    /// Lets leases run out.
    Wait,
}

/// Longer than a lease, and shorter by far than a download URL holds.
const TICK: Duration = Duration::from_secs(150);

/// Begins actors that do these one after the other.
async fn begin(world: &World, expected: &Expected, acts: &[Vec<Act>]) -> Vec<JoinHandle<()>> {
    let pack = world.a_pack().await;
    let collects = |acts: &&Vec<Act>| acts.iter().any(|act| matches!(act, Act::Collect));
    let crowded = acts.iter().filter(collects).count() > 1;
    let act = |(actor, acts): (usize, &Vec<Act>)| {
        let stage = Stage {
            service: world.actors[actor].clone(),
            caller: world.caller.clone(),
            expected: Arc::clone(expected),
            clock: Box::new(world.clock()),
            gate: Arc::clone(&world.gate),
            pack: pack.clone(),
            actor,
            crowded,
        };
        let acts = acts.clone();
        world.gate.act(actor, async move {
            for act in acts {
                stage.perform(act).await;
            }
        })
    };
    acts.iter().enumerate().map(act).collect()
}

/// What an actor needs.
struct Stage {
    service: Service,
    caller: Caller,
    expected: Expected,
    clock: Box<dyn Fn(Duration) + Send + Sync>,
    gate: Arc<Gate>,
    /// A pack that lies in the bucket already.
    pack: Vec<u8>,
    actor: usize,
    /// Whether somebody else collects too.
    crowded: bool,
}

impl Stage {
    async fn save(&self, key: &str, content: Vec<u8>) {
        // A reservation may run out before it is finalized.
        if save(&self.service, &self.caller, key, &content).await.is_ok() {
            self.expected.lock().unwrap().insert(key.to_owned(), content);
        }
    }

    async fn perform(&self, act: Act) {
        let Self { service, caller, .. } = self;
        match act {
            Act::Recode => recode(service).await,
            Act::Collect => {
                // Where two collect, one may find what the other has deleted, and is done again.
                if let Err(error) = service.collect().await {
                    assert!(self.crowded, "{error:?}");
                }
            }
            Act::Save(key, seeds) => self.save(key, content(&seeds)).await,
            Act::SavePack(key) => self.save(key, self.pack.clone()).await,
            Act::Delete(key) => {
                // As an administrator does it: a lookup of the service would hold it for some time.
                let (scopes, keys) = (&caller.scopes.read, [key.to_owned()]);
                let hit = service.0.catalog.lookup(caller.repository.id, scopes, VERSION, &keys).await;
                service.delete_cache(hit.unwrap().unwrap().entry.id, "an actor").await.unwrap();
                self.expected.lock().unwrap().remove(key);
            }
            Act::Read(key, seeds) => {
                // It may have been deleted.
                if let Some(bytes) = read(service, caller, key).await {
                    assert!(bytes == content(&seeds), "{key} came back changed");
                }
            }
            Act::LookUp(key) => {
                let found = service.lookup(caller, Protocol::V2, &[key.to_owned()], VERSION).await.unwrap();
                assert_eq!(found.unwrap().key, key);
            }
            Act::Wait => self.gate.pass(self.actor, "wait", async { (self.clock)(TICK) }).await,
        }
    }
}

/// As the worker does; a job that failed is left to be done again.
async fn recode(service: &Service) {
    let worker = Worker::new(service.clone());
    while worker.next(&[JobKind::Recode]).await.unwrap() {}
}

/// Looks up and fetches, as a client does.
async fn read(service: &Service, caller: &Caller, key: &str) -> Option<Vec<u8>> {
    let found = service.lookup(caller, Protocol::V2, &[key.to_owned()], VERSION).await.unwrap()?;
    let id = found.path.split(['/', '?']).nth(3).and_then(|id| id.parse().ok()).unwrap();
    let download = service.download(RepresentationId(id)).await.unwrap();
    let size = download.size();
    let bytes: Vec<_> = download.read(0..size).await.unwrap().try_collect().await.unwrap();
    Some(bytes.concat())
}

/// Two entries that share chunks, `a` and `b`, and what waits to be recoded.
async fn furnish(world: &World, waiting: Waiting) -> Expected {
    let mut expected = BTreeMap::new();
    for (key, seeds) in [("a", &[1, 2, 3][..]), ("b", &[3, 4])] {
        world.has(key, &content(seeds)).await;
        expected.insert(key.to_owned(), content(seeds));
    }
    let (key, waits) = match waiting {
        Waiting::Shared => ("c", content(&[2, 3, 5])),
        Waiting::Pack => ("p", world.a_pack().await),
    };
    save(&world.eye, &world.caller, key, &waits).await.unwrap();
    expected.insert(key.to_owned(), waits);
    // Only what is named keeps a pack from now on.
    world.advance(TICK);
    Arc::new(Mutex::new(expected))
}

/// What has been saved and waits to be recoded.
#[derive(Clone, Copy, Debug)]
enum Waiting {
    /// `c`, which shares chunks with `a` and `b`.
    Shared,
    /// `p`, a pack of our own format.
    Pack,
}

/// Calls that change nothing for others.
const READS: [&str; 22] = [
    "condemned_since",
    "current",
    "domain_of",
    "doomed",
    "entry",
    "find_chunks",
    "get",
    "holdings",
    "list",
    "lookup",
    "pack_bytes",
    "packs",
    "packs_of",
    "page_at",
    "pages_of",
    "referrers",
    "representation",
    "repository_name",
    "segments",
    "unknown_packs",
    "unnamed_blocks",
    "unreachable_packs",
];

/// An order in which two actors act: so many steps of the one, then the other until it has changed something so often,
/// the rest of the one, the rest of the other.
#[derive(Clone, Copy, Debug)]
struct Order {
    one: usize,
    steps: usize,
    changes: usize,
}

impl Order {
    fn next(&mut self, able: &[Able]) -> usize {
        let step = |actor| able.iter().find(|(able, _)| *able == actor);
        let (one, other) = (step(self.one), step(1 - self.one));
        match (one, other) {
            (Some((actor, _)), _) if self.steps > 0 => {
                self.steps -= 1;
                *actor
            }
            (_, Some((actor, what))) if self.changes > 0 => {
                self.changes -= usize::from(!READS.contains(what));
                *actor
            }
            (Some((actor, _)), _) | (None, Some((actor, _))) => *actor,
            (None, None) => 0,
        }
    }
}

/// Lets two actors act in this order. Returns what of it was not needed because they ended before.
async fn act_in(world: &World, mut order: Order, waiting: Waiting, acts: &[Vec<Act>; 2]) -> Order {
    let when = format!("{order:?}");
    let expected = furnish(world, waiting).await;
    let actors = begin(world, &expected, acts).await;
    let taken = world.gate.run(actors, async |able| order.next(able)).await;
    let wanted = expected.lock().unwrap().clone();
    world.settle(&wanted, &format!("{when}\n{taken}")).await;
    order
}

/// Lets two actors act in every such order: whatever the one has read, the other may change before the one acts on it.
async fn every_order(grace: Duration, acts: [Vec<Act>; 2]) {
    every_order_of(Waiting::Shared, grace, acts).await;
}

async fn every_order_of(waiting: Waiting, grace: Duration, acts: [Vec<Act>; 2]) {
    let mut worlds = Vec::new();
    for _ in 0..AT_ONCE {
        worlds.push(World::new(grace, 2).await);
    }
    let mut beginnings: Vec<(usize, usize)> = Vec::new();
    for one in 0..2 {
        let alone = act_in(&worlds[0], Order { one, steps: usize::MAX, changes: 0 }, waiting, &acts).await;
        beginnings.extend((0..usize::MAX - alone.steps).map(|steps| (one, steps)));
    }
    let (acts, beginnings) = (&acts, &beginnings);
    let share_of = |(number, mut world): (usize, World)| async move {
        for (one, steps) in beginnings.iter().skip(number).step_by(AT_ONCE) {
            for changes in 1.. {
                // Each order leaves its world empty, but late: a URL's holder and the catalog must agree about the hour.
                if !grace.is_zero() {
                    world = World::new(grace, 2).await;
                }
                let order = Order { one: *one, steps: *steps, changes };
                if act_in(&world, order, waiting, acts).await.changes > 0 {
                    break;
                }
            }
        }
    };
    futures::future::join_all(worlds.into_iter().enumerate().map(share_of)).await;
}

/// Worlds in which orders are tried side by side.
const AT_ONCE: usize = 4;
/// For where somebody reads: a collection waits for who has looked a pack up.
const GRACE: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn recoding_beside_a_collection_of_what_it_shares() {
    every_order(Duration::ZERO, [vec![Act::Recode], vec![Act::Delete("a"), Act::Collect]]).await;
}

#[tokio::test]
async fn recoding_until_its_leases_have_run_out() {
    every_order(Duration::ZERO, [vec![Act::Recode], vec![Act::Wait, Act::Collect]]).await;
}

#[tokio::test]
async fn reading_beside_a_collection_of_what_is_read() {
    let collect = vec![Act::Delete("a"), Act::Collect];
    every_order(GRACE, [vec![Act::Read("b", vec![3, 4])], collect]).await;
}

#[tokio::test]
async fn reading_what_is_deleted() {
    every_order(GRACE, [vec![Act::Read("a", vec![1, 2, 3])], vec![Act::Delete("a"), Act::Collect]]).await;
}

#[tokio::test]
async fn adopting_a_pack_beside_a_collection() {
    let collect = vec![Act::Wait, Act::Collect];
    every_order_of(Waiting::Pack, Duration::ZERO, [vec![Act::Recode], collect]).await;
}

#[tokio::test]
async fn reading_beside_the_recoding_of_what_is_read() {
    let recode = vec![Act::Recode, Act::Collect];
    every_order(GRACE, [vec![Act::Read("c", vec![2, 3, 5])], recode]).await;
}

/// Without a grace a reader may lose its packs, but never the entry.
#[tokio::test]
async fn looking_up_beside_a_collection_without_grace() {
    every_order(Duration::ZERO, [vec![Act::LookUp("b")], vec![Act::Delete("a"), Act::Collect]]).await;
}

#[tokio::test]
async fn saving_beside_a_collection_of_orphans() {
    every_order(Duration::ZERO, [vec![Act::Save("d", vec![1, 6])], vec![Act::Collect]]).await;
}

/// What each of several actors does, who goes first, and how often the turn changes.
type Play = (Vec<Vec<Act>>, Vec<(u8, u8)>);

fn play() -> impl Strategy<Value = Play> {
    let act = prop_oneof![
        3 => Just(Act::Recode),
        3 => Just(Act::Collect),
        2 => Just(Act::Wait),
        2 => (0..4_usize, prop::collection::vec(1_u64..7, 1..4))
            .prop_map(|(key, seeds)| Act::Save(["d", "e", "f", "g"][key], seeds)),
        1 => Just(Act::SavePack("p")),
        1 => prop_oneof![Just("a"), Just("b")].prop_map(Act::Delete),
        1 => prop_oneof![Just(("a", vec![1, 2, 3])), Just(("b", vec![3, 4])), Just(("c", vec![2, 3, 5]))]
            .prop_map(|(key, seeds)| Act::Read(key, seeds)),
    ];
    let acts = prop::collection::vec(prop::collection::vec(act, 1..4), 2..=4).prop_map(once_each);
    (acts, prop::collection::vec((any::<u8>(), 1_u8..12), 1..60))
}

/// Each key is saved and deleted by one actor alone.
fn once_each(acts: Vec<Vec<Act>>) -> Vec<Vec<Act>> {
    let mut taken = Vec::new();
    let mut first = |act: &Act| match act {
        Act::Save(key, _) | Act::SavePack(key) | Act::Delete(key) if taken.contains(key) => false,
        Act::Save(key, _) | Act::SavePack(key) | Act::Delete(key) => {
            taken.push(key);
            true
        }
        _ => true,
    };
    acts.into_iter().map(|acts| acts.into_iter().filter(&mut first).collect()).collect()
}

/// Lets them act in turns, and looks after every step whether all that is visible is whole.
async fn perform((acts, turns): Play) {
    let reads = acts.iter().flatten().any(|act| matches!(act, Act::Read(..)));
    let world = World::new(if reads { GRACE } else { Duration::ZERO }, acts.len()).await;
    let expected = furnish(&world, Waiting::Shared).await;
    let actors = begin(&world, &expected, &acts).await;
    let mut turns = turns.iter().cycle();
    let (mut who, mut left) = (0, 0);
    let next = async |able: &[Able]| {
        world.assert_sound("between two steps").await;
        if left == 0 {
            let (one, steps) = turns.next().copied().unwrap_or_default();
            (who, left) = (usize::from(one), steps);
        }
        left = left.saturating_sub(1);
        able[who % able.len()].0
    };
    let taken = world.gate.run(actors, next).await;
    let wanted = expected.lock().unwrap().clone();
    world.settle(&wanted, &taken).await;
}

#[test]
fn several_in_any_order() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let config = Config { cases: 48, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    TestRunner::new(config)
        .run(&play(), |play| {
            runtime.block_on(perform(play));
            Ok(())
        })
        .unwrap();
}
