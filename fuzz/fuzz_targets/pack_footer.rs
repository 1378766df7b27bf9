//! A footer is refused, or is what an encoder writes and adds up to its object.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_cas::pack::Footer;

/// The records as the end of a pack, with the framing and the checksum that no fuzzer guesses.
fn seal(records: &[u8], trailer: [u32; 3]) -> Vec<u8> {
    let mut summed = records.to_vec();
    summed.extend(trailer.iter().flat_map(|number| number.to_le_bytes()));
    let sum = blake3::hash(&summed);
    let mut bytes = 0x184d_2a53u32.to_le_bytes().to_vec();
    bytes.extend((summed.len() as u32 + 24).to_le_bytes());
    bytes.extend(summed);
    bytes.extend(&sum.as_bytes()[..16]);
    bytes.extend(b"SNOWPACK");
    bytes
}

fn read(bytes: &[u8], frames: u64) {
    let object = frames + bytes.len() as u64;
    let Ok(length) = Footer::len_from_trailer(bytes, object) else { return };
    let Some(start) = bytes.len().checked_sub(length as usize) else { return };
    let Ok(footer) = Footer::decode(&bytes[start..], object) else { return };
    assert_eq!(footer.encode(), &bytes[start..]);
    let end = footer.entries_with_offsets().last().map(|(offset, entry)| offset + entry.stored_len);
    assert_eq!(end.map(u64::from), Some(object - length));
}

fuzz_target!(|input: ([u32; 3], &[u8])| {
    let (trailer, bytes) = input;
    read(bytes, u64::from(trailer[0]));
    read(&seal(bytes, trailer), u64::from(trailer[1]));
    // Counts and sums that fit, whatever the records are.
    let records = &bytes[..bytes.len() / 72 * 72];
    let frames = records
        .chunks_exact(72)
        .map(|record| u64::from(u32::from_le_bytes([record[68], record[69], record[70], record[71]])))
        .sum();
    read(&seal(records, [records.len() as u32 / 72, trailer[1], 1]), frames);
});
