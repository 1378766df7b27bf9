//! A store that we write to, while Nix checks, collects, builds and waits.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::net::UnixListener,
    path::Path,
    process::Stdio,
    thread,
};

use rustix::fs::FlockOperation;
use snowbank_nix::{
    closure::Closure,
    hash::Digest,
    nar::{dump, restore},
    path_info::PathInfo,
    signature::SecretKey,
    store::{
        Claim, Derivation, LocalStore, Place, Realisation, RealisationId, StoreError, StoreWriter, WriteError,
    },
    store_path::{StoreDir, StorePath},
};
use snowbank_testkit::closure::{self, nix, requisites, succeed};

use crate::support::{closure, empty_store, has_open, instantiate, store_path, until};

fn open(root: &Path) -> StoreWriter {
    StoreWriter::open(Place::below(root)).unwrap()
}

fn paths(closure: &Closure) -> BTreeSet<StorePath> {
    closure.iter().map(|info| info.path.clone()).collect()
}

/// Puts the files of a claimed path there.
fn fill(from: &LocalStore, claim: &Claim) {
    let nar = dump(&from.place().file(claim.path()), Vec::new()).unwrap();
    restore(nar.as_slice(), claim.file()).unwrap();
}

/// Copies all of `closure` that `to` lacks; how much that was.
fn copy(from: &LocalStore, closure: &Closure, to: &mut StoreWriter) -> usize {
    let claims = to.claim(&paths(closure)).unwrap();
    let fill = |claim: Claim| {
        fill(from, &claim);
        let info = closure.get(claim.path()).unwrap().clone();
        (claim, info)
    };
    let filled: Vec<_> = claims.into_iter().map(fill).collect();
    to.register(&filled, 1_700_000_000).unwrap();
    filled.len()
}

fn locks(root: &Path) -> usize {
    let store = fs::read_dir(root.join("nix/store")).unwrap();
    store.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|end| end == "lock")).count()
}

#[test]
fn what_is_copied_is_what_nix_itself_would_have_put_there() {
    let (made, root) = (closure(), empty_store());
    let derivation = instantiate(made.root(), "copied");
    let from = LocalStore::open(Place::below(made.root())).unwrap();
    let closure = from.closure([&store_path(made.top()), &derivation]).unwrap();
    // Signatures and derivers must come along, whatever they are worth.
    let key = SecretKey::generate("host-1").unwrap();
    let signed = closure.iter().map(|info| {
        let mut info = PathInfo { deriver: Some(derivation.clone()), ..info.clone() };
        info.sign(&StoreDir::default(), &key);
        info
    });
    let closure = Closure::new(signed).unwrap();

    let mut writer = open(root.path());
    assert_eq!(copy(&from, &closure, &mut writer), 5);
    let written = writer.store().closure([&store_path(made.top()), &derivation]).unwrap();
    assert!(written.iter().eq(closure.iter()));
    let outputs = writer.store().derivation_outputs(&derivation).unwrap();
    assert_eq!(outputs, from.derivation_outputs(&derivation).unwrap());
    assert_eq!(outputs.len(), 2);
    assert_eq!(writer.store().registered_since(1_700_000_001).unwrap(), BTreeSet::new());

    assert_eq!(closure::verify(root.path()), Ok(()));
    assert_eq!(requisites(root.path(), made.top()), made.paths());
    assert_eq!(locks(root.path()), 0);
    assert_eq!(copy(&from, &closure, &mut writer), 0);
}

#[test]
fn the_collector_leaves_alone_what_a_writer_keeps() {
    let (made, root) = (closure(), empty_store());
    let from = LocalStore::open(Place::below(made.root())).unwrap();
    let top = store_path(made.top());
    let mut writer = open(root.path());
    copy(&from, &from.closure([&top]).unwrap(), &mut writer);
    let collect = || succeed(nix("nix-store", root.path()).arg("--gc"));
    collect();
    assert!(writer.store().path_info(&top).unwrap().is_some());
    assert_eq!(closure::verify(root.path()), Ok(()));
    drop(writer);
    collect();
    let store = LocalStore::open(Place::below(root.path())).unwrap();
    assert_eq!(store.valid_paths().unwrap(), BTreeSet::new());
}

