//! Two files at one place.

use snowbank_oci::layer::{LayerError, LayerPath};

use crate::support::{Nars, Node, directory, file, link, moved, names, path, perm, tar, to_root};

/// How the files `one` and `other` differ when both are to be `/x`.
fn difference(one: &Node, other: &Node, change: impl Fn(&mut LayerPath)) -> Option<String> {
    let (a, b) = (path('a', "a"), path('b', "b"));
    let nars = Nars::of([(&a, one), (&b, other)]);
    let paths = vec![moved(&a, "^/nix/store/[^/]*", "/x"), moved(&b, "^/nix/store/[^/]*", "/x")];
    let mut changed = paths.clone();
    change(&mut changed[1]);
    match tar(changed, &nars) {
        Ok(made) => {
            assert!(made == tar(paths[..1].to_vec(), &nars).unwrap());
            None
        }
        Err(LayerError::Conflict { one, other, destination, difference }) => {
            let suffix = destination.strip_prefix("/x").unwrap();
            assert_eq!((one, other), (format!("/nix/store/{a}{suffix}"), format!("/nix/store/{b}{suffix}")));
            Some(difference.to_owned())
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn equal_files_are_written_once() {
    let tree = directory([("a", file("1")), ("b", link("a")), ("c", directory([("d", file("2"))]))]);
    for node in [&tree, &file("x"), &link("x")] {
        assert_eq!(difference(node, node, |_| ()), None);
    }
}

#[test]
fn different_files_are_refused_by_name() {
    let script = Node::File { executable: true, content: b"1".to_vec() };
    let nested = |node| directory([("a", node)]);
    for (one, other, wanted) in [
        (file("1"), file("2"), "contents"),
        (nested(file("1")), nested(file("2")), "contents"),
        (file("1"), file("12"), "sizes"),
        (file("1"), script, "modes"),
        (file("1"), link("1"), "kinds"),
        (link("1"), link("2"), "places"),
        (nested(file("1")), file("1"), "kinds"),
    ] {
        let found = difference(&one, &other, |_| ()).unwrap();
        assert!(found.contains(wanted), "{found}");
    }
    let owner = |path: &mut LayerPath| path.options.perms = vec![perm("", "", 7)];
    assert!(difference(&file("1"), &file("1"), owner).unwrap().contains("owners"));
    assert!(difference(&directory([]), &directory([]), owner).unwrap().contains("owners"));
}

#[test]
fn large_files_are_compared_to_their_ends() {
    let large = |last: u8| {
        let mut content = vec![7; 40 << 20];
        *content.last_mut().unwrap() = last;
        Node::File { executable: false, content }
    };
    assert_eq!(difference(&large(7), &large(7), |_| ()), None);
    assert!(difference(&large(7), &large(8), |_| ()).unwrap().contains("contents"));
}

#[test]
fn a_file_is_no_directory_of_another_path() {
    let (a, b) = (path('a', "a"), path('b', "b"));
    let nars = Nars::of([(&a, &directory([("etc", link("/x"))])), (&b, &file("hosts"))]);
    let error = tar(vec![to_root(&a), moved(&b, "^.*$", "/etc/hosts")], &nars).unwrap_err();
    let LayerError::Conflict { one, other, destination, .. } = error else { panic!("{error}") };
    assert_eq!((one, other), (format!("/nix/store/{a}/etc"), format!("/nix/store/{b}")));
    assert_eq!(destination, "/etc");
}

#[test]
fn directories_of_several_paths_are_one() {
    let (a, b) = (path('a', "a"), path('b', "b"));
    let nars = Nars::of([
        (&a, &directory([("etc", directory([("a", file("a"))]))])),
        (&b, &directory([("etc", directory([("b", file("b"))]))])),
    ]);
    assert_eq!(
        names(&tar(vec![to_root(&b), to_root(&a)], &nars).unwrap()),
        ["/", "/etc", "/etc/a", "/etc/b"]
    );
}

#[test]
fn files_of_one_path_may_come_together_too() {
    let a = path('a', "a");
    let tree = |two| directory([("1", directory([("f", file("x"))])), ("2", directory([("f", file(two))]))]);
    let merged = |two| tar(vec![moved(&a, "/[12](/|$)", "/n$1")], &Nars::of([(&a, &tree(two))]));
    let store = format!("/nix/store/{a}");
    let wanted = ["/", "/nix", "/nix/store", &store, &format!("{store}/n"), &format!("{store}/n/f")];
    assert_eq!(names(&merged("x").unwrap()), wanted);
    assert!(matches!(merged("y").unwrap_err(), LayerError::Conflict { .. }));
}
