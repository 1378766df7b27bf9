//! The tars that nix2container's own tests have digests of.

use snowbank_nix::hash::NarHash;
use snowbank_nix::nar::{Event, Writer};

use super::stream::Spec;
use super::*;
use crate::digest::Digest;
use crate::layer::rules::Rules;
use crate::tree::{NarTree, Tree};

fn nar(events: &[Event<'_>]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new()).unwrap();
    events.iter().for_each(|event| writer.event(event).unwrap());
    writer.finish().unwrap()
}

/// The tar of a path that lies at `root`, whose files get the modes of the expressions that match them.
fn tar(root: &str, modes: &[(&str, &str)], events: &[Event<'_>]) -> (usize, String) {
    let perm = |&(regex, mode): &(&str, &str)| Perm {
        regex: regex.to_owned(),
        mode: mode.to_owned(),
        ..Perm::default()
    };
    let options = PathOptions { perms: modes.iter().map(perm).collect(), ..PathOptions::default() };
    let spec = Spec { root: root.into(), rules: Rules::new(&options, root).unwrap(), part: None };
    let nar = nar(events);
    let path: StorePath = "xv2iccirbrvklck36f1g7vldn5v58vck-a".parse().unwrap();
    let open = |_| {
        let (hash, size) = (NarHash::of(&nar), nar.len() as u64);
        let tree = NarTree::new(path.clone(), std::io::Cursor::new(nar.clone()), hash, size);
        Ok(Box::new(tree) as Box<dyn Tree>)
    };
    let tar = write::write(&[spec], &open, Vec::new()).unwrap();
    (tar.len(), Digest::of(&tar).hex())
}

#[test]
fn the_tars_of_nix2container_are_made() {
    let empty = [Event::File { executable: false, size: 0 }];
    let file1 = "cc45bd46eca903b0900ebb997dffd5778904dca9ec02e7375dd1e653dfb61e2e";
    assert_eq!(tar("../data/layer1/file1", &[("", "0644")], &empty), (3072, file1.to_owned()));
    let file1 = "adf74a52f9e1bcd7dab77193455fa06743b979cf5955148010e5becedba4f72d";
    assert_eq!(tar("../data/layer1/file1", &[("file1", "0641")], &empty), (3072, file1.to_owned()));

    let directory = [
        Event::Directory,
        Event::Entry(b"file1"),
        Event::File { executable: false, size: 13 },
        Event::Contents(b"content file1"),
        Event::Entry(b"symlink"),
        Event::Symlink(b"file1"),
        Event::DirectoryEnd,
    ];
    let modes = [("", "0755"), ("file1", "0644"), ("symlink", "0777")];
    let wanted = "1ea63d00b937dc24c711265b80444cc9e7e63751fb7f349b160be61d31381983";
    assert_eq!(tar("../data/tar-directory", &modes, &directory), (4096, wanted.to_owned()));
}
