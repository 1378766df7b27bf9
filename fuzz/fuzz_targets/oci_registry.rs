//! What a registry says: challenges, refusals, waits. All of it may be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_oci::registry::answer::Refusal;
use snowbank_oci::registry::auth::challenge::Challenge;
use snowbank_oci::registry::retry::go_duration;

fuzz_target!(|bytes: &[u8]| {
    let refusal = Refusal::parse(Default::default(), &Default::default(), bytes);
    assert!(!refusal.to_string().chars().any(char::is_control));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    assert!(Challenge::parse(text).len() <= 32);
    let _ = go_duration(text);
});
