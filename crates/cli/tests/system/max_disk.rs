//! The bound on the whole disk: what goes, what stays, and that the bytes really leave.

use std::path::Path;

use bytes::Bytes;
use reqwest::Method;
use serde_json::Value;
use snowbank_testkit::disk::files_below;
use snowbank_testkit::snowbank::Snowbank;
use snowbank_testkit::wire::WireClient;
use tempfile::TempDir;

use crate::archive::Archive;
use crate::server::{block_on, client, hasty, objects, wait_until, wait_until_recoded};

/// Saves these one after the other without a bound, until nothing but packs is left. Then starts a server whose bound
/// is a little less than they take, and which enforces nothing by itself.
fn over_its_bound(saved: &[(&str, &Archive)]) -> (Snowbank, u64, TempDir) {
    let data = full_of(saved);
    let (server, bound) = bounded(&data, "1h");
    (server, bound, data)
}

fn full_of(saved: &[(&str, &Archive)]) -> TempDir {
    let data = tempfile::tempdir().unwrap();
    let server = hasty().data(data.path()).start();
    for (key, archive) in saved {
        block_on(client(&server).save(key, "v", &archive.zst)).unwrap();
        wait_until_recoded(&server);
    }
    wait_until("the end of the uploads", || {
        server.run(&["gc", "--grace", "0s"]);
        objects(&server).iter().all(|name| name.contains("packs"))
    });
    data
}

/// A server that counts anew what is used when the last count is of an age of `upkeep`.
fn bounded(data: &TempDir, upkeep: &str) -> (Snowbank, u64) {
    let bound = size(data.path()) - 200_000;
    let server = hasty()
        .data(data.path())
        .env("SNOWBANK_JOBS_UPKEEP", "false")
        .env("SNOWBANK_TIMES_UPKEEP", upkeep)
        .env("SNOWBANK_MAX_DISK", bound.to_string())
        .start();
    (server, bound)
}

/// Bytes of all objects.
fn size(data: &Path) -> u64 {
    let files = files_below(&data.join("bucket")).unwrap();
    files
        .iter()
        .map(|name| std::fs::metadata(data.join("bucket").join(name)).map_or(0, |file| file.len()))
        .sum()
}

fn kept(server: &Snowbank) -> Vec<String> {
    let listed = server.run(&["cache", "list", "--json", "--server", server.url()]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let keys = listed["caches"].as_array().unwrap().iter();
    let mut keys: Vec<String> = keys.map(|row| row["key"].as_str().unwrap().to_owned()).collect();
    keys.sort();
    keys
}

fn come_back(server: &Snowbank, saved: &[(&str, &Archive)]) {
    for (key, archive) in saved {
        let (matched, bytes) = block_on(client(server).restore(&[key], "v")).unwrap().unwrap();
        assert!(matched == *key && archive.is_in(&bytes), "{key} came back changed");
    }
}

#[test]
fn the_oldest_goes_though_a_newer_one_shares_its_pack() {
    // Three quarters of the first archive's pack are in every other archive, so the pack stays above the share below
    // which it would be packed anew.
    let archives: Vec<Archive> = (0..4).map(|own| Archive::made(1, own, 24, 60_000)).collect();
    let saved: Vec<(&str, &Archive)> = ["k0", "k1", "k2", "k3"].into_iter().zip(&archives).collect();
    let (server, bound, _data) = over_its_bound(&saved);
    let plan: Value = serde_json::from_str(&server.run(&["gc", "--plan", "--json"])).unwrap();
    assert_eq!(plan["evict_for_space"], 1);
    server.run(&["gc", "--grace", "0s"]);
    assert_eq!(kept(&server), ["k1", "k2", "k3"]);
    wait_until("a disk under its bound", || {
        server.run(&["gc", "--grace", "0s"]);
        size(server.data()) <= bound
    });
    assert_eq!(kept(&server), ["k1", "k2", "k3"], "once was enough");
    come_back(&server, &saved[1..]);
    server.run(&["check"]);
}

#[test]
fn dead_bytes_that_have_not_left_yet_evict_nothing_more() {
    let archives: Vec<Archive> = (0..4).map(|own| Archive::made(1, own, 24, 60_000)).collect();
    let saved: Vec<(&str, &Archive)> = ["k0", "k1", "k2", "k3"].into_iter().zip(&archives).collect();
    for upkeep in ["1s", "1h"] {
        let data = full_of(&saved);
        let (server, bound) = bounded(&data, upkeep);
        // The server's own job may be faster than any of these.
        (0..3).for_each(|_| evict(&server));
        assert!(size(server.data()) > bound, "nothing has been collected");
        assert_eq!(kept(&server), ["k1", "k2", "k3"]);
        block_on(client(&server).save("k4", "v", &Archive::made(1, 4, 24, 60_000).zst)).unwrap();
        wait_until_recoded(&server);
        (0..2).for_each(|_| evict(&server));
        assert_eq!(kept(&server), ["k2", "k3", "k4"], "what has come since counts");
    }
}

/// Enforces the limits.
fn evict(server: &Snowbank) {
    let admin = WireClient::new(server.url(), server.run(&["token", "create", "--admin"]).trim());
    let answer = block_on(admin.request(Method::POST, "/api/v1/evict", &[], Bytes::new()));
    assert!(answer.status().is_success(), "{answer:?}");
}

#[test]
fn an_entry_whose_going_would_free_nothing_stays() {
    let archives: Vec<Archive> = (0..3).map(|own| Archive::made(1, own, 24, 60_000)).collect();
    let saved = [("twin", &archives[2]), ("k0", &archives[0]), ("k1", &archives[1]), ("k2", &archives[2])];
    let (server, bound, _data) = over_its_bound(&saved);
    wait_until("a disk under its bound", || {
        server.run(&["gc", "--grace", "0s"]);
        size(server.data()) <= bound
    });
    assert_eq!(kept(&server), ["k1", "k2", "twin"]);
    come_back(&server, &[saved[0], saved[2], saved[3]]);
}
