//! What is written of a layer.

use std::io::{self, Write};

use super::entries::Node;
use super::error::LayerError;
use super::key::{ancestors, name};
use super::rules::Owner;
use super::stream::Entry;
use crate::tar::{END, Header, Type, pad};

/// Writes files in order, and the directories that lead to them where no path has them.
pub(super) struct Output<W> {
    sink: W,
    last: Option<Entry>,
    root: Owner,
}

impl<W: Write> Output<W> {
    pub(super) fn new(sink: W) -> Self {
        Self { sink, last: None, root: Owner::root(0o755) }
    }

    /// Whether a file of this name may come next.
    pub(super) fn takes(&self, entry: &Entry) -> bool {
        self.last.as_ref().is_none_or(|last| entry.follows(&last.key))
    }

    /// Writes what stands before a file's content.
    pub(super) fn entry(&mut self, entry: Entry) -> Result<(), LayerError> {
        let last = self.last.as_ref();
        if let Some(last) = last
            && last.node != Node::Directory
            && super::key::leads_to(&last.key, &entry.key)
        {
            return Err(last.conflict(&entry, "the second has it for a directory"));
        }
        let mut bytes = Vec::new();
        for folder in ancestors(last.map(|last| last.key.as_slice()), &entry.key) {
            bytes.extend_from_slice(&header(folder, &Node::Directory, &self.root));
        }
        bytes.extend_from_slice(&header(&entry.key, &entry.node, &entry.owner));
        self.last = Some(entry);
        self.contents(&bytes)
    }

    pub(super) fn contents(&mut self, bytes: &[u8]) -> Result<(), LayerError> {
        self.sink.write_all(bytes).map_err(LayerError::Sink)
    }

    /// Fills up a content of `size` bytes.
    pub(super) fn pad(&mut self, size: u64) -> Result<(), LayerError> {
        pad(&mut self.sink, size).map_err(LayerError::Sink)
    }

    /// That the file under way and another one differ.
    pub(super) fn conflict(&self, other: &Entry, difference: &'static str) -> LayerError {
        self.last.as_ref().unwrap_or(other).conflict(other, difference)
    }

    pub(super) fn finish(mut self) -> Result<W, LayerError> {
        let ended: io::Result<()> = self.sink.write_all(&END);
        ended.map_err(LayerError::Sink)?;
        Ok(self.sink)
    }
}

/// The header of a file.
pub(super) fn header(key: &[u8], node: &Node, owner: &Owner) -> Vec<u8> {
    let (kind, target, size): (_, &[u8], _) = match node {
        Node::Directory => (Type::Directory, b"", 0),
        Node::File { size, .. } => (Type::File, b"", *size),
        Node::Symlink(target) => (Type::Symlink, target, 0),
    };
    let Owner { mode, uid, gid, .. } = *owner;
    let (uname, gname) = (owner.uname.as_bytes(), owner.gname.as_bytes());
    Header { kind, name: name(key), target, size, mode, uid, gid, uname, gname }.bytes()
}
