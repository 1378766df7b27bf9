//! What `restore` leaves for a `save` in another process.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use snowbank_client::series::Key;
use snowbank_client::stamp::Stamp;
use snowbank_client::substituter::Usage;

use super::restore::Done;
use super::session::Session;
use super::wanted::Before;

/// Where stamps are; none when the user has no home.
pub(super) fn folder() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = variable("XDG_STATE_HOME").or_else(|| Some(variable("HOME")?.join(".local/state")))?;
    Some(state.join("snowbank"))
}

/// This second of the Unix era.
pub(crate) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    i64::try_from(now).unwrap_or(i64::MAX)
}

/// What a restore that began at `began` has left; `None` where nothing was restored.
pub(crate) fn of(began: i64, done: Option<&Done>) -> Stamp {
    let entry = done.and_then(|done| done.found.as_ref()).map(|found| found.entry.clone());
    let served = done.and_then(|done| done.lazily.as_ref()).map(|lazily| lazily.url.clone());
    Stamp { began, entry, restored: done.map(|done| done.brought.clone()).unwrap_or_default(), served }
}

/// Leaves the stamp for a later `save`; that one then saves what was named, so a failure is only said.
pub(crate) fn leave(session: &Session, stamp: &Stamp) {
    let Some(folder) = folder() else { return };
    if let Err(error) = stamp.write(&folder, &session.place, &session.key) {
        session.progress.say(format!("what is new later will not be known: {}: {error}", folder.display()));
    }
}

/// What the last restore of the series left.
pub(crate) fn read(session: &Session) -> Stamp {
    let none = Stamp { began: i64::MAX, ..Stamp::default() };
    folder().and_then(|folder| Stamp::read(&folder, &session.place, &session.key)).unwrap_or(none)
}

impl From<&Stamp> for Before {
    fn from(stamp: &Stamp) -> Self {
        let since = (stamp.began < i64::MAX).then_some(stamp.began);
        Self { since, restored: stamp.restored.clone(), usage: Usage::default() }
    }
}

/// Where else a save looks for packs: in the series that was restored.
pub(crate) fn prefix(stamp: &Stamp) -> Option<String> {
    let (key, _) = Key::split(stamp.entry.as_deref()?)?;
    Some(key.generations())
}
