use proptest::prelude::*;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::store::Realisation;

use super::wire::{self, Ask, Frame, Info, Realised};
use crate::snapshot::samples;

fn read(bytes: &[u8]) -> std::io::Result<Vec<Ask>> {
    let (mut from, mut asked) = (bytes, Vec::new());
    loop {
        match wire::read(&mut from, &mut [0; 16])? {
            Frame::Message(ask) => asked.push(ask),
            Frame::Data(_) => {}
            Frame::End => return Ok(asked),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_known_of_paths_comes_over_as_it_is(snapshot in samples::snapshot()) {
        let infos: Vec<Info> = snapshot.paths.values().map(|saved| Info::from(&saved.info)).collect();
        let realised: Vec<Realised> = snapshot.realisations.iter().map(Realised::from).collect();
        let asked = [Ask::Commit(infos), Ask::Realise(realised)];
        let mut bytes = Vec::new();
        asked.iter().for_each(|ask| wire::write_message(&mut bytes, ask).unwrap());
        let read = read(&bytes).unwrap();
        prop_assert_eq!(&read[..], &asked[..]);
        let [Ask::Commit(infos), Ask::Realise(realised)] = &read[..] else { panic!("{read:?}") };
        let infos: Vec<_> = infos.iter().map(|info| PathInfo::try_from(info).unwrap()).collect();
        prop_assert!(infos.iter().eq(snapshot.paths.values().map(|saved| &saved.info)));
        let realised: Vec<_> = realised.iter().map(|one| Realisation::try_from(one).unwrap()).collect();
        prop_assert_eq!(realised, snapshot.realisations);
    }

    #[test]
    fn data_comes_in_frames_of_a_bound(bytes: Vec<u8>, cut in 0..4096usize) {
        let mut sent = Vec::new();
        wire::write_data(&mut sent, &bytes).unwrap();
        let (mut from, mut buffer) = (&sent[..], vec![0; bytes.len()]);
        match wire::read::<Ask>(&mut from, &mut buffer).unwrap() {
            Frame::Data(length) => prop_assert_eq!(&buffer[..length], &bytes[..]),
            Frame::End => prop_assert!(bytes.is_empty()),
            Frame::Message(ask) => panic!("{ask:?}"),
        }
        // What breaks off is no frame, and neither is what does not fit.
        let cut = cut % sent.len().max(1);
        if cut > 0 {
            prop_assert!(wire::read::<Ask>(&mut &sent[..cut], &mut buffer).is_err());
        }
        if let Some(shorter) = bytes.len().checked_sub(1) {
            prop_assert!(wire::read::<Ask>(&mut &sent[..], &mut vec![0; shorter]).is_err());
        }
    }

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes: Vec<u8>) {
        let _ = read(&bytes);
    }
}

#[test]
fn a_message_that_lies_about_its_length_takes_no_room() {
    let mut bytes = vec![1];
    bytes.extend((64u32 << 20).to_le_bytes());
    bytes.extend(b"{}");
    let error = read(&bytes).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}
