//! Dumping from and restoring to a file system.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
};

use snowbank_nix::nar::{
    DumpError, Event, MAX_DEPTH, NarError, ReadError, RestoreError, Restorer, dump, restore,
};

use crate::support::Tree;

fn metadata(path: &Path) -> (u32, i64, i64) {
    let found = fs::symlink_metadata(path).unwrap();
    (found.mode() & 0o7777, found.mtime(), found.mtime_nsec())
}

#[test]
fn what_is_restored_has_the_metadata_of_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let script = Tree::File { executable: true, content: b"#!/bin/sh\n".to_vec() };
    let inner = Tree::directory([("file", Tree::file(b"x")), ("link", Tree::Symlink(b"file".to_vec()))]);
    let tree = Tree::directory([("a", inner), ("empty", Tree::file(b"")), ("script", script)]);
    let path = folder.path().join("tree");
    restore(tree.nar().as_slice(), &path).unwrap();

    for (name, mode) in [("", 0o555), ("a", 0o555), ("a/file", 0o444), ("empty", 0o444), ("script", 0o555)] {
        assert_eq!(metadata(&path.join(name)), (mode, 1, 0), "{name}");
    }
    assert_eq!(metadata(&path.join("a/link")), (0o777, 1, 0));
}

/// `default:user::rwx, user:65534:rwx, group::rwx, mask::rwx, other::rwx`, as the kernel has it (`linux/posix_acl_xattr.h`).
fn default_acl() -> Vec<u8> {
    let nobody = u32::MAX;
    let entries = [(1u16, nobody), (2, 65534), (4, nobody), (0x10, nobody), (0x20, nobody)];
    let entry =
        |(tag, id): (u16, u32)| [&tag.to_le_bytes()[..], &7u16.to_le_bytes(), &id.to_le_bytes()].concat();
    [2u32.to_le_bytes().to_vec(), entries.into_iter().flat_map(entry).collect()].concat()
}

#[test]
fn no_access_control_list_of_the_folder_is_inherited() {
    let folder = tempfile::tempdir().unwrap();
    let flags = rustix::fs::XattrFlags::empty();
    match rustix::fs::setxattr(folder.path(), "system.posix_acl_default", &default_acl(), flags) {
        Ok(()) => {
            fs::create_dir(folder.path().join("inherits")).unwrap();
            assert_ne!(acls(&folder.path().join("inherits")), Vec::<u8>::new());
        }
        // A file system that knows no such lists gives none either.
        Err(error) => assert_eq!(error, rustix::io::Errno::OPNOTSUPP),
    }

    let inner = Tree::directory([("file", Tree::file(b"x"))]);
    restore(Tree::directory([("a", inner)]).nar().as_slice(), &folder.path().join("tree")).unwrap();
    restore(Tree::file(b"x").nar().as_slice(), &folder.path().join("file")).unwrap();
    for name in ["tree", "tree/a", "tree/a/file", "file"] {
        assert_eq!(acls(&folder.path().join(name)), Vec::<u8>::new(), "{name}");
    }
    assert_eq!(metadata(&folder.path().join("tree/a/file")), (0o444, 1, 0));
}

/// The names of the access control lists, each with a NUL behind it.
fn acls(path: &Path) -> Vec<u8> {
    let mut names = vec![0; 1000];
    let length = rustix::fs::listxattr(path, names.as_mut_slice()).unwrap();
    names.truncate(length);
    let words = names.split_inclusive(|&byte| byte == 0);
    words.filter(|name| name.starts_with(b"system.posix_acl")).flatten().copied().collect()
}

