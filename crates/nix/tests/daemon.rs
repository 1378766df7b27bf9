//! What a daemon may say, and what it may not.

#![expect(clippy::unwrap_used, reason = "these are tests, helpers included")]

use std::{
    collections::BTreeSet,
    io::{self, Cursor, Read, Write},
    os::unix::net::UnixStream,
    thread,
    time::Duration,
};

use proptest::prelude::*;
use snowbank_nix::{
    daemon::{AddOptions, Daemon, DaemonError, MAX_PATHS, Offered, Stream, Trust},
    hash::{Digest, NarHash},
    path_info::PathInfo,
    store::{Derivation, Realisation, RealisationId},
    store_path::{StoreDir, StorePath},
};

const LAST: u64 = 0x616c_7473;
const ERROR: u64 = 0x6378_7470;
const NEXT: u64 = 0x6f6c_6d67;
const START: u64 = 0x5354_5254;
const STOP: u64 = 0x5354_4f50;
const RESULT: u64 = 0x5253_4c54;
const PATH: &str = "/nix/store/xv2iccirbrvklck36f1g7vldn5v58vck-a";

/// A daemon whose words are written beforehand, and that writes down what it is told.
struct Script {
    words: Cursor<Vec<u8>>,
    /// How many of the words stand ready before anything is sent.
    early: u64,
    told: Vec<u8>,
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // One at a time, so that every number is cut once.
        let length = buffer.len().min(5);
        self.words.read(&mut buffer[..length])
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.told.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Script {
    fn offer(&mut self, bytes: &[u8]) -> io::Result<Offered> {
        if self.words.position() < self.early {
            return Ok(Offered::Incoming);
        }
        self.told.write(&bytes[..bytes.len().min(1000)]).map(Offered::Written)
    }
}

#[derive(Clone, Default)]
struct Words(Vec<u8>);

impl Words {
    fn hello(minor: u64) -> Self {
        let mut words = Self::default().number(0x6478_696f).number(0x100 | minor);
        if minor >= 38 {
            words = words.number(2).string("realisation-with-path-not-hash").string("x");
        }
        if minor >= 33 {
            words = words.string("2.99");
        }
        if minor >= 35 {
            words = words.number(2);
        }
        words.number(LAST)
    }

    fn number(mut self, number: u64) -> Self {
        self.0.extend(number.to_le_bytes());
        self
    }

    fn string(self, text: &str) -> Self {
        let mut words = self.number(text.len() as u64);
        words.0.extend(text.bytes());
        words.0.resize(words.0.len().next_multiple_of(8), 0);
        words
    }

    fn error(self, message: &str) -> Self {
        self.number(ERROR)
            .string("Error")
            .number(0)
            .string("Error")
            .string(message)
            .number(0)
            .number(1)
            .number(0)
            .string("while \x1b[1mtrying\x1b[0m")
    }

