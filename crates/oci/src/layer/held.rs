//! A path's renamed files, put in order.

use std::ops::Range;

use super::entries::Node;
use super::error::LayerError;
use super::key::order;
use super::stream::{Entry, Stream};

/// Bytes that an entry takes beside its names, about.
const ENTRY: usize = 200;

/// Files in memory, each name once, in the order of a tar.
pub(super) struct Held {
    /// Each with where its content lies.
    entries: std::vec::IntoIter<(Entry, Range<usize>)>,
    data: Vec<u8>,
    /// What of the file under way was not read.
    left: Range<usize>,
}

impl Held {
    /// Reads a path to its end, unless it takes more than `most` bytes; what it takes is put down to them.
    pub(super) fn read(mut stream: Stream<'_>, most: &mut usize) -> Result<Option<Self>, LayerError> {
        let mut left = *most;
        let mut spend = |bytes: usize| left.checked_sub(bytes).map(|rest| left = rest).is_some();
        let (mut entries, mut data) = (Vec::new(), Vec::new());
        while let Some(entry) = stream.next()? {
            let target = if let Node::Symlink(target) = &entry.node { target.len() } else { 0 };
            if !spend(ENTRY + entry.key.len() + entry.source.len() + target) {
                return Ok(None);
            }
            let start = data.len();
            while let Some(bytes) = stream.contents()? {
                if !spend(bytes.len()) {
                    return Ok(None);
                }
                data.extend_from_slice(bytes);
            }
            entries.push((entry, start..data.len()));
        }
        *most = left;
        // Of equal names the first stays the first.
        entries.sort_by(|(one, _), (other, _)| order(&one.key, &other.key));
        let mut kept: Vec<(Entry, Range<usize>)> = Vec::with_capacity(entries.len());
        for (entry, range) in entries {
            match kept.last() {
                Some((last, place)) if last.key == entry.key => {
                    let contents = data[place.clone()] != data[range];
                    let difference = contents.then_some("their contents differ");
                    if let Some(difference) = last.difference(&entry).or(difference) {
                        return Err(last.conflict(&entry, difference));
                    }
                }
                _ => kept.push((entry, range)),
            }
        }
        Ok(Some(Self { entries: kept.into_iter(), data, left: 0..0 }))
    }

    pub(super) fn next(&mut self) -> Option<Entry> {
        let (entry, range) = self.entries.next()?;
        self.left = range;
        Some(entry)
    }

    pub(super) fn contents(&mut self) -> Option<&[u8]> {
        let range = std::mem::replace(&mut self.left, 0..0);
        Some(&self.data[range]).filter(|bytes| !bytes.is_empty())
    }
}
