use std::io::Read as _;

use super::*;

fn header(name: &[u8]) -> Header<'_> {
    let kind = Type::File;
    Header { kind, name, target: b"", size: 0, mode: 0o444, uid: 0, gid: 0, uname: b"root", gname: b"root" }
}

/// Bytes at places of a block that is otherwise zero, and the checksum.
fn block(fields: &[(usize, &[u8])]) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    for (at, bytes) in fields {
        block[*at..at + bytes.len()].copy_from_slice(bytes);
    }
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum::<u32>() + 8 * 32;
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// What every header of these tests has.
const COMMON: [(usize, &[u8]); 9] = [
    (100, b"0000444\0"),
    (108, b"0000000\0"),
    (116, b"0000000\0"),
    (136, b"00000000001\0"),
    (257, b"ustar\x0000"),
    (265, b"root\0"),
    (297, b"root\0"),
    (329, b"0000000\0"),
    (337, b"0000000\0"),
];

/// What every header of PAX records has.
const RECORDS: [(usize, &[u8]); 6] = [
    (100, b"0000000\0"),
    (108, b"0000000\0"),
    (116, b"0000000\0"),
    (136, b"00000000000\0"),
    (156, b"x"),
    (257, b"ustar\x0000"),
];

fn main_block(fields: &[(usize, &[u8])]) -> Vec<u8> {
    block(&[&COMMON, fields].concat())
}

#[test]
fn what_fits_is_one_block() {
    let bytes = Header { size: 0o1234, ..header(b"/nix/a") }.bytes();
    assert_eq!(bytes, main_block(&[(0, b"/nix/a"), (124, b"00000001234\0"), (156, b"0")]));

    let link = Header { kind: Type::Symlink, target: b"a", mode: 0o444, ..header(b"/b") }.bytes();
    assert_eq!(link, main_block(&[(0, b"/b"), (124, b"00000000000\0"), (156, b"2"), (157, b"a")]));
}

#[test]
fn a_long_name_is_split_at_a_slash() {
    let (folder, name) = (format!("/{}", "d".repeat(98)), "n".repeat(60));
    let bytes = header(format!("{folder}/{name}").as_bytes()).bytes();
    let fields: [(usize, &[u8]); 4] =
        [(0, name.as_bytes()), (124, b"00000000000\0"), (156, b"0"), (345, folder.as_bytes())];
    assert_eq!(bytes, main_block(&fields));
}

#[test]
fn a_name_that_cannot_be_split_has_a_record() {
    // 1 + 150 bytes, and no slash but the first.
    let name = format!("/{}", "n".repeat(150));
    let bytes = header(name.as_bytes()).bytes();
    let record = format!("161 path={name}\n");
    assert_eq!(record.len(), 161);
    let special = format!("/PaxHeaders.0/{}", &name[1..87]);
    let mut wanted = block(&[&RECORDS[..], &[(0, special.as_bytes()), (124, b"00000000241\0")]].concat());
    wanted.extend_from_slice(record.as_bytes());
    wanted.resize(1024, 0);
    wanted.extend(main_block(&[(0, &name.as_bytes()[..100]), (124, b"00000000000\0"), (156, b"0")]));
    assert_eq!(bytes, wanted);
}

#[test]
fn a_name_cut_off_behind_a_slash_loses_the_slash() {
    let name = format!("/{}/éx", "n".repeat(98));
    let bytes = header(name.as_bytes()).bytes();
    assert_eq!(&bytes[1024..1124], format!("/{}\0", "n".repeat(98)).as_bytes());
}

#[test]
fn a_long_target_takes_the_name_along_when_that_is_long() {
    let name = format!("/{}/{}", "d".repeat(98), "n".repeat(60));
    let target = "t".repeat(101);
    let short = Header { kind: Type::Symlink, target: target.as_bytes(), ..header(b"/a") }.bytes();
    let long = Header { kind: Type::Symlink, target: target.as_bytes(), ..header(name.as_bytes()) }.bytes();
    let linkpath = format!("115 linkpath={target}\n");
    assert!(short[512..].starts_with(format!("{linkpath}\0").as_bytes()));
    assert!(long[512..].starts_with(format!("{linkpath}170 path={name}\n\0").as_bytes()));
    // Nor is it split then.
    assert_eq!(&long[1024 + 345..1024 + 500], [0; 155]);
}

#[test]
fn a_record_counts_its_own_digits() {
    for len in 80..100 {
        let target = "é".repeat(len);
        let bytes = Header { kind: Type::Symlink, target: target.as_bytes(), ..header(b"/a") }.bytes();
        let records = &bytes[512..bytes.len() - 512];
        let end = records.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        assert!(records.starts_with(format!("{end} linkpath=").as_bytes()), "{len}");
    }
}

#[test]
fn numbers_that_do_not_fit_have_records() {
    let bytes = Header { size: 1 << 33, uid: -1, gid: 1 << 21, ..header(b"/a") }.bytes();
    assert!(bytes[512..].starts_with(b"15 gid=2097152\n19 size=8589934592\n9 uid=-1\n\0"));
    let fields: [(usize, &[u8]); 3] = [(0, b"/a"), (124, b"00000000000\0"), (156, b"0")];
    assert_eq!(bytes[1024..], main_block(&fields));
}

#[test]
fn others_read_what_was_meant() {
    let names = [
        "/a".to_owned(),
        format!("/{}/{}", "d".repeat(98), "n".repeat(60)),
        format!("/{}", "n".repeat(255)),
        "/Käse/größer".to_owned(),
        format!("/{}/é{}", "x".repeat(120), "y".repeat(130)),
    ];
    for name in &names {
        for target in ["t".to_owned(), "t".repeat(4095), "ü".repeat(51)] {
            let header = Header {
                kind: Type::Symlink,
                target: target.as_bytes(),
                uid: 1 << 40,
                ..header(name.as_bytes())
            };
            let bytes = [&header.bytes()[..], &END].concat();
            let mut archive = ::tar::Archive::new(bytes.as_slice());
            let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
            assert_eq!(entry.path_bytes(), name.as_bytes());
            assert_eq!(entry.link_name_bytes().unwrap(), target.as_bytes());
            assert_eq!(entry.header().uid().unwrap(), 1 << 40);
            assert_eq!(entry.read(&mut [0]).unwrap(), 0);
        }
    }
}
