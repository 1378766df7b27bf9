//! A line is refused, or is a signature or a key that is written alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_nix::signature::{PublicKey, SecretKey, Signature};

fuzz_target!(|line: &str| {
    if let Ok(signature) = line.parse::<Signature>() {
        assert_eq!(signature.to_string(), line);
    }
    if let Ok(key) = line.parse::<PublicKey>() {
        assert_eq!(key.to_string(), line);
        let other = SecretKey::generate("other").expect("random bytes");
        assert!(!key.verify(b"message", &other.sign(b"message")));
    }
    if let Ok(key) = SecretKey::parse(line) {
        assert_eq!(key.expose(), line.trim_ascii_end());
        assert!(key.public().verify(b"message", &key.sign(b"message")));
    }
});
