//! Which event may follow which, and what names may be called.

use super::{Event, MAX_DEPTH, MAX_FILE, MAX_NAME, MAX_TARGET, NarError};

/// What must come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    Tree,
    Entry,
    Contents { left: u64 },
    Nothing,
}

/// Follows the events of one NAR; holds one name for each directory that is open.
#[derive(Debug)]
pub(super) struct Grammar {
    want: Want,
    /// The last name in each open directory, the outermost first; at most [`MAX_DEPTH`].
    open: Vec<Vec<u8>>,
}

impl Grammar {
    pub(super) const fn new() -> Self {
        Self { want: Want::Tree, open: Vec::new() }
    }

    /// Bytes that the file under way still lacks.
    pub(super) fn left(&self) -> u64 {
        if let Want::Contents { left } = self.want { left } else { 0 }
    }

    /// Whether the last event completed a tree: a file, a link or a directory.
    pub(super) fn closed(&self) -> bool {
        matches!(self.want, Want::Entry | Want::Nothing)
    }

    /// Whether the whole tree is there.
    pub(super) fn complete(&self) -> bool {
        self.want == Want::Nothing
    }

    /// Passes over the content that the file under way still lacks.
    pub(super) fn skip(&mut self) {
        if let Want::Contents { .. } = self.want {
            self.close();
        }
    }

    /// Takes the next event.
    pub(super) fn accept(&mut self, event: &Event<'_>) -> Result<(), NarError> {
        match (self.want, event) {
            (Want::Tree, Event::Directory | Event::File { .. } | Event::Symlink(_)) => self.tree(event),
            (Want::Entry, Event::Entry(name)) => self.entry(name),
            (Want::Entry, Event::DirectoryEnd) => {
                self.open.pop();
                self.close();
                Ok(())
            }
            (Want::Contents { left }, Event::Contents(bytes)) => match left.checked_sub(bytes.len() as u64) {
                Some(_) if bytes.is_empty() => Err(NarError::Order),
                Some(0) => {
                    self.close();
                    Ok(())
                }
                Some(left) => {
                    self.want = Want::Contents { left };
                    Ok(())
                }
                None => Err(NarError::Order),
            },
            _ => Err(NarError::Order),
        }
    }

    fn tree(&mut self, event: &Event<'_>) -> Result<(), NarError> {
        if self.open.len() >= MAX_DEPTH {
            return Err(NarError::Depth);
        }
        match event {
            Event::Directory => {
                self.open.push(Vec::new());
                self.want = Want::Entry;
            }
            Event::File { size, .. } if *size > MAX_FILE => return Err(NarError::FileTooLarge(*size)),
            Event::File { size: left @ 1.., .. } => self.want = Want::Contents { left: *left },
            Event::Symlink(target) if !(1..=MAX_TARGET).contains(&target.len()) || target.contains(&0) => {
                return Err(NarError::Target);
            }
            _ => self.close(),
        }
        Ok(())
    }

    fn entry(&mut self, name: &[u8]) -> Result<(), NarError> {
        let bad = matches!(name, b"" | b"." | b"..") || name.len() > MAX_NAME;
        if bad || name.iter().any(|byte| matches!(byte, b'/' | 0)) {
            return Err(NarError::Name);
        }
        let last = self.open.last_mut().ok_or(NarError::Order)?;
        if name <= last.as_slice() {
            return Err(NarError::Unsorted);
        }
        last.clear();
        last.extend_from_slice(name);
        self.want = Want::Tree;
        Ok(())
    }

    fn close(&mut self) {
        self.want = if self.open.is_empty() { Want::Nothing } else { Want::Entry };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: Event<'_> = Event::File { executable: false, size: 0 };

    fn check(events: &[Event<'_>]) -> Result<bool, NarError> {
        let mut grammar = Grammar::new();
        for event in events {
            grammar.accept(event)?;
        }
        Ok(grammar.complete())
    }

    #[test]
    fn a_tree_is_complete_when_all_is_closed() {
        use Event::{Contents, Directory, DirectoryEnd, Entry, File, Symlink};
        let file = File { executable: true, size: 3 };
        let events = [
            Directory,
            Entry(b"a"),
            Directory,
            DirectoryEnd,
            Entry(b"b"),
            file,
            Contents(b"xy"),
            Contents(b"z"),
        ];
        assert_eq!(check(&events), Ok(false));
        assert_eq!(check(&[&events[..], &[Entry(b"c"), Symlink(b"d"), DirectoryEnd]].concat()), Ok(true));
    }

    #[test]
    fn events_out_of_order_are_refused() {
        use Event::{Contents, Directory, DirectoryEnd, Entry, File};
        let file = File { executable: false, size: 1 };
        for events in [
            &[Entry(b"a")][..],
            &[DirectoryEnd],
            &[Contents(b"x")],
            &[EMPTY, EMPTY],
            &[EMPTY, Contents(b"x")],
            &[file, DirectoryEnd],
            &[file, Contents(b"")],
            &[file, Contents(b"xy")],
            &[Directory, EMPTY],
            &[Directory, Entry(b"a"), Entry(b"b")],
            &[Directory, Entry(b"a"), DirectoryEnd],
            &[Directory, DirectoryEnd, DirectoryEnd],
        ] {
            assert_eq!(check(events), Err(NarError::Order), "{events:?}");
        }
    }
}
