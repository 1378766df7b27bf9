//! A signed URL opens what it was signed for, and no other does.
#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use libfuzzer_sys::fuzz_target;
use snowbank_actions::query::Query;
use snowbank_server::service::{Direction, UrlSigner};

const SIGNED: i64 = 7;

static SIGNER: LazyLock<UrlSigner> = LazyLock::new(|| UrlSigner::new(&[7; 32]));
static QUERY: LazyLock<String> = LazyLock::new(|| {
    let url = SIGNER.sign(Direction::Upload, SIGNED, SystemTime::now() + Duration::from_secs(100_000));
    url.split_once('?').expect("a query").1.to_owned()
});

fn opens(direction: Direction, id: i64, query: &str) -> bool {
    let query = Query::new(query);
    let parameter = |name| query.literal(name).unwrap_or_default();
    SIGNER.check(direction, id, &parameter("se"), &parameter("sig")).is_ok()
}

fuzz_target!(|input: (bool, i64, &str, u16, u8)| {
    let (upload, id, text, at, flip) = input;
    let direction = if upload { Direction::Upload } else { Direction::Download };
    let right = upload && id == SIGNED;
    assert!(opens(Direction::Upload, SIGNED, &QUERY));
    assert_eq!(opens(direction, id, &QUERY), right);
    assert!(!opens(direction, id, text));
    assert!(SIGNER.check(direction, id, text, text).is_err());
    // What stands before does not matter, unless it is the same parameter.
    if !text.contains(['s', '%']) {
        assert_eq!(opens(direction, id, &format!("{text}&{}", *QUERY)), right);
    }
    let mut changed = QUERY.clone().into_bytes();
    let at = usize::from(at) % changed.len();
    changed[at] ^= flip;
    // A signature is hexadecimal, in either case.
    if let Ok(changed) = String::from_utf8(changed)
        && !changed.eq_ignore_ascii_case(&QUERY)
    {
        assert!(!opens(Direction::Upload, SIGNED, &changed), "{changed}");
    }
});
