//! `kill -9` at random points, many times over: what was acknowledged is there, what was not leaves nothing behind.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use snowbank_testkit::snowbank::Snowbank;
use snowbank_testkit::wire::WireClient;

use crate::archive::{Archive, noise};
use crate::server::{REPO, block_on, client, hasty, objects, wait_until, wait_until_recoded};

const ROUNDS: u64 = 14;
const WRITERS: u64 = 4;

/// What was acknowledged: the key, and what it holds.
#[derive(Clone)]
enum Content {
    Archive(usize),
    Opaque(u64, usize),
}

type Acked = Arc<Mutex<Vec<(String, Content)>>>;

#[test]
fn what_was_acked_survives_kills_and_nothing_else_stays() {
    let archives: Arc<Vec<Archive>> = Arc::new((0..4).map(|own| Archive::made(1, own, 24, 60_000)).collect());
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    let mut server = hasty().start();
    let acked: Acked = Arc::default();
    for round in 0..ROUNDS {
        let wire = client(&server);
        block_on(async {
            for writer in 0..WRITERS {
                tokio::spawn(write(
                    wire.clone(),
                    round * WRITERS + writer,
                    Arc::clone(&archives),
                    Arc::clone(&acked),
                ));
            }
            if round % 3 == 2 {
                tokio::task::spawn_blocking({
                    let (binary, data) = (env!("CARGO_BIN_EXE_snowbank"), server.data().to_owned());
                    move || {
                        std::process::Command::new(binary)
                            .args(["gc", "--grace", "0s", "--data"])
                            .arg(data)
                            // Else what it packs anew could not be collected for the default lease.
                            .env("SNOWBANK_TIMES_LEASE", "2s")
                            .output()
                    }
                });
            }
            let span = 80 + (u64::from(seed) ^ (round * 7919)) % 900;
            tokio::time::sleep(Duration::from_millis(span)).await;
            server.kill();
        });
        server.restart();
        check(&server, &archives, &acked, &format!("round {round}, seed {seed}"));
    }
    assert!(acked.lock().unwrap().len() > 10, "too little was saved to mean anything");
    wait_until_recoded(&server);
    check(&server, &archives, &acked, &format!("recoded, seed {seed}"));
    server.run(&["check"]);

    server.run(&["cache", "delete", "--repo", REPO, "--all", "--yes", "--server", server.url()]);
    wait_until("an empty bucket", || {
        server.run(&["gc", "--grace", "0s"]);
        objects(&server).is_empty()
    });
}

/// Saves under ever new keys until the server dies.
async fn write(wire: WireClient, writer: u64, archives: Arc<Vec<Archive>>, acked: Acked) {
    for turn in 0.. {
        let key = format!("key-{writer}-{turn}");
        let (content, bytes) = match (writer + turn) % 3 {
            0 => {
                let size = 1000 + (turn as usize % 5) * 400_000;
                (Content::Opaque(writer * 100 + turn, size), noise(writer * 100 + turn, size))
            }
            n => {
                let which = (turn as usize + n as usize) % archives.len();
                (Content::Archive(which), archives[which].zst.clone())
            }
        };
        if save(&wire, &key, &bytes, turn).await.is_err() {
            return;
        }
        acked.lock().unwrap().push((key, content));
    }
}

async fn save(wire: &WireClient, key: &str, bytes: &[u8], turn: u64) -> Result<(), ()> {
    if turn.is_multiple_of(2) {
        return wire.save(key, "v", bytes).await.map(|_| ()).map_err(|_| ());
    }
    let url = wire.create(key, "v").await.map_err(|_| ())?;
    let (first, second) = bytes.split_at(bytes.len() / 2);
    wire.put_block(&url, "Yg==", second.to_vec()).await.map_err(|_| ())?;
    wire.put_block(&url, "YQ==", first.to_vec()).await.map_err(|_| ())?;
    wire.put_block_list(&url, &["YQ==", "Yg=="]).await.map_err(|_| ())?;
    wire.finalize(key, "v", bytes.len() as u64).await.map(|_| ()).map_err(|_| ())
}

fn check(server: &Snowbank, archives: &[Archive], acked: &Acked, when: &str) {
    let wire = client(server);
    let acked = acked.lock().unwrap().clone();
    block_on(async {
        for (key, content) in acked {
            let found = wire.restore(&[&key], "v").await.unwrap();
            let Some((matched, bytes)) = found else { panic!("{when}: the acknowledged {key} is gone") };
            assert_eq!(matched, key);
            let whole = match content {
                Content::Archive(which) => archives[which].is_in(&bytes),
                Content::Opaque(seed, size) => bytes == noise(seed, size),
            };
            assert!(whole, "{when}: {key} came back changed");
        }
    });
}
