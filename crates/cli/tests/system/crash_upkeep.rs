//! `kill -9` while entries are evicted, packs are packed anew and collected: what is still shown comes back whole, and
//! nothing half-made stays.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use snowbank_testkit::snowbank::Snowbank;
use snowbank_testkit::wire::WireClient;

use crate::archive::{Archive, noise};
use crate::server::{REPO, block_on, client, hasty, objects, wait_until, wait_until_recoded};

const ROUNDS: u64 = 8;
/// The repository's limit, in bytes: three or four of the archives.
const LIMIT: u64 = 2_500_000;

/// What was acknowledged: the tar under each key, or the bytes themselves.
type Acked = Arc<Mutex<BTreeMap<String, Saved>>>;

#[derive(Clone)]
enum Saved {
    Archive(Archive),
    Opaque(Vec<u8>),
}

/// Saves more than fits, so that every save has something evicted, until the server dies.
async fn write(wire: WireClient, round: u64, acked: Acked) {
    for turn in 0.. {
        let key = format!("key-{round}-{turn}.");
        let number = round * 100 + turn;
        let saved = if turn % 3 == 2 {
            Saved::Opaque(noise(number, 400_000))
        } else {
            // Half of the files are in every archive: once the first is gone, its packs are half dead.
            Saved::Archive(Archive::mixed(1, number, 16, 40_000, 2))
        };
        let bytes = match &saved {
            Saved::Archive(archive) => &archive.zst,
            Saved::Opaque(bytes) => bytes,
        };
        if wire.save(&key, "v", bytes).await.is_err() {
            return;
        }
        acked.lock().unwrap().insert(key, saved);
    }
}

/// How many of the acknowledged entries are still there. Those that are come back whole.
fn check(server: &Snowbank, acked: &Acked, when: &str) -> usize {
    let wire = client(server);
    let acked = acked.lock().unwrap().clone();
    block_on(async {
        let mut there = 0;
        for (key, saved) in acked {
            let Some((matched, bytes)) = wire.restore(&[&key], "v").await.unwrap() else { continue };
            assert_eq!(matched, key);
            let whole = match saved {
                Saved::Archive(archive) => archive.is_in(&bytes),
                Saved::Opaque(saved) => bytes == saved,
            };
            assert!(whole, "{when}: {key} came back changed");
            there += 1;
        }
        there
    })
}

#[test]
fn what_is_not_evicted_survives_kills_during_upkeep() {
    let mut server = hasty()
        .env("SNOWBANK_LIMITS_SIZE", LIMIT.to_string())
        .env("SNOWBANK_TIMES_DOWNLOAD_URL", "10s")
        .env("SNOWBANK_JOBS_REPACK_BELOW", "90")
        .start();
    let acked: Acked = Arc::default();
    for round in 0..ROUNDS {
        let wire = client(&server);
        block_on(async {
            tokio::spawn(write(wire, round, Arc::clone(&acked)));
            // Some kills come soon after the start, when everything that was left half-done is taken up again.
            tokio::time::sleep(Duration::from_millis(150 + (round * 7919) % 1900)).await;
            server.kill();
        });
        server.restart();
        let there = check(&server, &acked, &format!("round {round}"));
        assert!(acked.lock().unwrap().is_empty() || there > 0, "round {round}: eviction leaves the newest");
    }
    let saved = acked.lock().unwrap().len();
    assert!(saved as u64 > ROUNDS, "too little was saved to mean anything: {saved}");
    wait_until_recoded(&server);
    assert!(check(&server, &acked, "in the end") < saved, "something was evicted");
    server.run(&["check"]);

    server.run(&["cache", "delete", "--repo", REPO, "--all", "--yes", "--server", server.url()]);
    wait_until("an empty bucket", || {
        server.run(&["gc", "--grace", "0s"]);
        objects(&server).is_empty()
    });
}
