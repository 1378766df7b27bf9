//! Nix's own daemon.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};

use snowbank_nix::{
    closure::Closure,
    content_address::{ContentAddress, Method},
    daemon::{AddOptions, Daemon, DaemonError, Trust},
    hash::{Digest, NarHash},
    nar::{Event, Writer, dump},
    path_info::PathInfo,
    signature::SecretKey,
    store::{Derivation, LocalStore, Place, Realisation, RealisationId},
    store_path::{References, StoreDir, StorePath},
};
use snowbank_testkit::closure::{self, nix};
use tempfile::TempDir;

use crate::support::{closure, empty_store, print, store_path, until};

const UNCHECKED: AddOptions = AddOptions { dont_check_signatures: true, repair: false };

/// A daemon for a private store, until it is dropped.
struct Server {
    process: Child,
    socket: PathBuf,
    _folder: TempDir,
}

impl Server {
    fn of(root: &Path, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let mut daemon = nix("nix-daemon", root);
        daemon.args(options).env("NIX_DAEMON_SOCKET_PATH", &socket).stderr(Stdio::null());
        let server = Self { process: daemon.spawn().unwrap(), socket, _folder: folder };
        until(|| server.socket.exists() && server.try_connect().is_ok());
        server
    }

    fn try_connect(&self) -> Result<Daemon, DaemonError> {
        Daemon::connect_to(&self.socket, StoreDir::default(), Some(Duration::from_secs(60)))
    }

