//! Paths that are cut into parts.

use std::collections::BTreeMap;

use proptest::prelude::*;
use snowbank_nix::store_path::StoreDir;
use snowbank_oci::layer::{LayerPath, Part, parts};
use snowbank_oci::tree::Trees;

use crate::support::{Listed, Nars, Node, directory, file, listed, names, path, plain, tar, trees};

fn cut(nars: &Nars, cap: u64) -> Vec<Part> {
    let path = nars.0.keys().next().unwrap();
    let mut tree = nars.open(path).unwrap();
    parts(path, &StoreDir::default(), tree.as_mut(), cap).unwrap()
}

fn part(nars: &Nars, part: &Part) -> Vec<u8> {
    let path = nars.0.keys().next().unwrap();
    tar(vec![LayerPath { part: Some(part.clone()), ..plain(path) }], nars).unwrap()
}

#[test]
fn a_part_has_its_files_and_what_leads_to_them() {
    let tree = directory([
        ("a", directory([("x", file("x")), ("y", file("y"))])),
        ("a.b", file("z")),
        ("c", directory([("d", directory([])), ("e", file("e"))])),
    ]);
    let a = path('a', "a");
    let nars = Nars::of([(&a, &tree)]);
    let root = format!("/nix/store/{a}");
    for (from, until, wanted) in [
        (None, None, &["", "/a", "/a/x", "/a/y", "/a.b", "/c", "/c/d", "/c/e"][..]),
        (None, Some("a/y"), &["", "/a", "/a/x"]),
        (Some("a/y"), Some("c"), &["", "/a", "/a/y", "/a.b"]),
        (Some("c/d"), Some("c/e"), &["", "/c", "/c/d"]),
        (Some("c/e"), None, &["", "/c", "/c/e"]),
        (Some("z"), None, &[]),
    ] {
        let [from, until] = [from, until].map(|bound| bound.map(|path| path.as_bytes().to_vec()));
        let made = names(&part(&nars, &Part { from, until }));
        let leading = if wanted.is_empty() { &[][..] } else { &["/", "/nix", "/nix/store"] };
        let leading = leading.iter().map(|&name| name.to_owned());
        let wanted = leading.chain(wanted.iter().map(|name| format!("{root}{name}")));
        assert_eq!(made, wanted.collect::<Vec<_>>());
    }
}

#[test]
fn a_large_file_is_a_part_by_itself() {
    let large = || Node::File { executable: false, content: vec![0; 100_000] };
    let tree = directory([("a", file("a")), ("b", large()), ("c", file("c")), ("d", file("d"))]);
    let nars = Nars::of([(&path('a', "a"), &tree)]);
    let found: Vec<_> = cut(&nars, 20_000)
        .into_iter()
        .map(|part| part.from.map(|at| String::from_utf8(at).unwrap()))
        .collect();
    assert_eq!(found, [None, Some("b".to_owned()), Some("c".to_owned())]);
    assert_eq!(cut(&nars, u64::MAX), [Part::default()]);
    // Directories that only lead somewhere are no part.
    let lone = Nars::of([(&path('a', "a"), &directory([("b", directory([("c", large())]))]))]);
    assert_eq!(cut(&lone, 1), [Part::default()]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_parts_are_the_whole(tree in trees(), cap in 4096u64..40_000) {
        let a = path('a', "a");
        let nars = Nars::of([(&a, &tree)]);
        let whole = listed(&tar(vec![plain(&a)], &nars).unwrap());
        let mut together: BTreeMap<Vec<u8>, Listed> = BTreeMap::new();
        for one in cut(&nars, cap) {
            let made = part(&nars, &one);
            let files = listed(&made);
            let solid = files.iter().filter(|(_, kind, ..)| *kind != '5').count();
            prop_assert!(made.len() as u64 <= cap || solid <= 1, "{} bytes, {solid} files", made.len());
            for entry in files {
                let before = together.insert(entry.0.clone(), entry.clone());
                prop_assert!(before.is_none_or(|before| before == entry && entry.1 == '5'));
            }
        }
        let wanted: BTreeMap<_, _> = whole.into_iter().map(|entry| (entry.0.clone(), entry)).collect();
        prop_assert_eq!(together, wanted);
    }
}
