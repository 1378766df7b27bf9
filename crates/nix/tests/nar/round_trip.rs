//! Any tree comes back, however its bytes are sliced.

use proptest::prelude::*;
use snowbank_nix::nar::{dump, restore};

use crate::support::{Tree, rewrite, trees};

proptest! {
    #[test]
    fn a_tree_comes_back_from_its_nar(tree in trees(), slice in 1usize..100) {
        let nar = tree.nar();
        prop_assert_eq!(&Tree::read(&nar), &tree);
        prop_assert_eq!(rewrite(&nar, slice), Ok(nar));
    }

    #[test]
    fn a_tree_comes_back_from_a_file_system(tree in trees()) {
        let folder = tempfile::tempdir().unwrap();
        let (nar, path) = (tree.nar(), folder.path().join("tree"));
        restore(nar.as_slice(), &path).unwrap();
        prop_assert_eq!(dump(&path, Vec::new()).unwrap(), nar);
    }

    #[test]
    fn what_was_changed_is_another_tree_or_none(tree in trees(), at: prop::sample::Index, to: u8, slice in 1usize..100) {
        let mut nar = tree.nar();
        let at = at.index(nar.len());
        nar[at] = to;
        match rewrite(&nar, nar.len()) {
            Ok(again) => prop_assert_eq!(again, nar),
            Err(error) => prop_assert_eq!(rewrite(&nar, slice), Err(error)),
        }
    }

    #[test]
    fn what_is_cut_off_is_no_tree(tree in trees(), at: prop::sample::Index) {
        let nar = tree.nar();
        prop_assert!(rewrite(&nar[..at.index(nar.len())], 50).is_err());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = rewrite(&bytes, 7);
    }
}
