//! A tar that is written blob by blob, each of a size that is known only at its end.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use tempfile::NamedTempFile;
use tokio::sync::OwnedMutexGuard;

/// Bytes of a block of a tar.
const BLOCK: u64 = 512;

/// A tar that is being written, and where its next entry begins. What a broken entry left behind that place is written over.
#[derive(Debug)]
pub(super) struct Tape {
    file: NamedTempFile,
    end: u64,
}

impl Tape {
    /// Begins a tar.
    pub(super) const fn new(file: NamedTempFile) -> Self {
        Self { file, end: 0 }
    }

    /// Writes an entry as a whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn entry(&mut self, name: &str, content: &[u8]) -> io::Result<()> {
        self.file.as_file().write_all_at(content, self.end + BLOCK)?;
        self.close(name, content.len() as u64)
    }

    /// Ends the tar; what it is called is another's matter.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn finish(self) -> io::Result<NamedTempFile> {
        let file = self.file.as_file();
        file.set_len(self.end)?;
        // Two blocks of zeros.
        file.set_len(self.end + 2 * BLOCK)?;
        Ok(self.file)
    }

    /// Writes the header before an entry's content, and pads it.
    fn close(&mut self, name: &str, size: u64) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_path(name)?;
        header.set_size(size);
        header.set_mode(0o444);
        header.set_mtime(1);
        header.set_cksum();
        let file: &File = self.file.as_file();
        let padding = size.next_multiple_of(BLOCK) - size;
        file.write_all_at(header.as_bytes(), self.end)?;
        file.write_all_at(
            &[0; BLOCK as usize][..usize::try_from(padding).unwrap_or(0)],
            self.end + BLOCK + size,
        )?;
        self.end += BLOCK + size + padding;
        Ok(())
    }
}

/// An entry that is being written. It holds the tar until it is closed or dropped: a tar is one entry after the other.
pub(super) struct Entry {
    tape: OwnedMutexGuard<Option<Tape>>,
    size: u64,
}

impl Entry {
    /// Begins an entry.
    pub(super) const fn new(tape: OwnedMutexGuard<Option<Tape>>) -> Self {
        Self { tape, size: 0 }
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn close(mut self, name: &str) -> io::Result<()> {
        let size = self.size;
        self.tape.as_mut().ok_or_else(finished)?.close(name, size)
    }
}

impl Write for Entry {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let tape = self.tape.as_ref().ok_or_else(finished)?;
        let written = tape.file.as_file().write_at(bytes, tape.end + BLOCK + self.size)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Something was put after the end.
pub(super) fn finished() -> io::Error {
    io::Error::other("the archive is finished")
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn entries_are_read_again() {
        let contents: [&[u8]; 5] = [b"", b"a", &[1; 511], &[2; 512], &[3; 513]];
        let mut tape = Tape::new(NamedTempFile::new().unwrap());
        for (number, content) in contents.iter().enumerate() {
            // What an entry that broke has left.
            tape.file.as_file().write_all_at(&[9; 3000], tape.end).unwrap();
            tape.entry(&format!("{number}"), content).unwrap();
        }
        let file = tape.finish().unwrap();
        let mut archive = tar::Archive::new(file.reopen().unwrap());
        let mut read = 0;
        for (entry, content) in archive.entries().unwrap().zip(contents) {
            let mut entry = entry.unwrap();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes, content);
            read += 1;
        }
        assert_eq!(read, contents.len());
    }

    #[test]
    fn an_entry_of_more_than_eight_gibibytes_has_its_size() {
        let mut tape = Tape::new(NamedTempFile::new().unwrap());
        // A hole: it takes no room on the disk.
        tape.close("large", 9 << 30).unwrap();
        let file = tape.finish().unwrap();
        let mut archive = tar::Archive::new(file.reopen().unwrap());
        assert_eq!(archive.entries().unwrap().next().unwrap().unwrap().size(), 9 << 30);
    }
}
