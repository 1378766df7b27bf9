//! Answers that are not believed, and what is told of NARs.

use std::collections::HashMap;

use proptest::prelude::*;
use prost::Message as _;
use snowbank_binary_cache::bulk::{Known, Missing, Source, source};
use snowbank_cas::id::{ChunkHash, ObjectHash};
use snowbank_nix::hash::NarHash;
use snowbank_nix::path_info::PathInfo;

use super::missing::Lacking;
use super::nars::{self, Made};
use super::{PushError, WAVE, waves};
use crate::snapshot::Recipe;
use crate::snapshot::samples::info;

fn nar_source(seed: &[u8]) -> Source {
    Source { of: Some(source::Of::Nar(NarHash::of(seed).bytes().to_vec())) }
}

fn known(seed: &[u8], chunks: &[&[u8]]) -> Known {
    let chunks = chunks.iter().flat_map(|chunk| *ChunkHash::of(chunk).as_bytes()).collect();
    Known { source: Some(nar_source(seed)), chunks }
}

fn decode(answer: &Missing, offered: usize) -> Result<Lacking, PushError> {
    Lacking::decode(&answer.encode_to_vec(), offered)
}

#[test]
fn places_are_of_what_was_offered() {
    let answer = Missing { nars: vec![2, 0], infos: vec![1], known: vec![known(b"n", &[b"a", b"b"])] };
    let lacking = decode(&answer, 3).unwrap();
    assert_eq!((lacking.nars, lacking.infos), (vec![2, 0], vec![1]));
    assert_eq!(lacking.sources.places()[&ChunkHash::of(b"b")], (0, 1));
    let short = Known { chunks: vec![0; 33], ..known(b"n", &[]) };
    let nowhere = Known { source: None, ..known(b"n", &[b"a"]) };
    let half = Known { source: Some(Source { of: Some(source::Of::Pack(vec![0; 31])) }), chunks: vec![] };
    for wrong in [
        Missing { nars: vec![3], ..answer.clone() },
        Missing { nars: vec![1], ..answer.clone() },
        Missing { nars: vec![0, 0], infos: vec![], ..answer.clone() },
        Missing { known: vec![short], ..answer.clone() },
        Missing { known: vec![nowhere], ..answer.clone() },
        Missing { known: vec![half], ..answer },
    ] {
        assert!(decode(&wrong, 3).is_err(), "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn any_answer_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), offered in 0usize..5) {
        if let Ok(lacking) = Lacking::decode(&bytes, offered) {
            prop_assert!(lacking.nars.iter().chain(&lacking.infos).all(|&at| at < offered));
        }
    }

    #[test]
    fn waves_are_all_paths_in_order(sizes in prop::collection::vec(0..WAVE * 2, 0..20)) {
        let infos: Vec<PathInfo> =
            sizes.iter().map(|&nar_size| PathInfo { nar_size, ..info(1, &[]) }).collect();
        let all: Vec<&PathInfo> = infos.iter().collect();
        let waves: Vec<_> = waves(&all).collect();
        prop_assert_eq!(&waves.concat(), &all);
        for wave in waves.iter().rev().skip(1) {
            let bytes = |infos: &[&PathInfo]| infos.iter().map(|info| info.nar_size).sum::<u64>();
            prop_assert!(bytes(wave) >= WAVE && bytes(&wave[..wave.len() - 1]) < WAVE);
        }
    }
}

fn made(seed: u8, size: u64, frames: &[(u32, u32)]) -> Made {
    let mut recipe = Recipe::default();
    frames.iter().for_each(|&(pack, frame)| recipe.push(pack, frame));
    Made { hash: NarHash::of(&[seed]), size, recipe }
}

#[test]
fn a_message_names_each_source_once() {
    let answer = Missing { known: vec![known(b"n", &[b"a"])], ..Missing::default() };
    let sources = decode(&answer, 0).unwrap().sources;
    let pack = ObjectHash::of(b"pack");
    let sent = HashMap::from([(1, pack)]);
    let nars = [made(1, 10, &[(1, 4), (1, 5), (0, 0)]), made(2, 10, &[(0, 0), (1, 9)])];
    let message = nars::message(&nars, &sources, &sent).unwrap();
    let of_pack = Source { of: Some(source::Of::Pack(pack.as_bytes().to_vec())) };
    assert_eq!(message.sources, [nar_source(b"n"), of_pack]);
    let runs = |nar: usize| {
        let runs = message.nars[nar].runs.iter();
        runs.map(|run| (run.source, run.first, run.count)).collect::<Vec<_>>()
    };
    assert_eq!((runs(0), runs(1)), (vec![(1, 4, 2), (0, 0, 1)], vec![(0, 0, 1), (1, 9, 1)]));
    // A pack that was never sent.
    assert!(nars::message(&[made(3, 1, &[(7, 0)])], &sources, &sent).is_none());
}

#[test]
fn much_is_told_in_several_messages() {
    let nars: Vec<_> = [60 << 20, 3 << 20, 2 << 20, 900 << 20, 1].map(|size| made(1, size, &[(0, 0)])).into();
    let counts: Vec<_> = nars::batches(nars).iter().map(Vec::len).collect();
    assert_eq!(counts, [2, 1, 1, 1]);
}
