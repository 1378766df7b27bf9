//! Trees in memory, and NARs by hand.

use std::collections::BTreeMap;

use proptest::prelude::*;
use snowbank_nix::nar::{Event, NarError, Parser, Reader, Writer};

/// A tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    File { executable: bool, content: Vec<u8> },
    Symlink(Vec<u8>),
    Directory(BTreeMap<Vec<u8>, Tree>),
}

impl Tree {
    pub(crate) fn file(content: &[u8]) -> Self {
        Self::File { executable: false, content: content.to_vec() }
    }

    pub(crate) fn directory<'a>(entries: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        Self::Directory(entries.into_iter().map(|(name, tree)| (name.as_bytes().to_vec(), tree)).collect())
    }

    /// The NAR, as our writer writes it.
    pub(crate) fn nar(&self) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new()).unwrap();
        self.write(&mut writer);
        writer.finish().unwrap()
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) {
        match self {
            Self::File { executable, content } => {
                let (executable, size) = (*executable, content.len() as u64);
                writer.event(&Event::File { executable, size }).unwrap();
                for bytes in content.chunks(1000) {
                    writer.event(&Event::Contents(bytes)).unwrap();
                }
            }
            Self::Symlink(target) => writer.event(&Event::Symlink(target)).unwrap(),
            Self::Directory(entries) => {
                writer.event(&Event::Directory).unwrap();
                for (name, tree) in entries {
                    writer.event(&Event::Entry(name)).unwrap();
                    tree.write(writer);
                }
                writer.event(&Event::DirectoryEnd).unwrap();
            }
        }
    }

    /// The tree that a reader finds in `nar`.
    pub(crate) fn read(nar: &[u8]) -> Self {
        let mut reader = Reader::new(nar);
        let tree = Self::read_from(&mut reader);
        assert_eq!(reader.next_event().unwrap(), None);
        assert_eq!(reader.offset(), nar.len() as u64);
        tree
    }

    fn read_from(reader: &mut Reader<&[u8]>) -> Self {
        match reader.next_event().unwrap().unwrap() {
            Event::File { executable, size } => {
                let mut content = Vec::new();
                while content.len() as u64 != size {
                    let Some(Event::Contents(bytes)) = reader.next_event().unwrap() else {
                        panic!("content is missing")
                    };
                    content.extend_from_slice(bytes);
                }
                Self::File { executable, content }
            }
            Event::Symlink(target) => Self::Symlink(target.to_vec()),
            Event::Directory => {
                let mut entries = BTreeMap::new();
                loop {
                    match reader.next_event().unwrap().unwrap() {
                        Event::DirectoryEnd => return Self::Directory(entries),
                        Event::Entry(name) => {
                            let name = name.to_vec();
                            entries.insert(name, Self::read_from(reader));
                        }
                        event => panic!("{event:?}"),
                    }
                }
            }
            event => panic!("{event:?}"),
        }
    }
}

/// Parses `nar` in slices of at most `slice` bytes and writes the events again.
pub(crate) fn rewrite(nar: &[u8], slice: usize) -> Result<Vec<u8>, NarError> {
    let mut parser = Parser::new();
    let mut writer = Writer::new(Vec::new()).unwrap();
    for mut slice in nar.chunks(slice) {
        while let Some(event) = parser.next_event(&mut slice)? {
            writer.event(&event).unwrap();
        }
        assert!(slice.is_empty());
    }
    parser.finish()?;
    Ok(writer.finish().unwrap())
}

/// A string of a NAR.
pub(crate) fn string(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let mut string = (bytes.len() as u64).to_le_bytes().to_vec();
    string.extend_from_slice(bytes);
    string.resize(string.len().next_multiple_of(8), 0);
    string
}

/// The strings of a NAR, one behind the other.
pub(crate) fn strings(words: &[&str]) -> Vec<u8> {
    words.iter().flat_map(string).collect()
}

/// Any tree of a few files, whose names try the order.
pub(crate) fn trees() -> impl Strategy<Value = Tree> {
    let content =
        prop_oneof![prop::collection::vec(any::<u8>(), 0..40), (0usize..3000).prop_map(|len| vec![7; len])];
    let leaf = prop_oneof![
        4 => (any::<bool>(), content).prop_map(|(executable, content)| Tree::File { executable, content }),
        1 => prop::collection::vec(1..=u8::MAX, 1..40).prop_map(Tree::Symlink),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop::collection::btree_map(names(), inner, 0..6).prop_map(Tree::Directory)
    })
}

/// Names of every byte that Nix allows.
fn names() -> impl Strategy<Value = Vec<u8>> {
    let any_bytes = prop::collection::vec(1..=u8::MAX, 1..12)
        .prop_map(|name| name.into_iter().filter(|&byte| byte != b'/').collect::<Vec<_>>());
    let similar = "[aA.\\-]{1,4}".prop_map(String::into_bytes);
    prop_oneof![any_bytes, similar]
        .prop_filter("a name", |name| !matches!(name.as_slice(), b"" | b"." | b".."))
}
