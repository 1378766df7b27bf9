//! Collection, checking and repair, beside a running server.

use std::fs;
use std::os::unix::fs::FileExt;

use crate::archive::{Archive, noise};
use crate::server::{block_on, client, hasty, objects, wait_until, wait_until_recoded};

fn pack_files(server: &snowbank_testkit::snowbank::Snowbank) -> Vec<std::path::PathBuf> {
    let packs = objects(server).into_iter().filter(|name| name.contains("packs"));
    packs.map(|name| server.data().join("bucket").join(name)).collect()
}

#[test]
fn a_damaged_frame_becomes_a_miss_and_the_next_upload_mends_it() {
    let server = hasty().start();
    let wire = client(&server);
    let archive = Archive::made(1, 1, 30, 80_000);
    block_on(wire.save("k", "v", &archive.zst)).unwrap();
    wait_until_recoded(&server);
    for pack in pack_files(&server) {
        fs::OpenOptions::new().write(true).open(pack).unwrap().write_at(b"damage!", 70_000).unwrap();
    }
    let found = std::process::Command::new(env!("CARGO_BIN_EXE_snowbank"))
        .args(["check", "--data"])
        .arg(server.data())
        .output()
        .unwrap();
    assert_eq!(found.status.code(), Some(1));
    let said = String::from_utf8(found.stdout).unwrap();
    assert!(said.contains("damaged: entry") && said.contains("chunk"), "{said}");

    server.run(&["check", "--repair"]);
    assert!(block_on(wire.lookup(&["k"], "v")).unwrap().is_none(), "what is damaged is a miss");
    block_on(wire.save("k", "v", &archive.zst)).unwrap();
    wait_until_recoded(&server);
    assert!(archive.is_in(&block_on(wire.restore(&["k"], "v")).unwrap().unwrap().1));
    wait_until("a store without damage", || {
        server.run(&["gc", "--grace", "0s"]);
        server.run(&["check", "--repair"]).lines().count() == 1
    });
}

#[test]
fn a_pack_that_is_gone_makes_its_entries_misses() {
    let mut server = hasty().start();
    let archive = Archive::made(1, 1, 10, 80_000);
    block_on(client(&server).save("k", "v", &archive.zst)).unwrap();
    wait_until_recoded(&server);
    for pack in pack_files(&server) {
        fs::remove_file(pack).unwrap();
    }
    server.restart();
    assert!(block_on(client(&server).lookup(&["k"], "v")).unwrap().is_none());
}

#[test]
fn little_live_packs_are_packed_anew_while_restores_go_on() {
    let server = hasty().start();
    let wire = client(&server);
    let archives: Vec<Archive> = (0..6).map(|own| Archive::mixed(9, own, 24, 60_000, 3)).collect();
    for (number, archive) in archives.iter().enumerate() {
        block_on(wire.save(&format!("k{number}"), "v", &archive.zst)).unwrap();
        wait_until_recoded(&server);
    }
    let size = |server: &_| {
        pack_files(server).iter().filter_map(|pack| fs::metadata(pack).ok()).map(|m| m.len()).sum::<u64>()
    };
    let before = size(&server);
    // The first archive brought the shared files, a quarter of its pack: once it is gone the rest is dead.
    for number in [0, 1, 3, 4] {
        server.run(&["cache", "delete", "--key", &format!("k{number}"), "--yes", "--server", server.url()]);
    }
    wait_until("smaller packs", || {
        server.run(&["gc", "--grace", "0s"]);
        for number in [2, 5] {
            let found = block_on(wire.restore(&[&format!("k{number}")], "v")).unwrap().unwrap().1;
            assert!(archives[number].is_in(&found), "k{number} while packing anew");
        }
        size(&server) < before * 42 / 100
    });
    server.run(&["check"]);
}

#[test]
fn an_upload_damaged_before_it_is_recoded_becomes_a_miss() {
    let data = tempfile::tempdir().unwrap();
    let server = hasty().data(data.path()).env("SNOWBANK_JOBS_RECODE", "false").start();
    let wire = client(&server).named("sccache");
    block_on(wire.save("damaged", "v", &noise(1, 300_000))).unwrap();
    block_on(wire.save("whole", "v", &noise(2, 300_000))).unwrap();
    let damaged = objects(&server).into_iter().find(|name| name.contains("uploads/1/")).unwrap();
    let file = fs::OpenOptions::new().write(true).open(data.path().join("bucket").join(damaged)).unwrap();
    file.write_at(b"damage!", 70_000).unwrap();
    drop(server);
    let server = hasty().data(data.path()).start();
    wait_until_recoded(&server);
    let wire = wire.at(server.url());
    assert!(block_on(wire.lookup(&["damaged"], "v")).unwrap().is_none());
    assert!(block_on(wire.restore(&["whole"], "v")).unwrap().unwrap().1 == noise(2, 300_000));
}
