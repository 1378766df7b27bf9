//! What the helper is asked is understood or refused, in bounded memory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_client::restore::writer::helper::wire::{Ask, Frame, Info, read};
use snowbank_nix::path_info::PathInfo;

fuzz_target!(|bytes: &[u8]| {
    let (mut from, mut buffer) = (bytes, [0; 64]);
    loop {
        match read::<Ask>(&mut from, &mut buffer) {
            Ok(Frame::Message(Ask::Commit(infos))) => {
                for info in &infos {
                    if let Ok(known) = PathInfo::try_from(info) {
                        assert_eq!(PathInfo::try_from(&Info::from(&known)).unwrap(), known);
                    }
                }
            }
            Ok(Frame::Message(_) | Frame::Data(_)) => {}
            Ok(Frame::End) | Err(_) => return,
        }
    }
});
