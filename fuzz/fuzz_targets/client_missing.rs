//! What a server answers to the question for what is missing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_client::push::Lacking;

fuzz_target!(|input: (u8, &[u8])| {
    let (offered, answer) = (usize::from(input.0), input.1);
    let Ok(lacking) = Lacking::decode(answer, offered) else { return };
    assert!(lacking.nars.iter().chain(&lacking.infos).all(|&place| place < offered));
});
