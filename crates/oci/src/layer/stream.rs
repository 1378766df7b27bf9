//! One path's files as they will be called in the image.

use super::Part;
use super::entries::{Entries, Node};
use super::error::{LayerError, shown};
use super::held::Held;
use super::key::{clean, leads_to, order};
use super::rules::{Owner, Rules};
use super::selected::Selected;
use crate::tree::Tree;

/// What of a path goes into a layer, and how.
#[derive(Debug)]
pub(super) struct Spec {
    /// Where its files are said to lie: `/nix/store/<name>`.
    pub(super) root: Vec<u8>,
    pub(super) rules: Rules,
    pub(super) part: Option<Part>,
}

/// A file on its way into the image.
#[derive(Debug)]
pub(super) struct Entry {
    /// What it is called there, see [`super::key`].
    pub(super) key: Vec<u8>,
    /// Where it comes from.
    pub(super) source: Vec<u8>,
    pub(super) node: Node,
    pub(super) owner: Owner,
}

/// Where a file goes.
enum Placed {
    At(Entry),
    /// It is renamed to nothing, and not made: where all of a path is moved to the root, its own directory becomes the root, which
    /// stays as it is.
    Nowhere,
    /// It is left out, with all that is in it.
    Ignored,
}

impl Spec {
    /// The file at a path in the tree.
    fn entry(&self, path: &[u8], node: Node) -> Result<Placed, LayerError> {
        let source = [&self.root[..], path].concat();
        let owner = self.rules.owner(&source, &node);
        let renamed = self.rules.renamed(&source);
        let destination = renamed.as_deref().unwrap_or(&source);
        if destination.is_empty() {
            return Ok(Placed::Nowhere);
        }
        if self.rules.ignores(destination) {
            return Ok(Placed::Ignored);
        }
        let key = match renamed {
            Some(renamed) => {
                let key = clean(&renamed);
                if key.contains(&0) || leads_to(b"..", &key) {
                    return Err(LayerError::Outside { from: shown(&source), to: shown(&renamed) });
                }
                key
            }
            None => clean(&source),
        };
        Ok(Placed::At(Entry { key, source, node, owner }))
    }

    /// The path's files, read while they are written.
    pub(super) fn stream(&self, tree: Box<dyn Tree>) -> Stream<'_> {
        let selected = Selected::new(Entries::new(tree), self.part.as_ref());
        Stream { spec: self, files: Files::Tree(selected), rest: Vec::new(), ignored: None }
    }

    /// The path's files, in memory and in order, if they take at most `most` bytes. What they take is put down to `most`.
    pub(super) fn hold(
        &self,
        tree: Box<dyn Tree>,
        most: &mut usize,
    ) -> Result<Option<Stream<'_>>, LayerError> {
        let held = Held::read(self.stream(tree), most)?;
        let stream = |held| Stream { spec: self, files: Files::Held(held), rest: Vec::new(), ignored: None };
        Ok(held.map(stream))
    }
}

/// A path's files.
pub(super) struct Stream<'a> {
    spec: &'a Spec,
    files: Files,
    /// What of a content was read and not used by [`fill`](Self::fill).
    rest: Vec<u8>,
    /// The directory that was left out last.
    ignored: Option<Vec<u8>>,
}

enum Files {
    Tree(Selected),
    Held(Held),
}

impl Stream<'_> {
    /// The next file.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, LayerError> {
        match &mut self.files {
            Files::Held(held) => Ok(held.next()),
            Files::Tree(selected) => {
                while let Some((path, node)) = selected.next()? {
                    if self.ignored.as_ref().is_some_and(|folder| leads_to(folder, &path)) {
                        continue;
                    }
                    match self.spec.entry(&path, node)? {
                        Placed::At(entry) => return Ok(Some(entry)),
                        // Where it is no directory, nothing is in it.
                        Placed::Ignored => self.ignored = Some(path),
                        Placed::Nowhere => {}
                    }
                }
                Ok(None)
            }
        }
    }

    /// The next bytes of the file; `None` at its end.
    pub(super) fn contents(&mut self) -> Result<Option<&[u8]>, LayerError> {
        self.files.contents()
    }

    /// Fills a buffer with the next bytes of the file; what is filled is less only at its end.
    pub(super) fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, LayerError> {
        let mut filled = 0;
        while filled < buffer.len() {
            if self.rest.is_empty() {
                match self.files.contents()? {
                    Some(bytes) => self.rest.extend_from_slice(bytes),
                    None => break,
                }
            }
            let len = self.rest.len().min(buffer.len() - filled);
            buffer[filled..filled + len].copy_from_slice(&self.rest[..len]);
            self.rest.drain(..len);
            filled += len;
        }
        Ok(filled)
    }
}

impl Files {
    fn contents(&mut self) -> Result<Option<&[u8]>, LayerError> {
        match self {
            Self::Held(held) => Ok(held.contents()),
            Self::Tree(selected) => selected.contents(),
        }
    }
}

impl Entry {
    /// What keeps this and another file of the same name from being one; their contents are another matter.
    pub(super) fn difference(&self, other: &Self) -> Option<&'static str> {
        let same = match (&self.node, &other.node) {
            (Node::Directory, Node::Directory) => true,
            (Node::Symlink(one), Node::Symlink(other)) if one != other => {
                return Some("they lead to different places");
            }
            (Node::Symlink(_), Node::Symlink(_)) => true,
            (Node::File { size: one, .. }, Node::File { size: other, .. }) if one != other => {
                return Some("they have different sizes");
            }
            (Node::File { .. }, Node::File { .. }) => true,
            _ => false,
        };
        if !same {
            return Some("they are of different kinds");
        }
        (self.owner != other.owner).then_some("their modes or owners differ")
    }

    /// That this and another file of the same name differ.
    pub(super) fn conflict(&self, other: &Self, difference: &'static str) -> LayerError {
        LayerError::Conflict {
            one: shown(&self.source),
            other: shown(&other.source),
            destination: shown(super::key::name(&self.key)),
            difference,
        }
    }

    /// Whether it comes behind a file of this key.
    pub(super) fn follows(&self, key: &[u8]) -> bool {
        order(&self.key, key).is_gt()
    }
}
