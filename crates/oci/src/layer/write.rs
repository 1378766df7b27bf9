//! A layer's tar, in one pass.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::io::Write;

use snowbank_nix::store_path::StoreDir;

use super::LayerSpec;
use super::entries::Node;
use super::error::{LayerError, shown};
use super::key::order;
use super::output::Output;
use super::rules::Rules;
use super::stream::{Entry, Spec, Stream};
use crate::tree::{Tree, TreeError, Trees};

/// Bytes of a layer's renamed files that are held in memory to be sorted: names and contents of all of its paths.
pub const MAX_SORTED: usize = 24 << 20;

/// Renamed paths that are too large to be sorted and are read side by side.
const MAX_RENAMED: usize = 16;

/// Bytes of two files that are compared at once.
const COMPARED: usize = 64 << 10;

/// Writes the tar of a layer to `sink` and gives the sink back. It is byte for byte nix2container's for a store whose
/// modes are canonical.
///
/// Holds [`MAX_SORTED`] bytes at most, and what the trees hold that are open: one, where nothing is renamed.
///
/// # Errors
/// When a path cannot be read or is not what it should be, its options cannot be used, two different files would have one
/// name, or the sink fails.
pub fn write_layer<W: Write>(
    layer: &LayerSpec,
    dir: &StoreDir,
    trees: &dyn Trees,
    sink: W,
) -> Result<W, LayerError> {
    let specs = layer.paths.iter().map(|path| {
        let root = dir.display(&path.path);
        let rules = Rules::new(&path.options, &root)?;
        Ok(Spec { root: root.into_bytes(), rules, part: path.part.clone() })
    });
    let specs = specs.collect::<Result<Vec<_>, LayerError>>()?;
    write(&specs, &|at| trees.open(&layer.paths[at].path), sink)
}

/// Writes the tar of paths that lie anywhere.
pub(super) fn write<W: Write>(specs: &[Spec], open: Opener<'_>, sink: W) -> Result<W, LayerError> {
    let mut merge = Merge { specs, open, slots: Vec::new(), turns: BinaryHeap::new(), renamed: 0 };
    merge.begin()?;
    let mut output = Output::new(sink);
    while let Some(group) = merge.next()? {
        merge.write(&group, &mut output)?;
        for index in group {
            merge.advance(index)?;
        }
    }
    output.finish()
}

type Opener<'a> = &'a dyn Fn(usize) -> Result<Box<dyn Tree>, TreeError>;

/// The paths' files, each time those of the name that comes next.
struct Merge<'a> {
    specs: &'a [Spec],
    open: Opener<'a>,
    slots: Vec<Slot<'a>>,
    turns: BinaryHeap<Reverse<Turn>>,
    /// Renamed paths that are being read.
    renamed: usize,
}

#[derive(Default)]
struct Slot<'a> {
    /// None before a path's turn comes, and behind its end.
    stream: Option<Stream<'a>>,
    head: Option<Entry>,
    /// Whether it is one of the renamed paths that are being read.
    renamed: bool,
}

#[derive(PartialEq, Eq)]
struct Turn {
    key: Vec<u8>,
    index: usize,
}

