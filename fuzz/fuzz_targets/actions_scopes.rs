//! A claim is refused, or is what its scopes are written as; keys keep to their rules.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_actions::client::Token;
use snowbank_actions::keys::{lookup_keys, validate_key};
use snowbank_actions::scope::{Grant, Scopes};

fuzz_target!(|text: &str| {
    if let Ok(scopes) = Scopes::from_ac(text) {
        assert_eq!(Scopes::from_ac(&scopes.to_ac()).ok(), Some(scopes));
    }
    if let Ok(grant) = text.parse::<Grant>() {
        assert_eq!(grant.to_string().parse::<Grant>().ok(), Some(grant));
    }
    // A token is a claim in base64 between dots, and whatever else somebody sets a variable to.
    let _ = (Token::new(text).says(), Token::new(format!("x.{text}.x")).says());
    let mut keys = text.split(',');
    if let Ok(keys) = lookup_keys(keys.next().unwrap_or_default(), keys) {
        assert!(keys.len() <= 10 && keys.iter().all(|key| validate_key(key).is_ok()));
    }
});
