//! A configuration file is refused, or says the same when it is written down again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_server::settings::{ByteSize, Settings, Span};

fuzz_target!(|text: &str| {
    if let Ok(settings) = toml::from_str::<Settings>(text) {
        let _ = settings.chunks.params();
        // TOML has no integers beyond those of 63 bits.
        if let Ok(written) = toml::to_string(&settings) {
            assert!(toml::from_str::<Settings>(&written) == Ok(settings), "{written}");
        }
    }
    if let Ok(size) = text.parse::<ByteSize>() {
        assert!(size.to_string().parse::<ByteSize>().is_ok_and(|again| again == size));
    }
    if let Ok(span) = text.parse::<Span>() {
        assert!(span.to_string().parse::<Span>().is_ok_and(|again| again == span));
    }
});
