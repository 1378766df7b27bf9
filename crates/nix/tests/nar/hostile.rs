//! What is no NAR is refused, by name.

use snowbank_nix::nar::{
    Event, MAX_DEPTH, MAX_FILE, MAX_NAME, MAX_TARGET, NarError, ReadError, Reader, WriteError, Writer,
};

use crate::support::{Tree, rewrite, string, strings};

const MAGIC: &str = "nix-archive-1";
const FILE: [&str; 6] = ["(", "type", "regular", "contents", "", ")"];

/// The same error however the bytes are sliced.
fn check(nar: &[u8], error: NarError) {
    for slice in [1, 13, nar.len().max(1)] {
        assert_eq!(rewrite(nar, slice), Err(error), "{}", nar.escape_ascii());
    }
}

/// A directory with empty files of these names, as they come.
fn with_names(names: &[&[u8]]) -> Vec<u8> {
    let entry = |name: &&[u8]| {
        [strings(&["entry", "(", "name"]), string(name), strings(&["node"]), strings(&FILE), strings(&[")"])]
            .concat()
    };
    let entries: Vec<u8> = names.iter().flat_map(entry).collect();
    [strings(&[MAGIC, "(", "type", "directory"]), entries, strings(&[")"])].concat()
}

#[test]
fn names_that_could_escape_are_refused() {
    let long = [b'x'; MAX_NAME + 1];
    assert!(rewrite(&with_names(&[&long[1..]]), 9).is_ok());
    for name in [&b""[..], b".", b"..", b"/", b"a/b", b"../a", b"a\0", b"\0"] {
        check(&with_names(&[name]), NarError::Name);
    }
    check(&with_names(&[&long]), NarError::TooLong { length: 256, most: MAX_NAME });
    for name in [&b"..."[..], b".a", b"-", b"\n", b"\xff", b"\\"] {
        assert!(rewrite(&with_names(&[name]), 9).is_ok());
    }
}

#[test]
fn names_that_do_not_rise_are_refused() {
    assert!(rewrite(&with_names(&[b"A", b"a", b"a-", b"a.", b"aa", b"\xff"]), 9).is_ok());
    check(&with_names(&[b"a", b"a"]), NarError::Unsorted);
    check(&with_names(&[b"b", b"a"]), NarError::Unsorted);
    check(&with_names(&[b"\xc3", b"z"]), NarError::Unsorted);
    check(&with_names(&[b"aa", b"a"]), NarError::Unsorted);
}

#[test]
fn other_strings_than_the_grammar_has_are_refused() {
    for (words, tag) in [
        (&[MAGIC, "["][..], "("),
        (&[MAGIC, "(", "kind"], "type"),
        (&[MAGIC, "(", "type", "fifo"], "regular, symlink or directory"),
        (&[MAGIC, "(", "type", "regular", "content"], "executable or contents"),
        (&[MAGIC, "(", "type", "regular", "executable", "", "executable"], "contents"),
        (&[MAGIC, "(", "type", "regular", "contents", "", "("], ")"),
        (&[MAGIC, "(", "type", "regular", ")"], "executable or contents"),
        (&[MAGIC, "(", "type", "symlink", "contents"], "target"),
        (&[MAGIC, "(", "type", "symlink", "target", "a", "executable"], ")"),
        (&[MAGIC, "(", "type", "directory", "name"], "entry or )"),
        (&[MAGIC, "(", "type", "directory", "entry", "name"], "("),
        (&[MAGIC, "(", "type", "directory", "entry", "(", "node"], "name"),
        (&[MAGIC, "(", "type", "directory", "entry", "(", "name", "a", "name"], "node"),
    ] {
        check(&strings(words), NarError::Tag(tag));
    }
    let twice =
        [strings(&[MAGIC, "(", "type", "directory", "entry", "(", "name", "a", "node"]), strings(&FILE)];
    check(&[twice.concat(), strings(&["node"])].concat(), NarError::Tag(")"));
}

#[test]
fn what_begins_as_something_else_is_refused() {
    for bytes in [strings(&["nix-archive-2"]), strings(&["nix-archive-10"]), vec![0xff; 8], vec![b'x'; 64]] {
        check(&bytes, NarError::Magic);
    }
    check(b"", NarError::Truncated);
    check(b"\r\0\0\0\0\0\0\0nix-", NarError::Truncated);
}

