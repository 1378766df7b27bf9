//! Which of the small paths share a layer.

use sha2::{Digest as _, Sha256};

use super::{class::CLASSES, member::Member};

/// One of the layers that small paths share: the class, or the first of them, and which of its layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub(super) class: usize,
    pub(super) of_class: u64,
}

impl Slot {
    /// The slot of a path where there are `slots` of them. It follows from the two alone.
    pub(super) fn of(member: &Member<'_>, slots: usize) -> Self {
        let slots = slots.max(1);
        if slots < CLASSES {
            // Classes beside each other share: this is the first that has the same slot.
            let slot = member.class * slots / CLASSES;
            return Self { class: (slot * CLASSES).div_ceil(slots), of_class: 0 };
        }
        // What does not divide evenly goes to the classes in the middle, where most paths are.
        let (each, left) = (slots / CLASSES, slots % CLASSES);
        let first = (CLASSES - left) / 2;
        let more = u64::from((first..first + left).contains(&member.class));
        Self { class: member.class, of_class: name_hash(member) % (each as u64 + more) }
    }
}

/// The beginning of a hash of the package's name, which stays the same when its version changes.
fn name_hash(member: &Member<'_>) -> u64 {
    first(member.package.as_bytes())
}

fn first(text: &[u8]) -> u64 {
    let hash: [u8; 32] = Sha256::digest(text).into();
    hash.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// Halves what takes more than `cap` bytes until nothing does, or it is one path: by a hash of the packages' names, and
/// those of one name by the paths. So none moves between halves because another has changed.
pub(super) fn halve(members: Vec<Member<'_>>, cap: u64) -> Vec<Vec<Member<'_>>> {
    let mut done = Vec::new();
    let mut waiting = vec![(members, 0)];
    while let Some((members, depth)) = waiting.pop() {
        let size = members.iter().fold(0, |sum: u64, member| sum.saturating_add(member.size));
        if members.len() < 2 || size <= cap || depth == DEPTH {
            done.push(members);
            continue;
        }
        let (ones, zeros): (Vec<_>, Vec<_>) = members.into_iter().partition(|member| bit(member, depth));
        waiting
            .extend([ones, zeros].into_iter().filter(|half| !half.is_empty()).map(|half| (half, depth + 1)));
    }
    done
}

/// Bits by which paths are told apart.
const DEPTH: u32 = 128;

fn bit(member: &Member<'_>, depth: u32) -> bool {
    // Slots are chosen by the remainder, so the first bits are still as good as any.
    let hash = if depth < 64 { name_hash(member) } else { first(member.info.path.base_name().as_bytes()) };
    hash >> (63 - depth % 64) & 1 == 1
}
