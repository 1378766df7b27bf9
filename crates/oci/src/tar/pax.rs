//! PAX records, for what does not fit into a header.

use super::field::{ascii, fits_octal, is_ascii, put_octal, put_text};
use super::{BLOCK, Header, NAME, seal, split};

/// The records of what does not fit into this header, in the order of their keys; empty if everything fits.
pub(super) fn records(header: &Header<'_>) -> Vec<u8> {
    let text = |text: &[u8], most| (text.len() > most || !is_ascii(text)).then(|| text.to_vec());
    let number = |number: i64, len| (!fits_octal(len, number)).then(|| number.to_string().into_bytes());
    let found = [
        ("gid", number(header.gid, 8)),
        ("gname", text(header.gname, 32)),
        ("linkpath", text(header.target, NAME)),
        ("path", text(header.name, NAME)),
        ("size", number(i64::try_from(header.size).unwrap_or(i64::MAX), 12)),
        ("uid", number(header.uid, 8)),
        ("uname", text(header.uname, 32)),
    ];
    // A name that can be split needs no record, and yet has one where something else does.
    let splits = split(header.name).is_some();
    let needed = found.iter().any(|(key, value)| value.is_some() && !(splits && *key == "path"));
    let mut records = Vec::new();
    for (key, value) in found.iter().filter(|_| needed) {
        value.iter().for_each(|value| record(&mut records, key, value));
    }
    records
}

/// `<length> <key>=<value>\n`, where the length counts its own digits.
fn record(records: &mut Vec<u8>, key: &str, value: &[u8]) {
    let rest = key.len() + value.len() + 3;
    let mut length = rest;
    while length != rest + length.to_string().len() {
        length = rest + length.to_string().len();
    }
    records.extend_from_slice(format!("{length} {key}=").as_bytes());
    records.extend_from_slice(value);
    records.push(b'\n');
}

/// The header of the records of a file of this name.
pub(super) fn header(name: &[u8], len: usize) -> [u8; BLOCK] {
    let at = name.iter().rposition(|&byte| byte == b'/').map_or(0, |at| at + 1);
    let (folder, file) = name.split_at(at);
    let mut name = ascii(&[folder, b"PaxHeaders.0/", file].concat());
    name.truncate(NAME);
    let end = name.iter().rposition(|&byte| byte != b'/').map_or(0, |at| at + 1);
    let mut block = [0; BLOCK];
    put_text(&mut block[..NAME], &name[..end]);
    put_octal(&mut block[100..108], 0);
    put_octal(&mut block[108..116], 0);
    put_octal(&mut block[116..124], 0);
    put_octal(&mut block[124..136], i64::try_from(len).unwrap_or(i64::MAX));
    put_octal(&mut block[136..148], 0);
    block[156] = b'x';
    seal(&mut block);
    block
}
