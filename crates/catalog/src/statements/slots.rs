//! Slots: what uploads and entries are found by.

use snowbank_cas::id::ObjectHash;

use crate::Result;
use crate::ids::{EntryId, RepoId};
use crate::rooms::Slot;
use crate::sql::{Cells, Columns, Driver, Held, Read, Session, Sql, args, sql};

const FIND_ENTRY: Sql = sql!("SELECT id FROM entries WHERE repo = $1 AND place = $2 AND key = $3");

/// Scope and version in one: they are only compared as a whole, and an index holds no text of any length.
pub(super) fn place(scope: &str, version: &str) -> [u8; 32] {
    let mut text = Vec::with_capacity(8 + scope.len() + version.len());
    text.extend((scope.len() as u64).to_le_bytes());
    text.extend(scope.as_bytes());
    text.extend(version.as_bytes());
    *ObjectHash::of(&text).as_bytes()
}

/// The first string after all that begin with `prefix`: UTF-8 holds no byte 0xFF.
pub(super) fn after_prefix(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    end.push(0xFF);
    end
}

/// The entry of a slot.
pub(super) async fn entry_of<D: Driver, H: Held<D>>(
    session: &mut Session<D, H>,
    repo: RepoId,
    slot: &Slot,
) -> Result<Option<EntryId>> {
    session.find(&FIND_ENTRY, args![repo, &place(&slot.scope, &slot.version), &slot.key]).await
}

impl Read for Slot {
    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self { scope: columns.read()?, key: columns.read()?, version: columns.read()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scope_and_version_do_not_run_into_each_other() {
        assert_ne!(place("ab", "c"), place("a", "bc"));
        assert_eq!(place("a", "b"), place("a", "b"));
    }
}