    fn greet(self) -> Result<Daemon<Script>, DaemonError> {
        let script = Script { words: Cursor::new(self.0), early: 0, told: Vec::new() };
        Daemon::greet(script, StoreDir::default())
    }
}

fn path() -> StorePath {
    StoreDir::default().parse(PATH).unwrap()
}

fn info(nar: &[u8]) -> PathInfo {
    PathInfo {
        path: path(),
        nar_hash: NarHash::of(nar),
        nar_size: nar.len() as u64,
        references: BTreeSet::new(),
        deriver: None,
        signatures: BTreeSet::new(),
        ca: None,
    }
}

#[test]
fn each_version_greets_in_its_own_way() {
    for (minor, version, trust, features) in [
        (32, "", Trust::Unknown, 0),
        (33, "2.99", Trust::Unknown, 0),
        (35, "2.99", Trust::Untrusted, 0),
        (37, "2.99", Trust::Untrusted, 0),
        (38, "2.99", Trust::Untrusted, 1),
        (39, "2.99", Trust::Untrusted, 1),
    ] {
        let daemon = Words::hello(minor).greet().unwrap();
        assert_eq!(u64::from(daemon.version().minor), minor.min(38));
        assert_eq!((daemon.daemon_version(), daemon.trust()), (version, trust));
        assert_eq!(daemon.features().len(), features);
    }
}

#[test]
fn what_is_too_old_or_no_daemon_is_refused_by_name() {
    let error = Words::hello(31).greet().err().unwrap();
    let text =
        "the Nix daemon speaks version 1.31 of the protocol, and 1.32 (Nix 2.4) or a newer 1.x is needed";
    assert_eq!(error.to_string(), text);
    let newer = Words::default().number(0x6478_696f).number(0x200).greet();
    assert!(matches!(newer, Err(DaemonError::Version(_))));
    assert!(matches!(Words::default().string("HTTP/1.1 400").greet(), Err(DaemonError::NoDaemon)));
    assert!(matches!(Words::default().greet(), Err(DaemonError::Closed)));
}

#[test]
fn log_messages_of_every_kind_are_passed_over() {
    let words = Words::hello(34).number(NEXT).string("a message\n");
    let words = words.number(START).number(1).number(2).number(3).string("copying").number(2);
    let words = words.number(0).number(9).number(1).string("field").number(0);
    let words = words.number(RESULT).number(1).number(101).number(1).number(1).string("line");
    let words = words.number(STOP).number(1).number(LAST).number(1);
    assert!(words.greet().unwrap().is_valid(&path()).unwrap());
}

#[test]
fn an_error_is_told_in_the_daemon_s_words_and_the_connection_goes_on() {
    let words = Words::hello(34).error("\x1b[31mno\x1b[0m such path").number(LAST).number(1);
    let mut daemon = words.greet().unwrap();
    let Err(DaemonError::Refused(refusal)) = daemon.is_valid(&path()) else { panic!("not refused") };
    assert_eq!(
        (refusal.message.as_str(), refusal.context),
        ("no such path", vec!["while trying".to_owned()])
    );
    assert!(daemon.is_valid(&path()).unwrap());
}

#[test]
fn a_connection_that_was_cut_within_an_answer_is_used_no_more() {
    let mut daemon = Words::hello(34).number(LAST).greet().unwrap();
    assert!(matches!(daemon.is_valid(&path()), Err(DaemonError::Closed)));
    assert!(!daemon.is_usable());
    assert!(matches!(daemon.is_valid(&path()), Err(DaemonError::Broken)));
}

#[test]
fn what_is_said_to_be_large_is_refused_before_it_comes() {
    let large = [u64::MAX, 1 << 40, MAX_PATHS as u64 + 1];
    for size in large {
        let mut daemon = Words::hello(34).number(LAST).number(size).greet().unwrap();
        assert!(matches!(daemon.valid_paths(), Err(DaemonError::TooMuch { .. })));
        let mut daemon = Words::hello(34).number(NEXT).number(size).greet().unwrap();
        assert!(matches!(daemon.valid_paths(), Err(DaemonError::TooMuch { .. })));
        let mut daemon = Words::hello(34).number(LAST).number(1).number(size).greet().unwrap();
        assert!(matches!(daemon.path_info(&path()), Err(DaemonError::TooMuch { .. })));
    }
    // As many as may be, and none there: memory is taken for what comes.
    let mut daemon = Words::hello(34).number(LAST).number(MAX_PATHS as u64).greet().unwrap();
    assert!(matches!(daemon.valid_paths(), Err(DaemonError::Closed)));
}

#[test]
fn a_path_that_leads_elsewhere_is_refused() {
    for text in ["/nix/store/../etc", "/etc/passwd", "xv2iccirbrvklck36f1g7vldn5v58vck-a", ""] {
        let mut daemon = Words::hello(34).number(LAST).number(1).string(text).greet().unwrap();
        assert!(matches!(daemon.valid_paths(), Err(DaemonError::Value { .. })), "{text}");
    }
}

#[test]
fn an_error_in_the_place_of_an_archive_is_told() {
    for begun in [Words::default(), Words::default().string("nix-archive-1").string("(")] {
        let words = Words([Words::hello(34).number(LAST).0, begun.error("it is gone").0].concat());
        let result = words.greet().unwrap().nar(&path(), &mut Vec::new());
        assert!(
            matches!(&result, Err(DaemonError::Refused(said)) if said.message == "it is gone"),
            "{result:?}"
        );
    }
}

#[test]
fn an_error_in_the_middle_of_a_stream_ends_it() {
    let nar = vec![b'x'; 200_000];
    let words = Words::hello(34).number(NEXT).string("a message").error("the disk is full");
    let script = Script { early: words.0.len() as u64, words: Cursor::new(words.0), told: Vec::new() };
    let mut daemon = Daemon::greet(script, StoreDir::default()).unwrap();
    let mut adding = daemon.add_many(1, AddOptions::default()).unwrap();
    let error = adding.next(&info(&nar)).unwrap().write_all(&nar).unwrap_err();
    assert_eq!(error.to_string(), "the Nix daemon says: the disk is full");
    assert!(matches!(adding.finish(), Err(DaemonError::Refused(_))));
    assert!(!daemon.is_usable());
}

#[test]
fn other_amounts_than_were_announced_are_noticed() {
    let greet = || Words::hello(34).greet().unwrap();
    let is_amount = |result| matches!(result, Err(DaemonError::Amount { .. }));
    let mut daemon = greet();
    assert!(is_amount(daemon.add(&info(b"nar"), AddOptions::default()).unwrap().finish()));
    let mut daemon = greet();
    assert!(is_amount(daemon.add_many(1, AddOptions::default()).unwrap().finish()));
    let mut daemon = greet();
    let mut adding = daemon.add_many(2, AddOptions::default()).unwrap();
    assert!(adding.next(&info(b"nar")).unwrap().write_all(b"nars").is_err());
    assert!(is_amount(adding.next(&info(b"nar")).map(drop)));
    let mut daemon = greet();
    let mut adding = daemon.add_many(0, AddOptions::default()).unwrap();
    assert!(is_amount(adding.next(&info(b"")).map(drop)));
}

#[test]
fn a_daemon_that_talks_while_it_is_sent_to_is_heard() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    for stream in [&ours, &theirs] {
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
    }
    let nar = vec![b'x'; 4 << 20];
    let talking = thread::spawn(move || {
        theirs.write_all(&Words::hello(34).0).unwrap();
        // More than the socket holds, before anything is read.
        let message = Words::default().number(NEXT).string(&"x".repeat(100_000)).0;
        for _ in 0..40 {
            theirs.write_all(&message).unwrap();
        }
        theirs.write_all(&Words::default().error("enough").0).unwrap();
        let mut told = Vec::new();
        theirs.read_to_end(&mut told).unwrap();
        told.len()
    });
    let mut daemon = Daemon::greet(ours, StoreDir::default()).unwrap();
    let mut adding = daemon.add(&info(&nar), AddOptions::default()).unwrap();
    let _ = adding.write_all(&nar);
    assert!(matches!(adding.finish(), Err(DaemonError::Refused(said)) if said.message == "enough"));
    drop(daemon);
    talking.join().unwrap();
}