#[test]
fn nothing_that_exists_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let (path, outside) = (folder.path().join("path"), folder.path().join("outside"));
    let trees = [
        Tree::file(b"new"),
        Tree::Symlink(b"new".to_vec()),
        Tree::directory([("outside", Tree::file(b"new"))]),
    ];
    let exists = |tree: &Tree| {
        let error = restore(tree.nar().as_slice(), &path).unwrap_err();
        let RestoreError::Write { error, .. } = error else { panic!("{error:?}") };
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{tree:?}");
    };
    fs::write(&path, "old").unwrap();
    trees.iter().for_each(exists);
    assert_eq!(fs::read(&path).unwrap(), b"old");

    fs::remove_file(&path).unwrap();
    for target in [&outside, folder.path()] {
        symlink(target, &path).unwrap();
        trees.iter().for_each(exists);
        assert!(!outside.exists());
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_link_in_the_tree_leads_nothing_outside() {
    let folder = tempfile::tempdir().unwrap();
    let (outside, path) = (folder.path().join("outside"), folder.path().join("path"));
    fs::create_dir(&outside).unwrap();
    // What a parser would refuse, a restorer does too.
    let mut restorer = Restorer::new(&path);
    restorer.event(&Event::Directory).unwrap();
    restorer.event(&Event::Entry(b"link")).unwrap();
    restorer.event(&Event::Symlink(b"../outside")).unwrap();
    for name in [&b"link"[..], b"link/a", b"../outside/a", b".."] {
        let error = restorer.event(&Event::Entry(name)).unwrap_err();
        assert!(
            matches!(
                error,
                RestoreError::Read { error: ReadError::Nar(NarError::Name | NarError::Unsorted), .. }
            ),
            "{error:?}"
        );
    }
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn an_archive_that_is_cut_off_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let nar = Tree::directory([("a", Tree::file(b"x"))]).nar();
    let error = restore(&nar[..nar.len() - 8], &folder.path().join("path")).unwrap_err();
    let RestoreError::Read { error: ReadError::Nar(NarError::Truncated), path } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(path, &folder.path().join("path"));
    assert!(Restorer::new(folder.path()).finish().is_err());
}

#[test]
fn a_dump_follows_no_link() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "x").unwrap();
    symlink("file", folder.path().join("link")).unwrap();
    let nar = dump(&folder.path().join("link"), Vec::new()).unwrap();
    assert_eq!(Tree::read(&nar), Tree::Symlink(b"file".to_vec()));
}

#[test]
fn only_the_owner_decides_what_can_be_executed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "x").unwrap();
    for (mode, wanted) in [(0o644, false), (0o655, false), (0o744, true), (0o4555, true)] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let Tree::File { executable, .. } = Tree::read(&dump(&path, Vec::new()).unwrap()) else { panic!() };
        assert_eq!(executable, wanted, "{mode:o}");
    }
}

#[test]
fn what_no_nar_holds_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for path in [folder.path(), &socket] {
        let error = dump(path, Vec::new()).unwrap_err();
        assert!(matches!(&error, DumpError::Kind(found) if *found == socket), "{error:?}");
    }
    let missing = folder.path().join("missing");
    let error = dump(&missing, Vec::new()).unwrap_err();
    assert!(matches!(&error, DumpError::Read { path, .. } if *path == missing), "{error:?}");
}

#[test]
fn a_tree_that_is_too_deep_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let deep = (0..MAX_DEPTH).fold(folder.path().join("tree"), |path, _| path.join("a"));
    fs::create_dir_all(&deep).unwrap();
    let error = dump(&folder.path().join("tree"), Vec::new()).unwrap_err();
    assert!(error.to_string().ends_with(deep.to_str().unwrap()), "{error}");
    fs::remove_dir(&deep).unwrap();
    assert!(dump(&folder.path().join("tree"), Vec::new()).is_ok());
}

#[test]
fn many_files_in_one_directory_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<_> = (0..10_000).map(|at| format!("{at}")).collect();
    let tree = Tree::directory(names.iter().map(|name| (name.as_str(), Tree::file(name.as_bytes()))));
    let (nar, path) = (tree.nar(), folder.path().join("tree"));
    restore(nar.as_slice(), &path).unwrap();
    assert_eq!(dump(&path, Vec::new()).unwrap(), nar);
}
