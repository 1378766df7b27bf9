//! Whatever a Nix daemon says is an answer or an error, and takes no more memory than it is long.
#![no_main]

use std::io::{self, Read, Write};

use libfuzzer_sys::fuzz_target;
use snowbank_nix::{
    daemon::{AddOptions, Daemon, Offered, Stream},
    hash::NarHash,
    path_info::PathInfo,
    store::{Derivation, RealisationId},
    store_path::{StoreDir, StorePath},
};

struct Said<'a>(&'a [u8]);

impl Read for Said<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Said<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Said<'_> {
    fn offer(&mut self, bytes: &[u8]) -> io::Result<Offered> {
        Ok(if self.0.len() % 16 == 8 { Offered::Incoming } else { Offered::Written(bytes.len()) })
    }
}

/// Asks one question after the other; false when the connection is used up.
fn ask(daemon: &mut Daemon<Said<'_>>, path: &StorePath) -> bool {
    let _ = daemon.is_valid(path);
    let _ = daemon.path_info(path);
    let _ = daemon.valid_among(&[path.clone()].into());
    let _ = daemon.valid_paths();
    let id = RealisationId {
        derivation: match daemon.names_derivations_by_path() {
            true => Derivation::Path(path.clone()),
            false => Derivation::Modulo(NarHash::of(b"").into()),
        },
        output: "out".to_owned(),
    };
    let _ = daemon.realisation(&id);
    let info = PathInfo {
        path: path.clone(),
        nar_hash: NarHash::of(b"nar"),
        nar_size: 3,
        references: [].into(),
        deriver: None,
        signatures: [].into(),
        ca: None,
    };
    if let Ok(mut adding) = daemon.add_many(1, AddOptions::default()) {
        let written = adding.next(&info).map(|mut nar| nar.write_all(b"nar").is_ok());
        let finished = adding.finish();
        assert!(finished.is_err() || written.is_ok_and(|written| written));
    }
    let _ = daemon.nar(path, &mut io::sink());
    daemon.is_usable()
}

/// The greeting of a daemon of protocol 1.`minor`, up to its consent.
fn hello(minor: u8) -> Vec<u8> {
    let mut words = vec![0x6478_696f, 0x100 | u64::from(minor)];
    if minor >= 38 {
        words.extend([1, 30]);
        words.extend(
            b"realisation-with-path-not-hash\0\0"
                .chunks_exact(8)
                .map(|part| u64::from_le_bytes(part.try_into().expect("chunks are of eight bytes"))),
        );
    }
    if minor >= 33 {
        words.push(0);
    }
    if minor >= 35 {
        words.push(1);
    }
    words.push(0x616c_7473);
    words.into_iter().flat_map(u64::to_le_bytes).collect()
}

fuzz_target!(|bytes: &[u8]| {
    let path: StorePath = "xv2iccirbrvklck36f1g7vldn5v58vck-a".parse().expect("it is a path");
    let Some((&minor, rest)) = bytes.split_first() else { return };
    // A greeting too is read from anybody; but mostly the bytes are for what comes after it.
    let greeting = if minor == 0 { Vec::new() } else { hello(32 + minor % 8) };
    let said = [greeting, rest.to_vec()].concat();
    if let Ok(mut daemon) = Daemon::greet(Said(&said), StoreDir::default()) {
        while ask(&mut daemon, &path) {}
    }
});