impl Ord for Turn {
    fn cmp(&self, other: &Self) -> Ordering {
        order(&self.key, &other.key).then(self.index.cmp(&other.index))
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a> Merge<'a> {
    /// Finds out what each path begins with; only those that are renamed are opened for it.
    fn begin(&mut self) -> Result<(), LayerError> {
        let mut most = MAX_SORTED;
        for (index, spec) in self.specs.iter().enumerate() {
            let mut slot = Slot::default();
            let mut first = Some(super::key::clean(&spec.root));
            if spec.rules.renames() {
                slot.stream = spec.hold((self.open)(index)?, &mut most)?;
                slot.head = match &mut slot.stream {
                    Some(stream) => stream.next()?,
                    None => None,
                };
                first = match (&slot.stream, &slot.head) {
                    (Some(_), head) => head.as_ref().map(|head| head.key.clone()),
                    (None, _) => spec.stream((self.open)(index)?).next()?.map(|head| head.key),
                };
            }
            self.slots.push(slot);
            self.turns.extend(first.map(|key| Reverse(Turn { key, index })));
        }
        Ok(())
    }

    /// The paths whose next file has the name that comes next, in the layer's order; each is open.
    fn next(&mut self) -> Result<Option<Vec<usize>>, LayerError> {
        while let Some(Reverse(turn)) = self.turns.pop() {
            if self.slots[turn.index].head.is_none() {
                self.open(turn.index)?;
                continue;
            }
            let mut group = vec![turn.index];
            while let Some(Reverse(other)) = self.turns.peek()
                && other.key == turn.key
            {
                let index = other.index;
                self.turns.pop();
                if self.slots[index].head.is_some() {
                    group.push(index);
                } else {
                    self.open(index)?;
                }
            }
            group.sort_unstable();
            return Ok(Some(group));
        }
        Ok(None)
    }

    /// Begins to read a path.
    fn open(&mut self, index: usize) -> Result<(), LayerError> {
        let spec = &self.specs[index];
        let renamed = spec.rules.renames();
        self.renamed += usize::from(renamed);
        if self.renamed > MAX_RENAMED {
            return Err(LayerError::Renamed { most: MAX_RENAMED });
        }
        let stream = spec.stream((self.open)(index)?);
        self.slots[index] = Slot { stream: Some(stream), head: None, renamed };
        self.advance(index)
    }

    /// Goes on to a path's next file, and closes it at its end.
    fn advance(&mut self, index: usize) -> Result<(), LayerError> {
        let slot = &mut self.slots[index];
        slot.head = match &mut slot.stream {
            Some(stream) => stream.next()?,
            None => None,
        };
        match &slot.head {
            Some(head) => self.turns.push(Reverse(Turn { key: head.key.clone(), index })),
            None => {
                self.renamed -= usize::from(slot.renamed);
                *slot = Slot::default();
            }
        }
        Ok(())
    }

    /// Writes the file that the paths of a group have in common.
    fn write<W: Write>(&mut self, group: &[usize], output: &mut Output<W>) -> Result<(), LayerError> {
        let Some((&first, others)) = group.split_first() else { return Ok(()) };
        let Some(entry) = self.slots[first].head.take() else { return Ok(()) };
        for &index in others {
            let other = self.slots[index].head.as_ref();
            if let Some((other, difference)) = other.and_then(|other| Some((other, entry.difference(other)?)))
            {
                return Err(entry.conflict(other, difference));
            }
        }
        if !output.takes(&entry) {
            let path = shown(&self.specs[first].root);
            return Err(LayerError::Order { path, most: MAX_SORTED });
        }
        let size = if let Node::File { size, .. } = entry.node { size } else { 0 };
        output.entry(entry)?;
        if size > 0 {
            self.contents(first, others, output)?;
            output.pad(size)?;
        }
        Ok(())
    }

    fn contents<W: Write>(
        &mut self,
        first: usize,
        others: &[usize],
        output: &mut Output<W>,
    ) -> Result<(), LayerError> {
        if others.is_empty() {
            let Some(stream) = &mut self.slots[first].stream else { return Ok(()) };
            while let Some(bytes) = stream.contents()? {
                output.contents(bytes)?;
            }
            return Ok(());
        }
        let (mut bytes, mut more) = (vec![0; COMPARED], vec![0; COMPARED]);
        loop {
            let Some(stream) = &mut self.slots[first].stream else { return Ok(()) };
            let len = stream.fill(&mut bytes)?;
            for &index in others {
                let Slot { stream: Some(stream), head: Some(head), .. } = &mut self.slots[index] else {
                    continue;
                };
                let found = stream.fill(&mut more)?;
                if bytes[..len] != more[..found] {
                    return Err(output.conflict(head, "their contents differ"));
                }
            }
            if len == 0 {
                return Ok(());
            }
            output.contents(&bytes[..len])?;
        }
    }
}
