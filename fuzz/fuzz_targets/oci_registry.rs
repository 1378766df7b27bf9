//! What a registry says: challenges, refusals, waits, tags. All of it may be shown.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_oci::registry::answer::Refusal;
use snowbank_oci::registry::auth::challenge::Challenge;
use snowbank_oci::registry::retry::go_duration;
use snowbank_oci::registry::tags::tags_of;

fuzz_target!(|bytes: &[u8]| {
    let refusal = Refusal::parse(Default::default(), &Default::default(), bytes);
    assert!(!refusal.to_string().chars().any(char::is_control));
    let tags = tags_of(bytes);
    assert!(tags.iter().all(|tag| !tag.contains(|c: char| c.is_control() || "/?#:%".contains(c))));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    assert!(Challenge::parse(text).len() <= 32);
    let _ = go_duration(text);
});
