//! The folders, one in the other.

use std::collections::BTreeMap;

use snowbank_nix::nar::{Event, WriteError, Writer};

/// What is in a folder: folders.
#[derive(Debug, Default)]
pub(super) struct Folder(BTreeMap<String, Folder>);

impl Folder {
    /// Has a folder in it, and those around that folder.
    pub(super) fn add<'a>(&mut self, names: impl IntoIterator<Item = &'a str>) {
        let mut at = self;
        for name in names {
            at = at.0.entry(name.to_owned()).or_default();
        }
    }

    /// Its NAR.
    pub(super) fn nar(&self) -> Result<Vec<u8>, WriteError> {
        let mut writer = Writer::new(Vec::new())?;
        self.write(&mut writer)?;
        writer.finish()
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> Result<(), WriteError> {
        writer.event(&Event::Directory)?;
        for (name, folder) in &self.0 {
            writer.event(&Event::Entry(name.as_bytes()))?;
            folder.write(writer)?;
        }
        writer.event(&Event::DirectoryEnd)
    }
}
