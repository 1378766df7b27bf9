//! The fields of a header.

/// Puts text into a field, cut off where it is too long.
pub(super) fn put_text(field: &mut [u8], text: &[u8]) {
    let len = text.len().min(field.len());
    field[..len].copy_from_slice(&text[..len]);
    // What is cut off behind a slash would be read as a directory's name.
    if text.len() > field.len() && field.last() == Some(&b'/') {
        let kept = field.iter().rposition(|&byte| byte != b'/').map_or(0, |at| at + 1);
        field[kept] = 0;
    }
}

/// Puts octal digits and a NUL into a field; zero, where the number is too large or less than that.
pub(super) fn put_octal(field: &mut [u8], number: i64) {
    let number = if fits_octal(field.len(), number) { number } else { 0 };
    let digits = field.len() - 1;
    put_text(field, format!("{number:0digits$o}").as_bytes());
}

/// Whether a number fits into a field of `len` bytes.
pub(super) const fn fits_octal(len: usize, number: i64) -> bool {
    number >= 0 && number < 1 << (3 * (len - 1))
}

/// Whether a text can stand in a header as it is.
pub(super) fn is_ascii(text: &[u8]) -> bool {
    text.iter().all(|&byte| byte < 0x80 && byte != 0)
}

/// What of a text can stand in a header.
pub(super) fn ascii(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|&byte| byte < 0x80 && byte != 0).collect()
}
