//! Paths whose files are renamed.

use proptest::prelude::*;
use snowbank_oci::layer::{LayerError, LayerSpec, MAX_SORTED};

use crate::support::{
    Nars, Node, directory, file, implied, link, listed, moved, names, path, perm, plain, tar, to_root, trees,
};

#[test]
fn a_path_that_is_moved_to_the_root_leaves_the_root_as_it_is() {
    let (a, b) = (path('a', "a"), path('b', "b"));
    let one = directory([("bin", directory([("x", file("x"))])), ("share", directory([]))]);
    let other = directory([("bin", directory([("y", link("x"))])), ("nix", directory([]))]);
    let nars = Nars::of([(&a, &one), (&b, &other)]);
    let made = tar(vec![to_root(&a), to_root(&b), plain(&a)], &nars).unwrap();
    let mut wanted = implied(&["/"]);
    directory([("x", file("x")), ("y", link("x"))]).list(b"/bin", &mut wanted);
    directory([]).list(b"/nix", &mut wanted);
    wanted.extend(implied(&["/nix/store"]));
    one.list(format!("/nix/store/{a}").as_bytes(), &mut wanted);
    directory([]).list(b"/share", &mut wanted);
    assert_eq!(listed(&made), wanted);
}

#[test]
fn a_path_that_is_renamed_to_a_slash_is_the_root() {
    let a = path('a', "a");
    let nars = Nars::of([(&a, &directory([("x", file("x"))]))]);
    let made = tar(vec![moved(&a, &format!("^/nix/store/{a}"), "/")], &nars).unwrap();
    let found: Vec<_> = listed(&made).into_iter().map(|(name, _, mode, _)| (name, mode)).collect();
    assert_eq!(found, [(b"/".to_vec(), 0o555), (b"/x".to_vec(), 0o444)]);
}

#[test]
fn files_that_come_in_another_order_are_sorted() {
    let a = path('a', "a");
    let tree = directory([("a", file("1")), ("b", file("2")), ("c", directory([("x", file("3"))]))]);
    let nars = Nars::of([(&a, &tree)]);
    let made = tar(vec![moved(&a, "^/nix/store/[^/]*/(a|c)", "/z/$1")], &nars).unwrap();
    let store = format!("/nix/store/{a}");
    let b = format!("{store}/b");
    assert_eq!(names(&made), ["/", "/nix", "/nix/store", &store, &b, "/z", "/z/a", "/z/c", "/z/c/x"]);
}

/// A tree of more than can be sorted.
fn large() -> Node {
    let big = || Node::File { executable: false, content: vec![7; MAX_SORTED / 2] };
    directory([("a", big()), ("b", big()), ("c", file("c"))])
}

#[test]
fn a_large_path_is_moved_as_it_is_read() {
    let (a, b) = (path('a', "a"), path('b', "b"));
    let nars = Nars::of([(&a, &large()), (&b, &directory([("b", file("b")), ("d", file("d"))]))]);
    let made = tar(vec![to_root(&a), moved(&b, &format!("^/nix/store/{b}"), "/x")], &nars).unwrap();
    assert_eq!(names(&made), ["/", "/a", "/b", "/c", "/x", "/x/b", "/x/d"]);
}

#[test]
fn a_large_path_that_would_have_to_be_sorted_is_refused() {
    let a = path('a', "a");
    let nars = Nars::of([(&a, &large())]);
    let error = tar(vec![moved(&a, "/a$", "/z")], &nars).unwrap_err();
    assert!(matches!(&error, LayerError::Order { path, .. } if path.ends_with("-a")), "{error}");
}

#[test]
fn nothing_is_renamed_out_of_the_image() {
    let a = path('a', "a");
    let nars = Nars::of([(&a, &directory([("x", file("x"))]))]);
    let error = tar(vec![moved(&a, "^/nix/store/[^/]*", "../..")], &nars).unwrap_err();
    assert!(matches!(error, LayerError::Outside { .. }), "{error}");
    // What leads up from the root stays there.
    assert_eq!(
        names(&tar(vec![moved(&a, "^/nix/store/[^/]*", "/../y")], &nars).unwrap()),
        ["/", "/y", "/y/x"]
    );
}

#[test]
fn a_name_that_is_no_expression_of_itself_stays_and_is_told_of() {
    let (a, b) = (path('a', "gtk+3"), path('b', "b"));
    let nars = Nars::of([(&a, &file("x")), (&b, &file("y"))]);
    let paths = vec![to_root(&a), to_root(&b), moved(&a, r"^/nix/store/a*-gtk\+3", "/x")];
    assert_eq!(
        names(&tar(paths[..2].to_vec(), &nars).unwrap()),
        ["/", "/nix", "/nix/store", &format!("/nix/store/{a}")]
    );
    let warnings = LayerSpec { paths }.warnings(&snowbank_nix::store_path::StoreDir::default());
    assert_eq!(
        warnings.iter().map(|warning| warning.path.clone()).collect::<Vec<_>>(),
        [format!("/nix/store/{a}")]
    );
    assert!(warnings[0].to_string().contains("is not moved"), "{}", warnings[0]);
}

#[test]
fn permissions_go_by_where_a_file_was() {
    let a = path('a', "a");
    let nars = Nars::of([(&a, &directory([("x", file("x")), ("y", file("y"))]))]);
    let mut layer = to_root(&a);
    layer.options.perms = vec![perm("/nix/store/a*-a/x$", "0640", 7)];
    let made = tar(vec![layer], &nars).unwrap();
    let found: Vec<_> = listed(&made).into_iter().map(|(name, _, mode, _)| (name, mode)).collect();
    assert_eq!(found, [(b"/".to_vec(), 0o755), (b"/x".to_vec(), 0o640), (b"/y".to_vec(), 0o444)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Renaming a folder before files are read is renaming it while they are.
    #[test]
    fn a_moved_path_has_all_of_its_files(tree in trees()) {
        let a = path('a', "a");
        let nars = Nars::of([(&a, &tree)]);
        let made = tar(vec![moved(&a, "^/nix/store/[^/]*", "/opt/x")], &nars).unwrap();
        let mut wanted = implied(&["/", "/opt"]);
        tree.list(b"/opt/x", &mut wanted);
        prop_assert_eq!(listed(&made), wanted);
    }
}
