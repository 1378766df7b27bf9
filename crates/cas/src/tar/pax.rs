//! The records of a PAX extended header.

use super::{MAX_FILE, TarError};

/// What the records of one header say about the size of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    /// Nothing.
    Silent,
    /// It is this, whatever else says otherwise.
    Is(u64),
    /// An empty value: what was said in a global header no longer counts.
    Unset,
}

/// Reads all records, each `LENGTH KEY=VALUE\n` where the length counts the whole record in decimal.
pub(super) fn size(mut records: &[u8]) -> Result<Size, TarError> {
    let mut size = Size::Silent;
    while !records.is_empty() {
        let space = records.iter().take(8).position(|&byte| byte == b' ').ok_or(TarError::Record)?;
        let length = usize::try_from(decimal(&records[..space])?).map_err(|_| TarError::Record)?;
        if length < space + 1 || length > records.len() {
            return Err(TarError::Record);
        }
        let (record, rest) = records.split_at(length);
        let record = record[space + 1..].strip_suffix(b"\n").ok_or(TarError::Record)?;
        let equals = record.iter().position(|&byte| byte == b'=').ok_or(TarError::Record)?;
        let (key, value) = (&record[..equals], &record[equals + 1..]);
        match key {
            b"" => return Err(TarError::Record),
            b"size" if value.is_empty() => size = Size::Unset,
            b"size" => size = Size::Is(decimal(value)?),
            // The content of such a file is led by a map of its holes, or its real size is elsewhere.
            key if key.starts_with(b"GNU.sparse.") || key == b"SCHILY.realsize" => {
                return Err(TarError::Sparse);
            }
            _ => {}
        }
        records = rest;
    }
    match size {
        Size::Is(size) if size > MAX_FILE => Err(TarError::FileTooLarge(size)),
        size => Ok(size),
    }
}

fn decimal(digits: &[u8]) -> Result<u64, TarError> {
    if digits.is_empty() || digits.len() > 19 {
        return Err(TarError::Record);
    }
    digits.iter().try_fold(0u64, |sum, &byte| match byte {
        // Nineteen digits are less than 2^64: this cannot overflow.
        b'0'..=b'9' => Ok(sum * 10 + u64::from(byte - b'0')),
        _ => Err(TarError::Record),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_size_counts() {
        assert_eq!(size(b""), Ok(Size::Silent));
        assert_eq!(size(b"30 mtime=1719222222.123456789\n"), Ok(Size::Silent));
        assert_eq!(size(b"11 size=42\n30 mtime=1719222222.123456789\n"), Ok(Size::Is(42)));
        assert_eq!(size(b"11 size=42\n8 size=\n"), Ok(Size::Unset));
        assert_eq!(size(b"9 size==\n"), Err(TarError::Record));
    }

    #[test]
    fn values_may_hold_any_byte() {
        assert_eq!(size(b"15 path=a\n=\xff\0b\n11 size=42\n"), Ok(Size::Is(42)));
    }

    #[test]
    fn malformed_records_are_refused() {
        for records in [
            &b"11 size=4x\n"[..],
            b"12 size=42\n",
            b"10 size=42\n",
            b"size=42\n",
            b"5 =1\n",
            b"7 size\n",
            b"1 \n",
            b"0 a=b\n",
            b"11 size=42\n\0",
            b"99999999 a=b\n",
        ] {
            assert_eq!(size(records), Err(TarError::Record), "{}", records.escape_ascii());
        }
        assert_eq!(size(b"22 GNU.sparse.major=1\n"), Err(TarError::Sparse));
        assert_eq!(size(b"23 size=17592186044417\n"), Err(TarError::FileTooLarge((1 << 44) + 1)));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = size(&bytes);
        }
    }
}