    fn connect(&self) -> Daemon {
        self.try_connect().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The infos of a private store's closure, and each path's NAR.
fn contents(root: &Path, top: &str) -> Vec<(PathInfo, Vec<u8>)> {
    let store = LocalStore::open(Place::below(root)).unwrap();
    let closure: Closure = store.closure([&store_path(top)]).unwrap();
    let nar = |info: &PathInfo| dump(&store.place().file(&info.path), Vec::new()).unwrap();
    closure.references_first().map(|info| (info.clone(), nar(info))).collect()
}

/// A file that nothing vouches for, as a path and its NAR.
fn unsigned(number: usize, references: BTreeSet<StorePath>) -> (PathInfo, Vec<u8>) {
    let text = format!("file {number}");
    let mut writer = Writer::new(Vec::new()).unwrap();
    writer.event(&Event::File { executable: false, size: text.len() as u64 }).unwrap();
    writer.event(&Event::Contents(text.as_bytes())).unwrap();
    let nar = writer.finish().unwrap();
    let info = PathInfo {
        path: format!("{number:032}-file").parse().unwrap(),
        nar_hash: NarHash::of(&nar),
        nar_size: nar.len() as u64,
        references,
        deriver: None,
        signatures: BTreeSet::new(),
        ca: None,
    };
    (info, nar)
}

fn add(daemon: &mut Daemon, info: &PathInfo, nar: &[u8], options: AddOptions) -> Result<(), DaemonError> {
    let mut adding = daemon.add(info, options)?;
    // What fails here is told by the end.
    let _ = adding.write_all(nar);
    adding.finish()
}

fn add_many(
    daemon: &mut Daemon,
    paths: &[(PathInfo, Vec<u8>)],
    options: AddOptions,
) -> Result<(), DaemonError> {
    let mut adding = daemon.add_many(paths.len() as u64, options)?;
    for (info, nar) in paths {
        let _ = adding.next(info)?.write_all(nar);
    }
    adding.finish()
}

fn refusal(result: Result<(), DaemonError>) -> String {
    match result {
        Err(DaemonError::Refused(refusal)) => refusal.message,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_daemon_says_what_the_database_does() {
    let made = closure();
    let store = LocalStore::open(Place::below(made.root())).unwrap();
    let server = Server::of(made.root(), &[]);
    let mut daemon = server.connect();
    assert!(daemon.version() >= snowbank_nix::daemon::OLDEST);
    assert!(print("nix", &["--version"]).contains(daemon.daemon_version()));

    let all = store.valid_paths().unwrap();
    assert_eq!(daemon.valid_paths().unwrap(), all);
    for path in &all {
        assert!(daemon.is_valid(path).unwrap());
        assert_eq!(daemon.path_info(path).unwrap(), store.path_info(path).unwrap());
        let mut nar = Vec::new();
        assert_eq!(daemon.nar(path, &mut nar).unwrap(), nar.len() as u64);
        assert_eq!(nar, dump(&store.place().file(path), Vec::new()).unwrap());
    }
    let absent = unsigned(0, BTreeSet::new()).0.path;
    assert!(!daemon.is_valid(&absent).unwrap());
    assert_eq!(daemon.path_info(&absent).unwrap(), None);
    let asked: BTreeSet<_> = all.iter().cloned().chain([absent.clone()]).collect();
    assert_eq!(daemon.valid_among(&asked).unwrap(), all);
    let said = refusal(daemon.nar(&absent, &mut Vec::new()).map(drop));
    assert!(said.contains(absent.base_name()), "{said}");
}

#[test]
fn what_is_added_is_what_was_there() {
    let made = closure();
    let paths = contents(made.root(), made.top());
    for many in [false, true] {
        let root = empty_store();
        let server = Server::of(root.path(), &[]);
        let mut daemon = server.connect();
        if many {
            add_many(&mut daemon, &paths, AddOptions::default()).unwrap();
        } else {
            for (info, nar) in &paths {
                add(&mut daemon, info, nar, AddOptions::default()).unwrap();
            }
        }
        for (info, nar) in &paths {
            assert_eq!(daemon.path_info(&info.path).unwrap().as_ref(), Some(info));
            let mut back = Vec::new();
            daemon.nar(&info.path, &mut back).unwrap();
            assert!(back == *nar);
        }
        assert_eq!(closure::verify(root.path()), Ok(()));
        let (info, nar) = &paths[0];
        // A second time it is there already.
        add(&mut daemon, info, nar, AddOptions::default()).unwrap();
    }
}

#[test]
fn an_archive_with_another_hash_is_refused_with_the_daemon_s_words() {
    let root = empty_store();
    let server = Server::of(root.path(), &[]);
    let mut daemon = server.connect();
    let (info, nar) = unsigned(1, BTreeSet::new());
    let wrong = PathInfo { nar_hash: NarHash::of(b""), ..info.clone() };
    let said = refusal(add(&mut daemon, &wrong, &nar, UNCHECKED));
    assert!(said.contains("hash mismatch"), "{said}");
    let said = refusal(add_many(&mut daemon, &[(wrong, nar.clone())], UNCHECKED));
    assert!(said.contains("hash mismatch"), "{said}");
    // The connection is as good as before.
    assert!(!daemon.is_valid(&info.path).unwrap());
    add(&mut daemon, &info, &nar, UNCHECKED).unwrap();
    assert!(daemon.is_valid(&info.path).unwrap());
}

#[test]
fn a_path_whose_reference_is_missing_is_refused() {
    let root = empty_store();
    let server = Server::of(root.path(), &[]);
    let mut daemon = server.connect();
    let missing = unsigned(1, BTreeSet::new()).0.path;
    let path = unsigned(2, BTreeSet::from([missing]));
    let said = refusal(add_many(&mut daemon, &[path], UNCHECKED));
    assert!(said.contains("is not valid"), "{said}");
    assert_eq!(daemon.valid_paths().unwrap(), BTreeSet::new());
}

#[test]
fn an_untrusted_user_needs_a_signature_or_a_content_address() {
    let root = empty_store();
    let key = SecretKey::generate("host-1").unwrap();
    let keys = key.public().to_string();
    let options = ["--option", "trusted-users", "", "--option", "trusted-public-keys", &keys];
    let server = Server::of(root.path(), &options);
    let mut daemon = server.connect();
    let silent = daemon.version().minor < 35;
    assert_eq!(daemon.trust(), if silent { Trust::Unknown } else { Trust::Untrusted });
    let (mut info, nar) = unsigned(1, BTreeSet::new());
    for options in [AddOptions::default(), UNCHECKED] {
        let said = refusal(add(&mut daemon, &info, &nar, options));
        assert!(said.contains("signature"), "{said}");
        let said = refusal(add_many(&mut daemon, &[(info.clone(), nar.clone())], options));
        assert!(said.contains("signature"), "{said}");
    }
    assert_eq!(daemon.valid_paths().unwrap(), BTreeSet::new());
    info.sign(&StoreDir::default(), &key);
    add(&mut daemon, &info, &nar, AddOptions::default()).unwrap();

    let digest = Digest::from(NarHash::of(&nar));
    let ca = ContentAddress::new(Method::Nar, digest).unwrap();
    let path = StoreDir::default().content_path("file", &ca, References::NONE).unwrap();
    let addressed = PathInfo { path, ca: Some(ca), signatures: BTreeSet::new(), ..info };
    add(&mut daemon, &addressed, &nar, AddOptions::default()).unwrap();
    assert_eq!(daemon.path_info(&addressed.path).unwrap(), Some(addressed));
}

#[test]
fn a_stream_that_is_cut_leaves_only_what_was_complete() {
    let root = empty_store();
    let server = Server::of(root.path(), &[]);
    let mut daemon = server.connect();
    let paths: Vec<_> = (0..3).map(|number| unsigned(number, BTreeSet::new())).collect();
    let mut adding = daemon.add(&paths[0].0, UNCHECKED).unwrap();
    adding.write_all(&paths[0].1[..50]).unwrap();
    drop(adding);
    assert!(matches!(daemon.is_valid(&paths[0].0.path), Err(DaemonError::Broken)));
    drop(daemon);

    let mut daemon = server.connect();
    let mut adding = daemon.add_many(3, UNCHECKED).unwrap();
    adding.next(&paths[1].0).unwrap().write_all(&paths[1].1).unwrap();
    adding.next(&paths[2].0).unwrap().write_all(&paths[2].1[..50]).unwrap();
    assert!(matches!(adding.finish(), Err(DaemonError::Amount { .. })));
    drop(daemon);

    // Added once more, whatever the cut connections still do.
    let mut daemon = server.connect();
    assert!(!daemon.is_valid(&paths[0].0.path).unwrap());
    assert!(!daemon.is_valid(&paths[2].0.path).unwrap());
    add_many(&mut daemon, &paths, UNCHECKED).unwrap();
    assert_eq!(daemon.valid_paths().unwrap().len(), 3);
    assert_eq!(closure::verify(root.path()), Ok(()));
}

#[test]
fn a_thousand_paths_go_in_one_stream() {
    let root = empty_store();
    let server = Server::of(root.path(), &[]);
    let mut daemon = server.connect();
    let mut paths: Vec<(PathInfo, Vec<u8>)> = Vec::new();
    for number in 0..1000 {
        let before = paths.last().map(|(info, _)| info.path.clone());
        paths.push(unsigned(number, before.into_iter().collect()));
    }
    add_many(&mut daemon, &paths, UNCHECKED).unwrap();
    let all: BTreeSet<_> = paths.iter().map(|(info, _)| info.path.clone()).collect();
    assert_eq!(daemon.valid_among(&all).unwrap(), all);
    assert_eq!(daemon.valid_paths().unwrap(), all);
    for (info, _) in &paths {
        assert_eq!(daemon.path_info(&info.path).unwrap().as_ref(), Some(info));
    }
}

#[test]
fn roots_keep_paths_from_the_collector() {
    let root = empty_store();
    let server = Server::of(root.path(), &[]);
    let mut daemon = server.connect();
    let paths: Vec<_> = (0..3).map(|number| unsigned(number, BTreeSet::new())).collect();
    let valid = |number: usize| paths[number].0.path.clone();
    daemon.add_temp_root(&valid(0)).unwrap();
    add_many(&mut daemon, &paths, UNCHECKED).unwrap();
    // What was added stays for as long as the one who added it.
    let mut other = server.connect();
    other.add_temp_root(&valid(0)).unwrap();
    let links = tempfile::tempdir().unwrap();
    let link = links.path().join("result");
    std::os::unix::fs::symlink(StoreDir::default().display(&valid(1)), &link).unwrap();
    other.add_indirect_root(&link).unwrap();
    let registered = fs::read_dir(Place::below(root.path()).state().join("gcroots/auto")).unwrap();
    let links: Vec<_> = registered.map(|entry| fs::read_link(entry.unwrap().path()).unwrap()).collect();
    assert_eq!(links, [link]);
    match other.add_perm_root(&valid(2), &links[0]) {
        Ok(_) => {}
        Err(DaemonError::Unsupported { version, .. }) => assert!(version.minor < 36),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn realisations_are_registered_and_found() {
    let root = empty_store();
    let server = Server::of(root.path(), &["--option", "extra-experimental-features", "ca-derivations"]);
    let mut daemon = server.connect();
    let (info, nar) = unsigned(1, BTreeSet::new());
    add(&mut daemon, &info, &nar, UNCHECKED).unwrap();
    let id = |digit: &str| RealisationId {
        derivation: if daemon.names_derivations_by_path() {
            Derivation::Path(format!("{}-a.drv", digit.repeat(32)).parse().unwrap())
        } else {
            Derivation::Modulo(Digest::parse(&format!("sha256:{}", digit.repeat(64))).unwrap())
        },
        output: "out".to_owned(),
    };
    let (needed, needing) = (id("1"), id("2"));
    let realisation = |id: &RealisationId, needs: &[RealisationId]| Realisation {
        id: id.clone(),
        path: info.path.clone(),
        signatures: [SecretKey::generate("host-1").unwrap().sign(b"")].into(),
        needs: needs.iter().cloned().collect(),
    };
    let needs = if daemon.names_derivations_by_path() { vec![] } else { vec![needed.clone()] };
    let all = [realisation(&needed, &[]), realisation(&needing, &needs)];
    for realisation in &all {
        assert_eq!(daemon.realisation(&realisation.id).unwrap(), None);
        daemon.register_realisation(realisation).unwrap();
        let found = daemon.realisation(&realisation.id).unwrap().unwrap();
        // Nix 2.34 does not keep what was needed.
        let needs = if found.needs.is_empty() { BTreeSet::new() } else { realisation.needs.clone() };
        assert_eq!(found, Realisation { needs, ..realisation.clone() });
    }
}
