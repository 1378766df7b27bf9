//! What is read of a server's answer.

use proptest::prelude::*;
use prost::Message as _;
use snowbank_binary_cache::bulk::{Planned, RECORD, WireInfo};

use super::server::{chunk, last, record, row, stream};
use crate::pull::plan::{Plan, PlanError};
use crate::snapshot::samples;

/// A path of these chunks, told rightly.
fn told(number: u32, references: &[u32], chunks: &[u32]) -> Planned {
    let chunks: Vec<Vec<u8>> = chunks.iter().map(|&seed| chunk(seed)).collect();
    let mut info = samples::info(number, references);
    info.nar_size = chunks.iter().map(|chunk| chunk.len() as u64).sum();
    let frames = row(&chunks).into_iter().flat_map(|(entry, _)| record(&entry)).collect();
    Planned { info: Some(WireInfo::from(&info)), frames, ..Planned::default() }
}

fn refused(messages: &[Planned]) -> PlanError {
    Plan::decode(&stream(messages)).unwrap_err()
}

proptest! {
    #[test]
    fn what_a_server_tells_is_read(paths in prop::collection::btree_map(0..40_u32, prop::collection::vec(1..9_u32, 0..5), 0..12), end in any::<prop::sample::Index>()) {
        let mut messages: Vec<_> = paths.iter().map(|(&number, chunks)| told(number, &[], chunks)).collect();
        let elsewhere = vec![samples::name(50).to_string()];
        messages.push(Planned { elsewhere, absent: vec!["x".into()], ..last() });
        let bytes = stream(&messages);
        let plan = Plan::decode(&bytes).unwrap();
        prop_assert_eq!(plan.paths.len(), paths.len());
        for (&number, chunks) in &paths {
            prop_assert_eq!(plan.paths[&samples::name(number)].frames.len(), chunks.len());
        }
        prop_assert_eq!(plan.elsewhere, [samples::name(50)].into());
        // And nothing less than all of it.
        prop_assert!(Plan::decode(&bytes[..end.index(bytes.len())]).is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Plan::decode(&bytes);
    }

    #[test]
    fn a_changed_byte_never_panics(at in 0..1000_usize, value in any::<u8>()) {
        let mut bytes = stream(&[told(1, &[2], &[1, 2]), told(2, &[], &[3]), last()]);
        let at = at % bytes.len();
        bytes[at] = value;
        let _ = Plan::decode(&bytes);
    }
}

#[test]
fn a_list_of_frames_that_breaks_off_is_refused() {
    let mut path = told(1, &[], &[1, 2]);
    path.frames.truncate(RECORD + 7);
    assert!(matches!(refused(&[path, last()]), PlanError::Broken(_)));
}

#[test]
fn frames_must_make_the_archive_that_is_told_of() {
    let mut path = told(1, &[], &[1, 2]);
    path.frames.truncate(RECORD);
    assert!(matches!(refused(&[path, last()]), PlanError::Size { .. }));
}

#[test]
fn a_frame_of_no_length_or_of_an_absurd_one_is_refused() {
    for length in [0, u32::MAX] {
        for field in [RECORD - 8, RECORD - 4] {
            let mut path = told(1, &[], &[1]);
            path.frames[field..field + 4].copy_from_slice(&length.to_le_bytes());
            assert!(matches!(refused(&[path, last()]), PlanError::Frame { .. }), "{length} at {field}");
        }
    }
}

#[test]
fn a_path_is_told_of_once() {
    assert!(matches!(refused(&[told(1, &[], &[1]), told(1, &[], &[2]), last()]), PlanError::Twice(_)));
}

#[test]
fn nothing_follows_the_last_message() {
    assert!(matches!(refused(&[last(), told(1, &[], &[1])]), PlanError::Short));
    assert!(matches!(refused(&[told(1, &[], &[1])]), PlanError::Short));
    assert!(matches!(refused(&[]), PlanError::Short));
}

#[test]
fn a_server_that_gives_up_is_quoted() {
    let error = refused(&[Planned { failed: "too\x1bmany".into(), ..last() }]);
    assert_eq!(error.to_string(), "the server gave up: too\\u{1b}many");
}

#[test]
fn a_length_that_no_message_has_is_not_waited_for() {
    let mut bytes = Vec::new();
    prost::encode_length_delimiter(1 << 40, &mut bytes).unwrap();
    assert!(matches!(Plan::decode(&bytes), Err(PlanError::TooMuch)));
    assert!(matches!(Plan::decode(&[0xff; 11]), Err(PlanError::Message(_))));
    assert!(Planned::decode(&*told(1, &[], &[1]).encode_to_vec()).is_ok());
}
