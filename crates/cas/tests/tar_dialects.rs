//! The scanner against archives built by hand, block by block.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use proptest::prelude::*;
use snowbank_cas::tar::{BLOCK, MAX_META, MAX_TRAILING, Scanner, TarError};

const THRESHOLD: u64 = 1000;

/// A header with the right checksum.
fn header(flag: u8, size: &[u8]) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    block[..4].copy_from_slice(b"name");
    block[124..124 + size.len()].copy_from_slice(size);
    block[156] = flag;
    block[257..265].copy_from_slice(b"ustar\x0000");
    seal(&mut block);
    block
}

fn seal(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// A header by a size in octal, and what follows it, filled up to a block.
fn entry(flag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = header(flag, format!("{:011o}\0", content.len()).as_bytes());
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}

/// An extended header of these records.
fn pax(flag: u8, records: &[&str]) -> Vec<u8> {
    let mut body = String::new();
    for record in records {
        let digits = if record.len() + 4 < 10 { 1 } else { 2 };
        body.push_str(&format!("{} {record}\n", record.len() + digits + 2));
    }
    entry(flag, body.as_bytes())
}

fn end() -> Vec<u8> {
    vec![0; 2 * BLOCK]
}

/// The places at which the scanner wants a cut.
fn cuts(archive: &[u8]) -> Result<Vec<usize>, TarError> {
    let mut scanner = Scanner::new(THRESHOLD);
    let mut cuts = Vec::new();
    let mut at = 0;
    while at < archive.len() {
        let step = scanner.advance(&archive[at..])?;
        at += step.len;
        if step.cut {
            cuts.push(at);
        }
    }
    scanner.finish()?;
    Ok(cuts)
}

#[test]
fn a_large_file_begins_and_ends_with_a_cut() {
    let archive = [entry(b'0', &[1; 999]), entry(b'0', &[1; 1000]), entry(0, &[1; 1024]), end()].concat();
    assert_eq!(cuts(&archive), Ok(vec![2048, 3048, 3584, 4608]));
}

#[test]
fn sizes_may_be_in_base_256() {
    let size = b"\x80\0\0\0\0\0\0\0\0\0\x08\0";
    let archive = [header(b'0', size), vec![7; 2048], end()].concat();
    assert_eq!(cuts(&archive), Ok(vec![512, 2560]));
}

#[test]
fn a_pax_size_overrides_the_header_of_the_next_file_only() {
    let archive =
        [pax(b'x', &["size=1500"]), header(b'0', b"0\0"), vec![7; 1536], entry(b'0', &[7; 2]), end()]
            .concat();
    assert_eq!(cuts(&archive), Ok(vec![1536, 3036]));
}

#[test]
fn a_global_size_holds_until_it_is_taken_back() {
    let archive = [
        pax(b'g', &["size=1500"]),
        header(b'0', b"0\0"),
        vec![7; 1536],
        pax(b'x', &["size="]),
        entry(b'0', &[7; 2]),
        header(b'0', b"0\0"),
        vec![7; 1536],
        pax(b'g', &["size="]),
        entry(b'0', &[7; 2]),
        end(),
    ]
    .concat();
    assert_eq!(cuts(&archive), Ok(vec![1536, 3036, 5632, 7132]));
}

#[test]
fn long_names_are_passed_over() {
    let archive = [
        entry(b'L', &[b'n'; 2000]),
        entry(b'K', &[b'n'; 512]),
        entry(b'2', b""),
        entry(b'0', &[1; 1000]),
        end(),
    ]
    .concat();
    assert_eq!(cuts(&archive), Ok(vec![4608, 5608]));
}

#[test]
fn the_end_may_be_one_block_of_zeros_or_many() {
    for zeros in [BLOCK, 2 * BLOCK, 20 * BLOCK] {
        assert_eq!(cuts(&[entry(b'0', b""), vec![0; zeros]].concat()), Ok(vec![]), "{zeros} zeros");
    }
}

#[test]
fn each_lie_is_told_apart() {
    let broken = |at: usize, byte: u8, sealed: bool| {
        let mut block = entry(b'0', b"");
        block[at] = byte;
        if sealed {
            seal(&mut block);
        }
        [block, end()].concat()
    };
    let big_meta = header(b'x', format!("{:011o}\0", MAX_META + 1).as_bytes());
    let cases = [
        ("nothing", vec![], TarError::Truncated),
        ("no magic", broken(258, b'x', true), TarError::Magic),
        ("changed byte", broken(0, b'x', false), TarError::Checksum),
        ("letters for a size", broken(130, b'x', true), TarError::Number),
        ("negative size", broken(124, 0xff, true), TarError::Number),
        ("size of 2^80", header(b'0', b"\x80\x01\0\0\0\0\0\0\0\0\0\0"), TarError::Number),
        ("size of 2^56", header(b'0', b"\x80\0\0\0\x01\0\0\0\0\0\0\0"), TarError::FileTooLarge(1 << 56)),
        ("unknown type", broken(156, b'V', true), TarError::Type(b'V')),
        ("old sparse", broken(156, b'S', true), TarError::Sparse),
        (
            "new sparse",
            [pax(b'x', &["GNU.sparse.major=1"]), entry(b'0', b""), end()].concat(),
            TarError::Sparse,
        ),
        ("folder with content", [entry(b'5', b"x"), end()].concat(), TarError::UnexpectedContent(b'5')),
        (
            "link with content by PAX",
            [pax(b'x', &["size=5"]), entry(b'1', b""), end()].concat(),
            TarError::UnexpectedContent(b'1'),
        ),
        ("records without length", [entry(b'x', b"size=5\n"), end()].concat(), TarError::Record),
        ("large extended header", big_meta, TarError::MetaTooLarge(MAX_META + 1)),
        ("extended header of nothing", [pax(b'x', &["a=b"]), end()].concat(), TarError::StrayMeta),
        ("two extended headers", [pax(b'x', &["a=b"]), pax(b'x', &["a=b"])].concat(), TarError::StrayMeta),
        ("long names without end", entry(b'L', b"n").repeat(9), TarError::StrayMeta),
        ("cut off in a header", entry(b'0', b"")[..300].to_vec(), TarError::Truncated),
        ("cut off in content", header(b'0', b"00000002000\0"), TarError::Truncated),
        ("no end", entry(b'0', &[1; 512]), TarError::Truncated),
        ("cut off in its end", [entry(b'0', b""), vec![0; 700]].concat(), TarError::Truncated),
        ("hole", [vec![0; BLOCK], entry(b'0', b""), end()].concat(), TarError::Trailing),
        ("bytes after the end", [end(), end(), vec![1]].concat(), TarError::Trailing),
        ("zeros after the end", vec![0; 3 * BLOCK + MAX_TRAILING as usize], TarError::Trailing),
    ];
    for (what, archive, error) in cases {
        assert_eq!(cuts(&archive), Err(error), "{what}");
    }
}

proptest! {
    #[test]
    fn arbitrary_blocks_never_panic_or_stall(
        parts in proptest::collection::vec(
            prop_oneof![
                (any::<u8>(), proptest::collection::vec(any::<u8>(), 0..1200)).prop_map(|(f, c)| entry(f, &c)),
                (prop::sample::select(b"0x1gLK".to_vec()), proptest::collection::vec(any::<u8>(), 12))
                    .prop_map(|(flag, size)| header(flag, &size)),
                proptest::collection::vec("[a-z.=]{1,12}=[0-9]{0,9}", 0..5).prop_map(|records| {
                    pax(b'x', &records.iter().map(String::as_str).collect::<Vec<_>>())
                }),
                Just(vec![0; BLOCK]),
                proptest::collection::vec(any::<u8>(), 0..700),
            ],
            0..12,
        ),
    ) {
        let archive = parts.concat();
        if let Ok(cuts) = cuts(&archive) {
            prop_assert!(cuts.is_sorted() && cuts.iter().all(|&cut| cut <= archive.len()));
        }
    }
}
