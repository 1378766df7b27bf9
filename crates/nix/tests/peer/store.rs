//! A store that Nix made and holds, as its database tells of it.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Stdio},
    thread,
};

use snowbank_nix::{
    hash::NarHasher,
    nar::dump,
    store::{LocalStore, Place, StoreError},
    store_path::{StoreDir, StorePath},
};
use snowbank_testkit::closure::{nix, succeed};

use crate::support::{closure, has_open, instantiate, store_path as path, until};

fn open(root: &Path) -> LocalStore {
    LocalStore::open(Place::below(root)).unwrap()
}

fn query(root: &Path, question: &str, path: &StorePath) -> String {
    let full = StoreDir::default().display(path);
    succeed(nix("nix-store", root).args(["--query", question, &full])).trim_end().to_owned()
}

/// The paths that `nix-store --query` prints.
fn query_paths(root: &Path, question: &str, of: &StorePath) -> BTreeSet<StorePath> {
    query(root, question, of).lines().map(path).collect()
}

#[test]
fn every_path_is_known_as_nix_knows_it() {
    let made = closure();
    let store = open(made.root());
    let top = path(made.top());
    let closure = store.closure([&top]).unwrap();
    assert_eq!(
        closure.iter().map(|info| info.path.clone()).collect::<BTreeSet<_>>(),
        store.valid_paths().unwrap()
    );
    assert_eq!(closure.len(), 3);
    for info in closure.iter() {
        let ask = |question| query(made.root(), question, &info.path);
        assert_eq!(info.nar_hash.to_string(), ask("--hash"));
        assert_eq!(info.nar_size.to_string(), ask("--size"));
        assert_eq!(info.references, query_paths(made.root(), "--references", &info.path));
        assert_eq!((info.deriver.as_ref(), ask("--deriver").as_str()), (None, "unknown-deriver"));
        assert!(info.is_content_addressed(&StoreDir::default()), "{info:?}");

        let file = store.place().file(&info.path);
        assert_eq!(dump(&file, NarHasher::default()).unwrap().finish(), (info.nar_hash, info.nar_size));
    }
    store.check_writable().unwrap();
}

#[test]
fn outputs_of_a_derivation_are_known_before_they_are_built() {
    let made = closure();
    let derivation = instantiate(made.root(), "two-outputs");
    let store = open(made.root());
    let outputs = store.derivation_outputs(&derivation).unwrap();
    assert_eq!(outputs.keys().collect::<Vec<_>>(), ["dev", "out"]);
    assert_eq!(
        outputs.values().cloned().collect::<BTreeSet<_>>(),
        query_paths(made.root(), "--outputs", &derivation)
    );
    assert_eq!(store.derivers(&outputs["dev"]).unwrap(), BTreeSet::from([derivation]));
    assert_eq!(store.path_info(&outputs["out"]).unwrap(), None);
    let error = store.closure([&outputs["out"]]).unwrap_err();
    assert!(matches!(&error, StoreError::Invalid(path) if *path == outputs["out"]), "{error:?}");
}

#[test]
fn signatures_are_kept() {
    let made = closure();
    let key = made.root().join("key");
    let public = made.root().join("key.public");
    succeed(
        nix("nix-store", made.root()).args(["--generate-binary-cache-key", "host-1"]).args([&key, &public]),
    );
    let mut sign = nix("nix", made.root());
    sign.args(["--extra-experimental-features", "nix-command", "store", "sign", "--recursive", "--key-file"]);
    succeed(sign.arg(&key).arg(made.top()));
    let keys = [fs::read_to_string(public).unwrap().trim_end().parse().unwrap()];
    for info in open(made.root()).closure([&path(made.top())]).unwrap().iter() {
        assert_eq!(info.signer(&StoreDir::default(), &keys), Some(&keys[0]), "{info:?}");
    }
}

/// A process that has the store open until its input ends.
struct Holder(Child);

impl Holder {
    fn of(root: &Path) -> Self {
        let mut serve = nix("nix-store", root);
        serve.args(["--serve", "--write"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let holder = Self(serve.spawn().unwrap());
        let database = Place::below(root).database();
        until(|| has_open(&holder.0, &database));
        holder
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn what_stands_only_in_the_log_is_seen_while_another_has_the_database_open() {
    let made = closure();
    let root = fs::canonicalize(made.root()).unwrap();
    let _holder = Holder::of(&root);
    let before = open(&root);
    let derivation = instantiate(&root, "late");
    let database = Place::below(&root).database();
    assert!(database.with_extension("sqlite-wal").metadata().unwrap().len() > 0);

    // The file alone does not have it: who copies it loses what the log holds.
    let copied = tempfile::tempdir().unwrap();
    let copy = Place::below(copied.path()).database();
    fs::create_dir_all(copy.parent().unwrap()).unwrap();
    fs::copy(&database, &copy).unwrap();
    fs::copy(database.with_file_name("schema"), copy.with_file_name("schema")).unwrap();
    assert_eq!(open(copied.path()).path_info(&derivation).unwrap(), None);

    for store in [before, open(&root)] {
        assert!(store.path_info(&derivation).unwrap().is_some());
        assert_eq!(store.closure([&derivation]).unwrap().len(), 2);
    }
}

#[test]
fn paths_are_found_by_the_time_of_their_registration() {
    let made = closure();
    let store = open(made.root());
    let all = store.valid_paths().unwrap();
    assert_eq!(store.registered_since(0).unwrap(), all);
    let connection = rusqlite::Connection::open(store.place().database()).unwrap();
    connection
        .execute("update ValidPaths set registrationTime = 1000 where path != ?1", [made.top()])
        .unwrap();
    assert_eq!(store.registered_since(1000).unwrap(), all);
    assert_eq!(store.registered_since(1001).unwrap(), BTreeSet::from([path(made.top())]));
}

#[test]
fn a_store_that_cannot_be_written_to_is_read() {
    let made = closure();
    let database = Place::below(made.root()).database();
    let folder = database.parent().unwrap();
    for end in ["sqlite-wal", "sqlite-shm"] {
        let _ = fs::remove_file(database.with_extension(end));
    }
    fs::set_permissions(made.root(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o555)).unwrap();
    let valid = thread::scope(|scope| {
        let reader = scope.spawn(|| {
            // Root may write everywhere; another user, which only this thread becomes, may not.
            if rustix::process::geteuid().is_root() {
                rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65534)).unwrap();
            }
            assert!(fs::write(folder.join("file"), "").is_err());
            open(made.root()).valid_paths().unwrap().len()
        });
        reader.join().unwrap()
    });
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(valid, 3);
}
