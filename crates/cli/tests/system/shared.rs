//! Two servers over one PostgreSQL and one S3 bucket, sharing no disk, act as one service.

use std::fs;

use snowbank_testkit::npm::{NpmClient, Protocol, Release};
use snowbank_testkit::postgres::Postgres;
use snowbank_testkit::s3::S3;
use snowbank_testkit::snowbank::{Builder, Snowbank};

use crate::archive::{Archive, noise};
use crate::server::{MAIN, REPO, block_on, client, disk, hasty, wait_until, wait_until_recoded};

struct Pair {
    first: Snowbank,
    second: Snowbank,
    _postgres: Postgres,
    s3: S3,
}

fn over(builder: Builder, database: &str, s3: &S3) -> Builder {
    let settings = [
        ("SNOWBANK_DATABASE", database.to_owned()),
        ("SNOWBANK_STORAGE", format!("s3://{}/cache", S3::BUCKET)),
        ("SNOWBANK_S3_ENDPOINT", s3.endpoint().to_owned()),
        ("SNOWBANK_S3_ACCESS_KEY", S3::ACCESS_KEY.to_owned()),
        ("SNOWBANK_S3_SECRET_KEY", S3::SECRET_KEY.to_owned()),
    ];
    settings.into_iter().fold(builder, |builder, (name, value)| builder.env(name, value))
}

fn pair() -> Pair {
    pair_of(hasty)
}

fn pair_of(builder: impl Fn() -> Builder) -> Pair {
    let postgres = Postgres::start();
    let s3 = S3::start();
    let database = postgres.fresh_database();
    let first = over(builder(), &database, &s3).start();
    let second = over(builder(), &database, &s3).start();
    Pair { first, second, _postgres: postgres, s3 }
}

#[test]
fn blocks_through_both_make_one_upload() {
    let pair = pair();
    let (first, second) = (client(&pair.first), client(&pair.first).at(pair.second.url()));
    let archive = Archive::made(1, 1, 20, 80_000);
    block_on(async {
        let url = first.create("k", "v").await.unwrap();
        let elsewhere = url.replace(pair.first.url(), pair.second.url());
        let (one, two) = archive.zst.split_at(archive.zst.len() / 2);
        second.put_block(&elsewhere, "Mg==", two.to_vec()).await.unwrap();
        first.put_block(&url, "MQ==", one.to_vec()).await.unwrap();
        second.put_block_list(&elsewhere, &["MQ==", "Mg=="]).await.unwrap();
        first.finalize("k", "v", archive.zst.len() as u64).await.unwrap();
        let (_, bytes) = second.restore(&["k"], "v").await.unwrap().unwrap();
        assert!(archive.is_in(&bytes));
        assert_eq!(second.create("k", "v").await.unwrap_err().status.unwrap(), 409);
    });
    wait_until_recoded(&pair.second);
    block_on(async {
        for wire in [&first, &second] {
            assert!(archive.is_in(&wire.restore(&["k"], "v").await.unwrap().unwrap().1));
        }
    });
    let again = disk(&pair.first)["packs_bytes"].as_u64().unwrap();
    assert!(
        again < archive.zst.len() as u64 * 12 / 10,
        "recoding was done more than once: {again} bytes of packs"
    );
    pair.first.run(&["check"]);
}

#[test]
fn a_save_through_one_is_restored_through_the_other() {
    let pair = pair();
    let saver = NpmClient::new(Release::V6, Protocol::V2, pair.first.url(), &pair.first.token(REPO, &[MAIN]));
    let content = noise(5, 3_000_000);
    fs::write(saver.workspace().join("data"), &content).unwrap();
    assert!(block_on(saver.save(&["data"], "k")).saved.is_some());
    let restorer =
        NpmClient::new(Release::V6, Protocol::V2, pair.second.url(), &pair.second.token(REPO, &[MAIN]));
    let found = block_on(restorer.restore(&["data"], "k", &[]));
    assert_eq!(found.matched.as_deref(), Some("k"), "{}", found.output);
    assert!(fs::read(restorer.workspace().join("data")).unwrap() == content);
}

#[test]
fn what_is_deleted_through_one_leaves_the_bucket_empty() {
    let pair = pair();
    block_on(async {
        let wire = client(&pair.first);
        for key in 0..6 {
            wire.save(&format!("k{key}"), "v", &Archive::made(1, key, 8, 50_000).zst).await.unwrap();
        }
    });
    wait_until_recoded(&pair.second);
    pair.second.run(&["cache", "delete", "--repo", REPO, "--all", "--yes", "--server", pair.second.url()]);
    wait_until("an empty bucket", || {
        pair.first.run(&["gc", "--grace", "0s"]);
        snowbank_testkit::disk::files_below(&pair.s3.folder().join("cache")).unwrap_or_default().is_empty()
    });
}

/// Both are told of a save that exceeds the limit and both look after limits every second: were each to evict for
/// itself, twice as much would go.
#[test]
fn eviction_is_done_once() {
    let pair = pair_of(|| hasty().env("SNOWBANK_LIMITS_SIZE", "3MB"));
    let (first, second) = (client(&pair.first), client(&pair.first).at(pair.second.url()));
    let keys = ["a", "b", "c", "d", "e"];
    block_on(async {
        for (number, key) in keys.into_iter().enumerate() {
            let wire = [&first, &second][number % 2];
            wire.save(key, "v", &noise(number as u64 + 1, 900_000)).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    let listed = |server: &Snowbank| {
        let listed = server.run(&["cache", "list", "--json", "--server", server.url()]);
        keys.map(|key| listed.contains(&format!("\"key\": \"{key}\"")))
    };
    wait_until("the eviction", || listed(&pair.first).iter().filter(|there| **there).count() <= 3);
    wait_until_recoded(&pair.second);
    // Some rounds of both servers' upkeep later.
    std::thread::sleep(std::time::Duration::from_secs(3));
    for server in [&pair.first, &pair.second] {
        assert_eq!(listed(server), [false, false, true, true, true]);
    }
    for (number, key) in keys.iter().enumerate().skip(2) {
        let found = block_on(second.restore(&[key], "v")).unwrap().unwrap();
        assert!(found.1 == noise(number as u64 + 1, 900_000), "{key}");
    }
}
