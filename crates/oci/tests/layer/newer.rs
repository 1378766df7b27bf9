//! What branches of nix2container know that its releases do not yet: bits added to modes, and files that are left out. The
//! digests are those of its `TarPathsSum` with these additions for the same files, run by Go.

use snowbank_oci::digest::Digest;
use snowbank_oci::layer::{LayerError, LayerPath, PathOptions, Perm, Rewrite};

use crate::support::{Nars, Node, directory, file, link, names, path, perm, plain, tar};

fn tree() -> Node {
    let doc = directory([("a", file("a")), ("deep", directory([("b", file("b"))]))]);
    directory([
        ("bin", directory([("tool", file("tool")), ("x", program("#!x\n"))])),
        ("link", link("bin/x")),
        ("share", directory([("doc", doc), ("docs", directory([("c", file("c"))]))])),
        ("tmp", directory([])),
    ])
}

fn program(content: &str) -> Node {
    Node::File { executable: true, content: content.as_bytes().to_vec() }
}

fn made(paths: Vec<LayerPath>) -> Result<Vec<u8>, LayerError> {
    let (a, b) = (path('a', "a"), path('b', "b"));
    tar(paths, &Nars::of([(&a, &tree()), (&b, &directory([("b", file("bb"))]))]))
}

/// The tree with these options.
fn with(options: PathOptions) -> LayerPath {
    LayerPath { options, ..plain(&path('a', "a")) }
}

fn adding(regex: &str, mode: &str, or_mode: &str) -> Perm {
    Perm { or_mode: or_mode.to_owned(), ..perm(regex, mode, 0) }
}

fn perms(perms: impl IntoIterator<Item = Perm>) -> PathOptions {
    PathOptions { perms: perms.into_iter().collect(), ..PathOptions::default() }
}

fn ignoring(regex: &str) -> PathOptions {
    PathOptions { ignore_destination: regex.to_owned(), ..PathOptions::default() }
}

fn moving(regex: &str, repl: &str, options: PathOptions) -> PathOptions {
    PathOptions { rewrite: Rewrite { regex: regex.to_owned(), repl: repl.to_owned() }, ..options }
}

#[test]
fn the_tars_are_those_of_nix2container() {
    let first = Perm { uid: 1, ..adding(".*", "0444", "00000000200") };
    let second = Perm { gname: "g".to_owned(), ..adding("/bin/|link", "", "4000") };
    let writable =
        PathOptions { ignore_destination: "^/share".to_owned(), ..perms([adding("", "", "0222")]) };
    for (options, size, digest) in [
        (
            perms([adding(".*", "", "0200")]),
            11776,
            "3568940187e58f835001306ef2bcaf77b6cd313f8d0d3bd8132cb65cc022349f",
        ),
        (perms([first, second]), 11776, "2bb8a34fda549d435427d980696e5b33f7fb9f0133abdaed627f7acf874da5e0"),
        (
            perms([adding("", "", "7777")]),
            11776,
            "99c0d1b3d28076652f6c7d997ce0048fba9ed51a3d43e1c82427c0ac78ca0b5c",
        ),
        (ignoring("/share/doc$"), 8704, "84c231fbb5941db23e747041bc93ec64df93938bd418661d1f96df6163fb033f"),
        (
            ignoring("/(x|link|tmp)$"),
            9728,
            "a16a9c5cd06eb179424c8b90cff6d1f15377703dc2ebe6eb7e370acd2be4a761",
        ),
        (ignoring("."), 1024, "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"),
        (
            moving("^/nix/store/[^/]*", "", writable),
            5120,
            "7b406b04e550836264f80808d54dfeb2969076856b66fdfb3f7a491ad350e76d",
        ),
        (
            moving("^/nix/store/[^/]*/(share/doc/)?", "/", ignoring("^/share/doc$")),
            8704,
            "6a5888db981349cd9ae27e0c9e64f5a469ed997f9b1f9c5e7c45c1ca4c09a61b",
        ),
    ] {
        let tar = made(vec![with(options.clone())]).unwrap();
        assert_eq!((tar.len(), Digest::of(&tar).hex()), (size, digest.to_owned()), "{options:?}");
    }
    let both = made(vec![with(ignoring("-a$")), plain(&path('b', "b"))]).unwrap();
    let digest = "bccd7d5711a2db7a9d474a9301b7297938f883124648b3bb092c01e30613eb96";
    assert_eq!((both.len(), Digest::of(&both).hex()), (4096, digest.to_owned()));
}

#[test]
fn a_directory_is_left_out_with_all_that_was_in_it() {
    let options = moving("^/nix/store/[^/]*(/share/doc)?", "", ignoring("^/share$"));
    let found = made(vec![with(options)]).unwrap();
    assert_eq!(names(&found), ["/", "/bin", "/bin/tool", "/bin/x", "/link", "/tmp"]);
}

#[test]
fn only_bits_of_modes_are_added() {
    for wrong in ["0o311", "-0200", "+200", "40755", "8", "2_00", " 200"] {
        let error = made(vec![with(perms([adding("", "", wrong)]))]).unwrap_err();
        assert!(matches!(&error, LayerError::Perm { value, .. } if value == wrong), "{error}");
    }
    let error = made(vec![with(ignoring("("))]).unwrap_err();
    assert!(matches!(error, LayerError::Pattern { .. }), "{error}");
}
