//! One header block.

use super::{BLOCK, MAX_FILE, TarError};

/// What follows a header and what it means for the files around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A file; its content follows.
    File,
    /// A link, directory, device or pipe: nothing follows.
    Bare,
    /// PAX records for the next entry.
    Extended,
    /// PAX records for all entries from here on.
    Global,
    /// GNU's long name or link target for the next entry.
    LongName,
}

/// A header whose checksum is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// The type flag itself, for messages.
    pub(super) flag: u8,
    /// Bytes that follow, as the header has it; a PAX record may know better.
    pub(super) size: u64,
}

impl Header {
    pub(super) fn parse(block: &[u8; BLOCK]) -> Result<Self, TarError> {
        // Both "ustar\0" and GNU's "ustar " are in use.
        if &block[257..262] != b"ustar" || !matches!(block[262], 0 | b' ') {
            return Err(TarError::Magic);
        }
        check_sum(block)?;
        let flag = block[156];
        let kind = match flag {
            b'0' | b'7' | 0 => Kind::File,
            b'1'..=b'6' => Kind::Bare,
            b'x' => Kind::Extended,
            b'g' => Kind::Global,
            b'L' | b'K' => Kind::LongName,
            b'S' => return Err(TarError::Sparse),
            other => return Err(TarError::Type(other)),
        };
        let size = number(&block[124..136])?;
        if size > MAX_FILE {
            return Err(TarError::FileTooLarge(size));
        }
        Ok(Self { kind, flag, size })
    }
}

/// The sum of all bytes with spaces in place of the sum itself; some old writers added signed bytes.
fn check_sum(block: &[u8; BLOCK]) -> Result<(), TarError> {
    let stated = number(&block[148..156])?;
    let bytes = || block[..148].iter().chain(b"        ").chain(&block[156..]);
    let unsigned: u64 = bytes().map(|&byte| u64::from(byte)).sum();
    let signed: i64 = bytes().map(|&byte| i64::from(byte.cast_signed())).sum();
    if stated == unsigned || i64::try_from(stated) == Ok(signed) { Ok(()) } else { Err(TarError::Checksum) }
}

/// Octal digits with spaces before and spaces or NULs behind, or GNU's base 256 behind a byte of 0x80.
fn number(field: &[u8]) -> Result<u64, TarError> {
    if field[0] == 0x80 {
        return field[1..].iter().try_fold(0u64, |sum, &byte| {
            let shifted = sum.checked_mul(256).ok_or(TarError::Number)?;
            Ok(shifted | u64::from(byte))
        });
    }
    let digits = field.trim_ascii_start();
    let end = digits.iter().position(|byte| matches!(byte, 0 | b' ')).unwrap_or(digits.len());
    let (digits, padding) = digits.split_at(end);
    if padding.iter().any(|byte| !matches!(byte, 0 | b' ')) {
        return Err(TarError::Number);
    }
    digits.iter().try_fold(0u64, |sum, &byte| match byte {
        // Twelve octal digits are 36 bits: this cannot overflow.
        b'0'..=b'7' => Ok(sum * 8 + u64::from(byte - b'0')),
        _ => Err(TarError::Number),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_writers_are_read() {
        assert_eq!(number(b"00000001750\0"), Ok(1000));
        assert_eq!(number(b"       1750 "), Ok(1000));
        assert_eq!(number(b"777777777777"), Ok((1 << 36) - 1));
        assert_eq!(number(b"\0\0\0\0\0\0\0\0"), Ok(0));
        assert_eq!(number(b"\x80\0\0\0\0\0\0\x02\0\0\0\0"), Ok(1 << 33));
    }

    #[test]
    fn malformed_numbers_are_refused() {
        for field in [
            b"00000000008\0",
            b"0000 000001\0",
            b"-0000000001\0",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
        ] {
            assert_eq!(number(field), Err(TarError::Number), "{field:?}");
        }
        assert_eq!(number(b"\x80\x01\0\0\0\0\0\0\0\0\0\0"), Err(TarError::Number));
    }
}