#[test]
fn two_writers_of_one_process_keep_their_own() {
    let (made, root) = (closure(), empty_store());
    let from = LocalStore::open(Place::below(made.root())).unwrap();
    let top = store_path(made.top());
    let mut first = open(root.path());
    copy(&from, &from.closure([&top]).unwrap(), &mut first);
    drop(open(root.path()));
    succeed(nix("nix-store", root.path()).arg("--gc"));
    assert!(first.store().path_info(&top).unwrap().is_some());
}

#[test]
fn a_collector_that_runs_is_told() {
    let (made, root) = (closure(), empty_store());
    let state = Place::below(root.path()).state();
    let mut writer = open(root.path());
    let lock = fs::File::options().write(true).open(state.join("gc.lock")).unwrap();
    rustix::fs::flock(&lock, FlockOperation::LockExclusive).unwrap();
    fs::create_dir_all(state.join("gc-socket")).unwrap();
    let _ = fs::remove_file(state.join("gc-socket/socket"));
    let socket = UnixListener::bind(state.join("gc-socket/socket")).unwrap();
    let top = store_path(made.top());
    thread::scope(|scope| {
        let collector = scope.spawn(|| {
            let (mut connection, _) = socket.accept().unwrap();
            let mut line = String::new();
            BufReader::new(connection.try_clone().unwrap()).read_line(&mut line).unwrap();
            connection.write_all(b"1").unwrap();
            line
        });
        writer.keep([&top]).unwrap();
        assert_eq!(collector.join().unwrap(), format!("{}\n", made.top()));
    });
    let roots: Vec<_> =
        fs::read_dir(state.join("temproots")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(roots.len(), 1);
    assert_eq!(fs::read_to_string(&roots[0]).unwrap(), format!("{}\0", made.top()));
}

#[test]
fn nix_waits_for_a_path_that_is_claimed_and_then_has_it() {
    let (made, root) = (closure(), empty_store());
    let root_path = fs::canonicalize(root.path()).unwrap();
    let from = LocalStore::open(Place::below(made.root())).unwrap();
    let top = store_path(made.top());
    let closure = from.closure([&top]).unwrap();
    let source = closure.references_first().next().unwrap().clone();
    let files = from.place().file(&source.path);

    let mut writer = open(&root_path);
    let mut claims = writer.claim(&BTreeSet::from([source.path.clone()])).unwrap();
    let claim = claims.pop().unwrap();
    let lock = root_path.join(format!("nix/store/{}.lock", source.path));
    let named = tempfile::tempdir().unwrap();
    let named = named.path().join(source.path.name());
    restore(dump(&files, Vec::new()).unwrap().as_slice(), &named).unwrap();
    let mut add = nix("nix-store", &root_path);
    let mut adding =
        add.arg("--add").arg(&named).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    until(|| has_open(&adding, &lock));
    assert!(adding.try_wait().unwrap().is_none());

    fill(&from, &claim);
    let inode =
        fs::symlink_metadata(claim.file()).map(|found| std::os::unix::fs::MetadataExt::ino(&found)).unwrap();
    writer.register(&[(claim, source.clone())], 1).unwrap();
    let output = adding.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(store_path(&String::from_utf8(output.stdout).unwrap()), source.path);
    let now = fs::symlink_metadata(writer.store().place().file(&source.path)).unwrap();
    assert_eq!(std::os::unix::fs::MetadataExt::ino(&now), inode);
    assert_eq!(closure::verify(&root_path), Ok(()));
}

#[test]
fn what_an_earlier_attempt_left_is_removed() {
    let (made, root) = (closure(), empty_store());
    let from = LocalStore::open(Place::below(made.root())).unwrap();
    let closure = from.closure([&store_path(made.top())]).unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("kept"), "x").unwrap();
    for (at, path) in paths(&closure).iter().enumerate() {
        let file = Place::below(root.path()).file(path);
        match at {
            0 => fs::write(file, "half").unwrap(),
            1 => std::os::unix::fs::symlink(outside.path(), file).unwrap(),
            _ => {
                let nar = dump(made.root().join("nix/store").as_path(), Vec::new()).unwrap();
                restore(nar.as_slice(), &file).unwrap();
                assert!(file.is_dir());
            }
        }
    }
    assert_eq!(copy(&from, &closure, &mut open(root.path())), 3);
    assert_eq!(closure::verify(root.path()), Ok(()));
    assert!(outside.path().join("kept").exists());
}