fn modulo() -> RealisationId {
    let derivation = Derivation::Modulo(Digest::parse(&format!("sha256:{}", "1".repeat(64))).unwrap());
    RealisationId { derivation, output: "out".to_owned() }
}

#[test]
fn realisations_have_two_forms() {
    let by_path = RealisationId {
        derivation: Derivation::Path("xv2iccirbrvklck36f1g7vldn5v58vck-a.drv".parse().unwrap()),
        output: "out".to_owned(),
    };
    let realisation = |id: &RealisationId, needs: BTreeSet<_>| Realisation {
        id: id.clone(),
        path: path(),
        signatures: BTreeSet::new(),
        needs,
    };
    let words = Words::hello(38).number(LAST).number(1).string(PATH).number(0).number(LAST).number(0);
    let mut daemon = words.greet().unwrap();
    assert_eq!(daemon.realisation(&by_path).unwrap(), Some(realisation(&by_path, BTreeSet::new())));
    assert_eq!(daemon.realisation(&by_path).unwrap(), None);
    assert!(matches!(daemon.realisation(&modulo()), Err(DaemonError::Unsupported { .. })));
    assert!(daemon.is_usable());

    let need = format!("sha256:{}!out", "1".repeat(64));
    let json =
        format!(r#"{{"outPath":"{}","signatures":["?"],"dependentRealisations":{{"{need}":"x"}}}}"#, path());
    let mut daemon = Words::hello(37).number(LAST).number(1).string(&json).greet().unwrap();
    assert_eq!(
        daemon.realisation(&modulo()).unwrap(),
        Some(realisation(&modulo(), BTreeSet::from([modulo()])))
    );
    assert!(matches!(daemon.realisation(&by_path), Err(DaemonError::Unsupported { .. })));
}

/// Asks everything that there is, whatever the answers.
fn ask_all(daemon: &mut Daemon<Script>) {
    let _ = daemon.is_valid(&path());
    let _ = daemon.path_info(&path());
    let _ = daemon.valid_paths();
    let _ = daemon.realisation(&modulo());
    let _ = daemon.add(&info(b"nar"), AddOptions::default()).map(|mut adding| {
        let _ = adding.write_all(b"nar");
        adding.finish()
    });
    let _ = daemon.nar(&path(), &mut io::sink());
}

/// Numbers that mean something, and bytes that do not.
fn word() -> impl Strategy<Value = Vec<u8>> {
    let number = prop::sample::select(vec![0, 1, 2, 8, LAST, ERROR, NEXT, START, STOP, RESULT, u64::MAX]);
    prop_oneof![
        8 => number.prop_map(|number| Words::default().number(number).0),
        2 => Just(Words::default().string(PATH).0),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ]
}

proptest! {
    #[test]
    fn whatever_a_daemon_says_nothing_panics(
        minor in 30u64..40,
        words in prop::collection::vec(word(), 0..60),
        early in any::<u8>(),
    ) {
        let mut said = Words::hello(minor).0;
        said.extend(words.concat());
        let script = Script { words: Cursor::new(said), early: early.into(), told: Vec::new() };
        if let Ok(mut daemon) = Daemon::greet(script, StoreDir::default()) {
            ask_all(&mut daemon);
        }
        let _ = Words(words.concat()).greet();
    }
}
