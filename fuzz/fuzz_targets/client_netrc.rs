//! A `.netrc` gives a login for a server, or none.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_client::nix_conf::Netrc;

fuzz_target!(|text: &str| {
    let netrc = Netrc::parse(text);
    if let Some(entry) = netrc.login("a") {
        assert!(entry.machine.as_ref().is_none_or(|machine| machine.eq_ignore_ascii_case("a")));
    }
});
