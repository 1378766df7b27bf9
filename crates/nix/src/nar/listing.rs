//! What lies where in a NAR, as the `.ls` files of binary caches have it.

use serde_json::Value;

use super::Event;

/// Bytes of the longest listing that is worth making: of some 600 000 files.
pub const MAX_LISTING: usize = 64 << 20;

/// Why a NAR has no listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// A file name or link target that JSON cannot hold.
    #[error("a file name or link target is not UTF-8")]
    NotUtf8,
    /// More files than a listing may tell of.
    #[error("the listing would have more than {0} bytes")]
    TooLong(usize),
    /// No NAR's end yet.
    #[error("the archive is not complete")]
    Incomplete,
}

/// Makes the listing of a NAR while it streams by: JSON,
/// `{"root":{"entries":{"file":{"narOffset":96,"size":3,"type":"regular"}},"type":"directory"},"version":1}`, written as
/// Nix (2.26) writes it. Holds the listing, so as many bytes as were allowed, and once more as many while it grows.
#[derive(Debug)]
pub struct Listing {
    text: String,
    most: usize,
    /// Of each open directory, whether it has an entry yet.
    open: Vec<bool>,
    complete: bool,
    trouble: Option<ListingError>,
}

impl Listing {
    /// The listing of a NAR that begins, of at most `most` bytes; [`MAX_LISTING`] if nobody knows better.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { text: r#"{"root":"#.to_owned(), most, open: Vec::new(), complete: false, trouble: None }
    }

    /// Takes the next event of a NAR and where in the NAR it ends, both as
    /// [`Parser::next_event_at`](super::Parser::next_event_at) has them. A NAR that cannot be listed is still a NAR, so
    /// nothing but [`finish`](Self::finish) tells of it.
    pub fn event(&mut self, event: &Event<'_>, offset: u64) {
        if self.trouble.is_some() {
            return;
        }
        if let Err(trouble) = self.write(event, offset) {
            self.trouble = Some(trouble);
            self.text = String::new();
        }
    }

    /// The listing of the complete NAR.
    ///
    /// # Errors
    /// When there is none.
    pub fn finish(self) -> Result<String, ListingError> {
        match self.trouble {
            Some(trouble) => Err(trouble),
            None if self.complete => Ok(self.text),
            None => Err(ListingError::Incomplete),
        }
    }

    fn write(&mut self, event: &Event<'_>, offset: u64) -> Result<(), ListingError> {
        match event {
            Event::Directory => {
                self.add(r#"{"entries":{"#)?;
                self.open.push(false);
            }
            Event::Entry(name) => {
                let first = self.open.last_mut().is_some_and(|any| !std::mem::replace(any, true));
                self.add(if first { "" } else { "," })?;
                self.add(&quoted(name)?)?;
                self.add(":")?;
            }
            Event::DirectoryEnd => {
                self.open.pop();
                self.add(r#"},"type":"directory"}"#)?;
                self.close()?;
            }
            Event::File { executable, size } => {
                let executable = if *executable { r#""executable":true,"# } else { "" };
                self.add(&format!(r#"{{{executable}"narOffset":{offset},"size":{size},"type":"regular"}}"#))?;
                self.close()?;
            }
            Event::Contents(_) => {}
            Event::Symlink(target) => {
                self.add(&format!(r#"{{"target":{},"type":"symlink"}}"#, quoted(target)?))?;
                self.close()?;
            }
        }
        Ok(())
    }

    /// A tree is complete.
    fn close(&mut self) -> Result<(), ListingError> {
        self.complete = self.open.is_empty();
        if self.complete { self.add(r#","version":1}"#) } else { Ok(()) }
    }

    fn add(&mut self, text: &str) -> Result<(), ListingError> {
        if text.len() > self.most.saturating_sub(self.text.len()) {
            return Err(ListingError::TooLong(self.most));
        }
        self.text.push_str(text);
        Ok(())
    }
}

fn quoted(bytes: &[u8]) -> Result<String, ListingError> {
    let text = str::from_utf8(bytes).map_err(|_| ListingError::NotUtf8)?;
    Ok(Value::from(text).to_string())
}
