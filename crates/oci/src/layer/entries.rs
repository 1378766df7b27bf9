//! The files of a tree, one after the other.

use snowbank_nix::nar::Event;

use super::error::{LayerError, shown};
use crate::tree::{Tree, TreeError};

/// What is in a tree at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Directory,
    File { executable: bool, size: u64 },
    Symlink(Vec<u8>),
}

/// The files of a tree with their paths in it: empty for the outermost, then each name behind a slash.
pub(crate) struct Entries<'a> {
    tree: Box<dyn Tree + 'a>,
    path: Vec<u8>,
    /// Whether the last name of the path is done with.
    leave: bool,
    depth: usize,
    /// Bytes of the file under way that were not read.
    left: u64,
}

impl<'a> Entries<'a> {
    pub(crate) fn new(tree: Box<dyn Tree + 'a>) -> Self {
        Self { tree, path: Vec::new(), leave: false, depth: 0, left: 0 }
    }

    /// Where the last file was.
    pub(crate) fn path(&self) -> &[u8] {
        &self.path
    }

    /// The next file; the content of the one before is passed over, if it was not read.
    pub(crate) fn next(&mut self) -> Result<Option<Node>, LayerError> {
        if self.left > 0 && self.tree.skip_contents() {
            self.left = 0;
        }
        while self.contents()?.is_some() {}
        loop {
            if std::mem::take(&mut self.leave) {
                let end = self.path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                self.path.truncate(end);
            }
            let node = match self.tree.next_event()? {
                None => return Ok(None),
                Some(Event::Entry(name)) => {
                    self.path.push(b'/');
                    self.path.extend_from_slice(name);
                    continue;
                }
                Some(Event::Directory) => {
                    self.depth += 1;
                    return Ok(Some(Node::Directory));
                }
                Some(Event::DirectoryEnd) => {
                    self.depth = self.depth.saturating_sub(1);
                    self.leave = self.depth > 0;
                    continue;
                }
                Some(Event::File { executable, size }) => Node::File { executable, size },
                Some(Event::Symlink(target)) => Node::Symlink(target.to_vec()),
                Some(Event::Contents(_)) => return Err(LayerError::Events(shown(&self.path))),
            };
            if let Node::File { size, .. } = node {
                self.left = size;
            }
            self.leave = self.depth > 0;
            return Ok(Some(node));
        }
    }

    /// The next bytes of the file; `None` at its end.
    pub(crate) fn contents(&mut self) -> Result<Option<&[u8]>, LayerError> {
        if self.left == 0 {
            return Ok(None);
        }
        match self.tree.next_event()? {
            Some(Event::Contents(bytes)) if !bytes.is_empty() && bytes.len() as u64 <= self.left => {
                self.left -= bytes.len() as u64;
                Ok(Some(bytes))
            }
            _ => Err(LayerError::Events(shown(&self.path))),
        }
    }
}

/// A tree that is lent, for those who do not own it.
pub(super) struct Lent<'a>(pub(super) &'a mut dyn Tree);

impl Tree for Lent<'_> {
    fn next_event(&mut self) -> Result<Option<Event<'_>>, TreeError> {
        self.0.next_event()
    }

    fn skip_contents(&mut self) -> bool {
        self.0.skip_contents()
    }
}
