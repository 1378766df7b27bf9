//! What recoding keeps: once what is the same, bit for bit what must be, and packs as they lie.

use std::io::Read;

use crate::archive::{Archive, noise};
use crate::server::{REPO, block_on, client, disk, hasty, wait_until_recoded};

fn packs(server: &snowbank_testkit::snowbank::Snowbank) -> u64 {
    disk(server)["packs_bytes"].as_u64().unwrap()
}

#[test]
fn a_second_archive_adds_only_what_is_new() {
    let server = hasty().start();
    let wire = client(&server);
    let (one, two) = (Archive::made(1, 1, 40, 100_000), Archive::made(1, 2, 40, 100_000));
    block_on(wire.save("one", "v", &one.zst)).unwrap();
    wait_until_recoded(&server);
    let first = packs(&server);
    block_on(wire.save("two", "v", &two.zst)).unwrap();
    wait_until_recoded(&server);
    let grown = packs(&server) - first;
    assert!(
        grown < first * 35 / 100,
        "a quarter of the files is new, and the packs grew by {grown} after {first}"
    );
    for (key, archive) in [("one", &one), ("two", &two)] {
        assert!(archive.is_in(&block_on(wire.restore(&[key], "v")).unwrap().unwrap().1), "{key}");
    }
}

#[test]
fn what_another_uploader_saves_comes_back_bit_for_bit() {
    let server = hasty().start();
    let wire = client(&server).named("buildkit");
    let archive = Archive::made(1, 1, 10, 50_000).zst;
    for (key, content) in
        [("tar.zst", archive), ("noise", noise(1, 700_000)), ("tiny", b"x".to_vec()), ("none", Vec::new())]
    {
        block_on(wire.save(key, "v", &content)).unwrap();
        wait_until_recoded(&server);
        assert!(block_on(wire.restore(&[key], "v")).unwrap().unwrap().1 == content, "{key}");
    }
}

#[test]
fn what_looks_like_an_archive_and_is_none_comes_back_bit_for_bit() {
    let server = hasty().start();
    let wire = client(&server);
    let bomb = zstd::encode_all(std::io::repeat(0).take(3 << 30), 1).unwrap();
    let mut lying = Archive::made(1, 1, 4, 9000).tar;
    lying[124..136].copy_from_slice(b"77777777777\0");
    let mut cut = Archive::made(1, 2, 4, 90_000).zst;
    cut.truncate(cut.len() / 2);
    let cases = [
        ("no tar", zstd::encode_all(&noise(1, 300_000)[..], 1).unwrap()),
        ("bomb", bomb),
        ("lying header", zstd::encode_all(&lying[..], 1).unwrap()),
        ("cut off", cut),
        ("window of 1 GiB", wide_window()),
    ];
    for (key, content) in &cases {
        block_on(wire.save(key, "v", content)).unwrap();
    }
    wait_until_recoded(&server);
    for (key, content) in cases {
        assert!(block_on(wire.restore(&[key], "v")).unwrap().unwrap().1 == content, "{key}");
    }
}

/// A frame whose header asks for a window of 1 GiB.
fn wide_window() -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3];
    frame.extend([0x01, 0x00, 0x00]);
    frame
}

#[test]
fn a_pack_of_our_own_is_adopted_as_it_lies() {
    let server = hasty().start();
    let wire = client(&server);
    let archive = Archive::made(1, 1, 30, 80_000);
    block_on(wire.save("one", "v", &archive.zst)).unwrap();
    wait_until_recoded(&server);
    let name = crate::server::objects(&server).into_iter().find(|name| name.contains("packs")).unwrap();
    let pack = std::fs::read(server.data().join("bucket").join(name)).unwrap();

    let other = hasty().start();
    let wire = client(&other).named("snowbank");
    block_on(wire.save("snowbank-pack-1", "v", &pack)).unwrap();
    wait_until_recoded(&other);
    assert_eq!(packs(&other), pack.len() as u64);
    assert!(block_on(wire.restore(&["snowbank-pack-1"], "v")).unwrap().unwrap().1 == pack);
    block_on(client(&other).save("archive", "v", &archive.zst)).unwrap();
    wait_until_recoded(&other);
    let grown = packs(&other) - pack.len() as u64;
    assert!(grown < pack.len() as u64 / 50, "the archive's chunks were there, and {grown} bytes were added");

    let mut lying = pack.clone();
    let footer = lying.len() - 60;
    lying[footer] ^= 1;
    let mut damaged = pack.clone();
    damaged[1000] ^= 1;
    for (key, content) in [("lying", lying), ("damaged", damaged)] {
        block_on(wire.save(key, "v", &content)).unwrap();
        wait_until_recoded(&other);
        assert!(block_on(wire.restore(&[key], "v")).unwrap().unwrap().1 == content, "{key}");
    }
    other.run(&["check"]);
}

#[test]
fn owners_do_not_share_chunks_unless_told_to() {
    for (share, expected) in [("false", 2), ("true", 1)] {
        let server = hasty().env("SNOWBANK_SHARE_ACROSS_OWNERS", share).start();
        let archive = Archive::made(1, 1, 20, 80_000);
        block_on(client(&server).save("k", "v", &archive.zst)).unwrap();
        wait_until_recoded(&server);
        let first = packs(&server);
        let other = snowbank_testkit::wire::WireClient::new(
            server.url(),
            &server.token("other/app", &["refs/heads/main:rw"]),
        );
        block_on(other.save("k", "v", &archive.zst)).unwrap();
        wait_until_recoded(&server);
        let times = (packs(&server) as f64 / first as f64).round() as u64;
        assert_eq!(times, expected, "share_across_owners = {share}");
        assert!(REPO.starts_with("acme/"));
    }
}