#[test]
fn strings_that_are_too_long_are_refused_before_they_come() {
    let length = |length: u64| length.to_le_bytes().to_vec();
    let link = strings(&[MAGIC, "(", "type", "symlink", "target"]);
    let too_long = |length, most| NarError::TooLong { length, most };
    check(&[link.clone(), length(4096)].concat(), too_long(4096, MAX_TARGET));
    check(&[link.clone(), length(u64::MAX)].concat(), too_long(u64::MAX, MAX_TARGET));
    check(&[strings(&[MAGIC, "("]), length(33)].concat(), too_long(33, 32));
    let executable = strings(&[MAGIC, "(", "type", "regular", "executable"]);
    check(&[executable, length(1)].concat(), too_long(1, 0));
    assert!(rewrite(&[link, string([b'x'; MAX_TARGET]), strings(&[")"])].concat(), 9).is_ok());
}

#[test]
fn link_targets_have_bounds() {
    for target in ["", "a\0", "\0"] {
        check(&strings(&[MAGIC, "(", "type", "symlink", "target", target, ")"]), NarError::Target);
    }
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_comes() {
    let file = strings(&[MAGIC, "(", "type", "regular", "contents"]);
    for size in [MAX_FILE + 1, u64::MAX] {
        check(&[&file[..], &size.to_le_bytes()].concat(), NarError::FileTooLarge(size));
    }
    check(&[&file[..], &MAX_FILE.to_le_bytes()].concat(), NarError::Truncated);
}

#[test]
fn padding_of_anything_but_zeros_is_refused() {
    let good = Tree::file(b"mycontent\n").nar();
    // Behind the first parenthesis, `type`, `regular`, the content's first and last byte.
    for at in [33, 54, 71, 106, 111, 127] {
        assert_eq!(good[at], 0, "{at}");
        let mut bad = good.clone();
        bad[at] = 1;
        check(&bad, NarError::Padding);
    }
    let mut bad = good;
    bad[23] = 1;
    check(&bad, NarError::Magic);
}

#[test]
fn trees_have_a_bound_on_their_depth() {
    let nested = |levels: usize| (0..levels).fold(Tree::file(b""), |tree, _| Tree::directory([("a", tree)]));
    let deepest = nested(MAX_DEPTH - 1).nar();
    assert!(rewrite(&deepest, 100).is_ok());
    let level = strings(&["(", "type", "directory", "entry", "(", "name", "a", "node"]);
    let prefix = [strings(&[MAGIC]), level.repeat(MAX_DEPTH), strings(&["(", "type", "directory"])].concat();
    check(&prefix, NarError::Depth);
    check(&[strings(&[MAGIC]), level.repeat(100_000)].concat(), NarError::Depth);
}

#[test]
fn what_follows_the_end_is_refused() {
    for more in [&b"\0"[..], b"x", &[0; 64]] {
        check(&[&Tree::file(b"x").nar()[..], more].concat(), NarError::Trailing);
    }
}

#[test]
fn a_reader_tells_of_what_is_cut_off_or_trails() {
    let nar = Tree::directory([("a", Tree::file(&[b'x'; 500_000]))]).nar();
    let read = |bytes: &[u8]| {
        let mut reader = Reader::new(bytes);
        loop {
            match reader.next_event() {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(()),
                Err(ReadError::Nar(error)) => return Err(error),
                Err(error) => panic!("{error:?}"),
            }
        }
    };
    assert_eq!(read(&nar), Ok(()));
    assert_eq!(read(&nar[..nar.len() - 1]), Err(NarError::Truncated));
    assert_eq!(read(&[&nar[..], b"\0"].concat()), Err(NarError::Trailing));
}

#[test]
fn a_writer_refuses_what_a_parser_would() {
    let refuse = |events: &[Event<'_>], wanted: NarError| {
        let mut writer = Writer::new(Vec::new()).unwrap();
        let error = events.iter().find_map(|event| writer.event(event).err());
        assert!(matches!(error, Some(WriteError::Nar(error)) if error == wanted), "{events:?}");
    };
    refuse(&[Event::Directory, Event::Entry(b"..")], NarError::Name);
    refuse(&[Event::Symlink(b"")], NarError::Target);
    refuse(&[Event::File { executable: false, size: 1 }, Event::Contents(b"xy")], NarError::Order);
    let unfinished = Writer::new(Vec::new()).unwrap().finish();
    assert!(matches!(unfinished, Err(WriteError::Nar(NarError::Truncated))));
}