#[test]
fn a_transaction_that_fails_registers_nothing() {
    let (made, root) = (closure(), empty_store());
    let derivation = instantiate(made.root(), "refused");
    let from = LocalStore::open(Place::below(made.root())).unwrap();
    let closure = from.closure([&store_path(made.top()), &derivation]).unwrap();
    let mut writer = open(root.path());
    let attempt = |writer: &mut StoreWriter, path: &StorePath, change: &dyn Fn(&Claim, &mut PathInfo)| {
        let claim = writer.claim(&BTreeSet::from([path.clone()])).unwrap().pop().unwrap();
        fill(&from, &claim);
        let mut info = closure.get(path).unwrap().clone();
        change(&claim, &mut info);
        let error = writer.register(&[(claim, info)], 1).unwrap_err();
        assert_eq!(writer.store().valid_paths().unwrap(), BTreeSet::new());
        error
    };
    let top = store_path(made.top());
    let error = attempt(&mut writer, &top, &|_, _| {});
    assert!(matches!(&error, WriteError::Missing { path, .. } if *path == top), "{error:?}");
    let error = attempt(&mut writer, &top, &|_, info| info.references.clear());
    assert!(matches!(&error, WriteError::ContentAddress(path) if *path == top), "{error:?}");
    let error = attempt(&mut writer, &top, &|_, info| info.path = derivation.clone());
    assert!(matches!(&error, WriteError::Claim(path) if *path == derivation), "{error:?}");
    let error = attempt(&mut writer, &top, &|claim, _| fs::remove_file(claim.file()).unwrap());
    assert!(matches!(&error, WriteError::File { what: "find", .. }), "{error:?}");
    let error = attempt(&mut writer, &derivation, &|claim, _| {
        fs::remove_file(claim.file()).unwrap();
        fs::write(claim.file(), "no derivation").unwrap();
    });
    assert!(matches!(&error, WriteError::Derivation { path, .. } if *path == derivation), "{error:?}");
    let error = attempt(&mut writer, &derivation, &|claim, _| {
        fs::remove_file(claim.file()).unwrap();
        std::os::unix::fs::symlink("/etc/hostname", claim.file()).unwrap();
    });
    assert!(matches!(&error, WriteError::File { what: "open", .. }), "{error:?}");
    assert_eq!(locks(root.path()), 0);
}

