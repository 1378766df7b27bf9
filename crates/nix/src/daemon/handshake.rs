//! Connecting, and agreeing on a version.

use std::{collections::BTreeSet, os::unix::net::UnixStream, path::Path, time::Duration};

use super::{
    Daemon, DaemonError, MAX_FIELDS, NEWEST, OLDEST, Stream, Trust, Version, realisation, request::Request,
    stderr, wire::Wire,
};
use crate::{store::Place, store_path::StoreDir};

const CLIENT: u64 = 0x6e69_7863;
const DAEMON: u64 = 0x6478_696f;

/// The version from which on features are exchanged.
const FEATURES: Version = Version { major: 1, minor: 38 };

impl Version {
    const fn to_wire(self) -> u64 {
        (self.major as u64) << 8 | self.minor as u64
    }

    /// Of a number that may be anything.
    fn from_wire(number: u64) -> Self {
        let part = |number: u64| u8::try_from(number).unwrap_or(u8::MAX);
        Self { major: part(number >> 8), minor: part(number & 0xff) }
    }
}

impl Daemon {
    /// Connects to the daemon of the store at `place`. No answer and no reading on its side is waited for longer than
    /// `patience`, if there is one; a daemon is silent while it waits for a lock or checks a large path.
    ///
    /// # Errors
    /// When there is no daemon, or it does not speak a version that is known.
    pub fn connect(place: &Place, patience: Option<Duration>) -> Result<Self, DaemonError> {
        Self::connect_to(&place.daemon_socket(), place.dir().clone(), patience)
    }

    /// Connects to the daemon that listens at `socket`, and whose store's paths are in `dir`; `patience` as for
    /// [`connect`](Self::connect).
    ///
    /// # Errors
    /// When there is no daemon, or it does not speak a version that is known.
    pub fn connect_to(socket: &Path, dir: StoreDir, patience: Option<Duration>) -> Result<Self, DaemonError> {
        let failed = |error| DaemonError::Connect { socket: socket.to_owned(), error };
        let stream = UnixStream::connect(socket).map_err(failed)?;
        stream.set_read_timeout(patience).map_err(failed)?;
        stream.set_write_timeout(patience).map_err(failed)?;
        Self::greet(stream, dir)
    }

    /// Changes how long is waited for an answer, and for the daemon to read what is sent.
    ///
    /// # Errors
    /// When it is no time at all.
    pub fn set_patience(&self, patience: Option<Duration>) -> Result<(), DaemonError> {
        let stream = self.wire.get_ref();
        let failed = |error| DaemonError::Io { what: "set the time to wait for", error };
        stream.set_read_timeout(patience).map_err(failed)?;
        stream.set_write_timeout(patience).map_err(failed)
    }
}

impl<S: Stream> Daemon<S> {
    /// Begins to speak with a daemon over `stream`.
    ///
    /// # Errors
    /// When whoever is there is no daemon, or does not speak a version that is known.
    pub fn greet(stream: S, dir: StoreDir) -> Result<Self, DaemonError> {
        let mut wire = Wire::new(stream);
        wire.send(Request::default().number(CLIENT).number(NEWEST.to_wire()).bytes())?;
        if wire.number()? != DAEMON {
            return Err(DaemonError::NoDaemon);
        }
        let theirs = Version::from_wire(wire.number()?);
        if theirs < OLDEST || theirs.major != NEWEST.major {
            return Err(DaemonError::Version(theirs));
        }
        let version = theirs.min(NEWEST);
        let mut features = BTreeSet::new();
        if version >= FEATURES {
            let ours = [realisation::BY_PATH];
            wire.send(Request::default().strings(ours.iter()).bytes())?;
            features = wire.items("features", MAX_FIELDS, |wire| wire.word("a feature"))?;
            features.retain(|feature| ours.contains(&feature.as_str()));
        }
        // A processor to run on and space to reserve, both long gone.
        wire.send(Request::default().number(0).number(0).bytes())?;
        let daemon_version =
            if version.minor >= 33 { wire.word("the daemon's version")? } else { String::new() };
        let trust = if version.minor >= 35 { trust(wire.number()?)? } else { Trust::Unknown };
        stderr::wait(&mut wire)?;
        Ok(Self { wire, dir, version, daemon_version, trust, features, broken: false })
    }
}

fn trust(number: u64) -> Result<Trust, DaemonError> {
    match number {
        0 => Ok(Trust::Unknown),
        1 => Ok(Trust::Trusted),
        2 => Ok(Trust::Untrusted),
        _ => Err(DaemonError::Protocol("an unknown kind of trust")),
    }
}
