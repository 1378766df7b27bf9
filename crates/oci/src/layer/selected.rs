//! The files of a part of a path.

use std::collections::VecDeque;

use super::Part;
use super::entries::{Entries, Node};
use super::error::LayerError;
use super::key::{ancestors, order};

/// Goes over the files of a part, and the directories that lead to them; to the end of the tree, so that it is checked.
pub(super) struct Selected {
    entries: Entries<'static>,
    part: Option<Bounds>,
    /// The last file of the part.
    last: Option<Vec<u8>>,
    /// Directories that lead to the file under way, and then that file.
    waiting: VecDeque<(Vec<u8>, Node)>,
}

struct Bounds {
    from: Vec<u8>,
    until: Option<Vec<u8>>,
}

impl Selected {
    pub(super) fn new(entries: Entries<'static>, part: Option<&Part>) -> Self {
        let part = part.map(|part| Bounds {
            from: part.from.as_deref().map(key).unwrap_or_default(),
            until: part.until.as_deref().map(key),
        });
        Self { entries, part, last: None, waiting: VecDeque::new() }
    }

    /// The next file and its path in the tree.
    pub(super) fn next(&mut self) -> Result<Option<(Vec<u8>, Node)>, LayerError> {
        while self.waiting.is_empty() {
            let Some(node) = self.entries.next()? else { return Ok(None) };
            let path = self.entries.path();
            if let Some(Bounds { from, until }) = &self.part {
                if order(path, from).is_lt() || until.as_ref().is_some_and(|until| order(path, until).is_ge())
                {
                    continue;
                }
                let missing = ancestors(self.last.as_deref(), path);
                self.waiting.extend(missing.map(|folder| (folder.to_vec(), Node::Directory)));
                self.last = Some(path.to_vec());
            }
            self.waiting.push_back((path.to_vec(), node));
        }
        Ok(self.waiting.pop_front())
    }

    pub(super) fn contents(&mut self) -> Result<Option<&[u8]>, LayerError> {
        self.entries.contents()
    }
}

fn key(path: &[u8]) -> Vec<u8> {
    if path.is_empty() { Vec::new() } else { [b"/", path].concat() }
}
