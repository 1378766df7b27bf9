//! An index entry, whole and as a message under an honest header: what is read is written again as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_client::snapshot::Snapshot;

fuzz_target!(|data: &[u8]| {
    let _ = Snapshot::decode(data);
    let Ok(body) = zstd::bulk::compress(data, 1) else { return };
    let mut entry = b"SNOWINDX".to_vec();
    entry.extend(1u32.to_le_bytes());
    entry.extend((data.len() as u64).to_le_bytes());
    entry.extend(blake3::hash(data).as_bytes());
    entry.extend(body);
    let Ok(snapshot) = Snapshot::decode(&entry) else { return };
    let encoded = snapshot.encode().expect("there is memory");
    assert_eq!(Snapshot::decode(&encoded).expect("what was written can be read"), snapshot);
});
