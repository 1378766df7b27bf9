//! What is put into a file twice is there once, and what is taken away leaves what was there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_client::nix_conf::Netrc;
use snowbank_client::set_up::{Settings, USER, put, put_login, take, take_login};

fuzz_target!(|file: &[u8]| {
    let Ok(cache) = "http://h/nix/a".parse() else { return };
    let settings = Settings { cache, keys: Vec::new(), netrc_file: None };
    let once = put(file, &settings);
    assert_eq!(put(&once, &settings), once);
    assert_eq!(take(&once, &settings.cache), take(file, &settings.cache));
    if let Ok(once) = put_login(file, "h", "T") {
        assert_eq!(put_login(&once, "h", "T").as_ref(), Ok(&once));
        let netrc = Netrc::parse(&String::from_utf8_lossy(&once));
        let login = netrc.login("h").map(|entry| (entry.login.as_deref(), entry.password.as_deref()));
        assert_eq!(login, Some((Some(USER), Some("T"))));
        let gone = take_login(&once, "h");
        assert_eq!(take_login(&gone, "h"), gone);
    }
});
