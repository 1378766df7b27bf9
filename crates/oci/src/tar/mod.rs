//! Tars, byte for byte as Go's `archive/tar` writes them when it may choose the format: USTAR where everything fits into
//! it, PAX where it does not.
//!
//! POSIX.1-2001 (`pax`) has the formats; which of them is taken, and what of a name goes into a header that cannot hold
//! it, is Go's own.

mod field;
mod pax;

use std::io::{self, Write};

use field::{ascii, is_ascii, put_octal, put_text};

/// Bytes of a block: of a header, and what contents are filled up to.
pub const BLOCK: usize = 512;

/// What ends a tar.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// Bytes of a name, or a link's target, in a header.
const NAME: usize = 100;
/// Bytes of what may stand before a name.
const PREFIX: usize = 155;

/// What an entry of a tar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A file.
    File = b'0' as isize,
    /// A symbolic link.
    Symlink = b'2' as isize,
    /// A directory.
    Directory = b'5' as isize,
}

/// What stands before an entry's content. Everything was changed one second after 1970 began.
#[derive(Clone, Debug)]
pub struct Header<'a> {
    /// What it is.
    pub kind: Type,
    /// Its name; directories have no slash behind theirs.
    pub name: &'a [u8],
    /// What a link leads to; else empty.
    pub target: &'a [u8],
    /// Bytes of a file; else none.
    pub size: u64,
    /// Its mode, of at most seven octal digits.
    pub mode: u32,
    /// Its owner.
    pub uid: i64,
    /// Its group.
    pub gid: i64,
    /// Its owner's name.
    pub uname: &'a [u8],
    /// Its group's name.
    pub gname: &'a [u8],
}

impl Header<'_> {
    /// The header's bytes: one block, or three and more where PAX records stand before it.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let records = pax::records(self);
        if records.is_empty() {
            let split = split(self.name);
            let (prefix, name) = split.unwrap_or((&[], self.name));
            return self.block(name, prefix, &<[u8]>::to_vec).to_vec();
        }
        let mut bytes = pax::header(self.name, records.len()).to_vec();
        bytes.extend_from_slice(&records);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        bytes.extend_from_slice(&self.block(self.name, &[], &ascii));
        bytes
    }

    fn block(&self, name: &[u8], prefix: &[u8], text: &dyn Fn(&[u8]) -> Vec<u8>) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        put_text(&mut block[..NAME], &text(name));
        put_octal(&mut block[100..108], i64::from(self.mode));
        put_octal(&mut block[108..116], self.uid);
        put_octal(&mut block[116..124], self.gid);
        put_octal(&mut block[124..136], i64::try_from(self.size).unwrap_or(i64::MAX));
        put_octal(&mut block[136..148], 1);
        block[156] = self.kind as u8;
        put_text(&mut block[157..257], &text(self.target));
        put_text(&mut block[265..297], &text(self.uname));
        put_text(&mut block[297..329], &text(self.gname));
        put_octal(&mut block[329..337], 0);
        put_octal(&mut block[337..345], 0);
        put_text(&mut block[345..500], prefix);
        seal(&mut block);
        block
    }
}

/// Puts the format and the checksum into a header.
fn seal(block: &mut [u8; BLOCK]) {
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// A name as prefix and rest, for one that is too long and can be cut at a slash.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    if name.len() <= NAME || !is_ascii(name) {
        return None;
    }
    let at = name[..name.len().min(PREFIX + 1)].iter().rposition(|&byte| byte == b'/')?;
    let (prefix, rest) = (&name[..at], &name[at + 1..]);
    let fits = !prefix.is_empty() && (1..=NAME).contains(&rest.len());
    fits.then_some((prefix, rest))
}

/// Writes the zeros that fill a content of `size` bytes up to a whole block.
///
/// # Errors
/// When the sink fails.
pub fn pad(sink: &mut dyn Write, size: u64) -> io::Result<()> {
    sink.write_all(&[0; BLOCK][..padding(size)])
}

/// Bytes that a content takes with what fills it up.
#[must_use]
pub fn padded(size: u64) -> u64 {
    size.saturating_add(padding(size) as u64)
}

/// Less than a block.
fn padding(size: u64) -> usize {
    usize::try_from(size.wrapping_neg() % BLOCK as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests;