#[test]
fn a_claim_is_waited_for() {
    let (made, root) = (closure(), empty_store());
    let from = LocalStore::open(Place::below(made.root())).unwrap();
    let closure = from.closure([&store_path(made.top())]).unwrap();
    let mut writers: Vec<_> = (0..4).map(|_| open(root.path())).collect();
    let copied: usize = thread::scope(|scope| {
        let copying: Vec<_> = writers
            .iter_mut()
            .map(|writer| {
                let from = LocalStore::open(from.place().clone()).unwrap();
                let closure = &closure;
                scope.spawn(move || copy(&from, closure, writer))
            })
            .collect();
        copying.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(copied, 3);
    assert_eq!(closure::verify(root.path()), Ok(()));
    assert_eq!(locks(root.path()), 0);
}

#[test]
fn a_path_that_somebody_else_makes_is_not_waited_for_when_asked_so() {
    let (made, root) = (closure(), empty_store());
    let from = LocalStore::open(Place::below(made.root())).unwrap();
    let closure = from.closure([&store_path(made.top())]).unwrap();
    let all = paths(&closure);
    let (mut first, mut second) = (open(root.path()), open(root.path()));
    let taken = closure.references_first().next().unwrap();
    let (mut claims, busy) = first.try_claim(&BTreeSet::from([taken.path.clone()])).unwrap();
    assert_eq!(busy, BTreeSet::new());
    let (others, busy) = second.try_claim(&all).unwrap();
    assert_eq!(busy, BTreeSet::from([taken.path.clone()]));
    assert_eq!(others.len(), all.len() - 1);

    fill(&from, &claims[0]);
    first.register(&[(claims.pop().unwrap(), taken.clone())], 1).unwrap();
    let (claims, still) = second.try_claim(&busy).unwrap();
    assert!(claims.is_empty() && still.is_empty(), "{claims:?}, {still:?}");
}

#[test]
fn what_is_discarded_leaves_nothing() {
    let (made, root) = (closure(), empty_store());
    let from = LocalStore::open(Place::below(made.root())).unwrap();
    let closure = from.closure([&store_path(made.top())]).unwrap();
    let mut writer = open(root.path());
    let before = fs::read_dir(root.path().join("nix/store")).unwrap().count();
    for claim in writer.claim(&paths(&closure)).unwrap() {
        fill(&from, &claim);
        claim.discard().unwrap();
    }
    assert_eq!(fs::read_dir(root.path().join("nix/store")).unwrap().count(), before);
    assert_eq!(closure::verify(root.path()), Ok(()));
}

#[test]
fn what_is_no_store_or_another_nix_s_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let error = StoreWriter::open(Place::below(folder.path())).unwrap_err();
    assert!(matches!(error, WriteError::Store(StoreError::Absent(_))), "{error:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);

    let root = empty_store();
    let connection = rusqlite::Connection::open(Place::below(root.path()).database()).unwrap();
    connection.execute_batch("create table Provenance (id integer)").unwrap();
    let error = StoreWriter::open(Place::below(root.path())).unwrap_err();
    assert!(matches!(error, WriteError::Store(StoreError::Unknown { .. })), "{error:?}");
}

#[test]
fn realisations_are_registered_in_the_form_that_the_store_has() {
    let (made, root) = (closure(), tempfile::tempdir().unwrap());
    let mut init = nix("nix-store", root.path());
    succeed(init.args(["--option", "extra-experimental-features", "ca-derivations", "--init"]));
    let from = LocalStore::open(Place::below(made.root())).unwrap();
    let top = store_path(made.top());
    let mut writer = open(root.path());
    copy(&from, &from.closure([&top]).unwrap(), &mut writer);

    let id = |digit: &str| RealisationId {
        derivation: Derivation::Modulo(Digest::parse(&format!("sha256:{}", digit.repeat(64))).unwrap()),
        output: "out".to_owned(),
    };
    let signature = SecretKey::generate("host-1").unwrap().sign(b"");
    let realisation = |id: RealisationId, path: &StorePath| Realisation {
        id,
        path: path.clone(),
        signatures: [signature.clone()].into(),
        needs: BTreeSet::new(),
    };
    let needed = realisation(id("1"), &top);
    let needing = Realisation { needs: [id("1")].into(), ..realisation(id("2"), &top) };
    let invalid = realisation(id("3"), &"00000000000000000000000000000000-a".parse().unwrap());
    let derivation = Derivation::Path("00000000000000000000000000000000-a.drv".parse().unwrap());
    let newer = realisation(RealisationId { derivation, output: "out".to_owned() }, &top);

    let all = [needing.clone(), needed.clone(), invalid, newer];
    assert_eq!(writer.register_realisations(&all).unwrap(), 2);
    assert_eq!(writer.register_realisations(&all).unwrap(), 0);
    assert_eq!(writer.store().realisations().unwrap(), [needing, needed]);
}
