//! Which store paths of a closure go into which layer.
//!
//! A push sends the layers that have changed, so **a path never moves because another one has changed**: its place is a
//! function of itself.
//!
//! 1. Groups that somebody asked for by name take what they match, the first that does.
//! 2. A path over the cap is split into parts, each of them a layer.
//! 3. A large path is alone in its layer. What is large is what has at least so many bytes that the layers suffice: the smallest
//!    power of two, from 64 KiB on. Only when that moves does a path move with it: when a changed path itself crosses
//!    it, or paths came or went. Finer steps would move it more often and were measured to cost more.
//! 4. Small paths share layers by how often they change (their class) and a hash of the package's name; half of
//!    all layers are for them, and those that would be empty are left to large paths.
//!
//! Layers are put together only when caps, parts or names have made too many.
//!
//! Sizes are those of NARs, which are known beforehand; a tar has up to a kilobyte more for each file.

mod class;
mod fold;
mod member;
mod pattern;
mod shared;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
};

use snowbank_nix::{closure::Closure, store_path::StorePath};

pub use pattern::{Pattern, PatternError};

use crate::{
    layer::{LayerSpec, Part},
    package::Package,
};
use member::{Group, Member};
use shared::Slot;

/// Layers that an image has at most, unless somebody says otherwise. Runtimes take 125 or so.
pub const MAX_LAYERS: usize = 64;

/// Bytes of a layer's tar at most, unless somebody says otherwise.
pub const CAP: u64 = 1_000_000_000;

/// Layers that may be asked for.
const ALLOWED: std::ops::RangeInclusive<usize> = 1..=1000;

/// Bytes from which on a path may be large.
const SMALLEST: u64 = 1 << 16;

/// A layer as planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedGroup {
    /// What it is called where people see it. Two may be called the same.
    pub name: String,
    /// What is in it.
    pub layer: LayerSpec,
}

/// Why a path cannot be split.
pub type PartsError = Box<dyn Error + Send + Sync>;

/// Splits a path into parts whose tars have at most so many bytes each; a single file that is larger is a part by itself.
pub type Parts<'a> = dyn Fn(&StorePath, u64) -> Result<Vec<Part>, PartsError> + 'a;

/// How a closure is planned.
pub struct PlanOptions<'a> {
    /// Layers at most, 1 to 1000.
    pub max_layers: usize,
    /// Bytes of a layer's tar at most.
    pub cap: u64,
    /// Groups by hand: their names and what is in them. A path is in the first that matches it.
    pub named: Vec<(String, Vec<Pattern>)>,
    /// How a path that is larger than the cap is split.
    pub parts: &'a Parts<'a>,
}

/// Why a closure cannot be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Too few or too many layers are asked for.
    #[error("an image has 1 to 1000 layers, not {0}; 125 is the most that all runtimes take")]
    Layers(usize),
    /// More groups are asked for by name than layers.
    #[error(
        "{named} layers are asked for by name, and at most {most} in all: allow more layers, or name fewer"
    )]
    Named {
        /// Layers of the groups that were named, each at least one.
        named: usize,
        /// Layers at most.
        most: usize,
    },
    /// The layers do not hold the closure.
    #[error(
        "the image's {size} bytes need {needed} layers of at most {cap} bytes, and at most {most} are allowed: \
         allow more layers, or larger ones"
    )]
    Size {
        /// Bytes of all paths.
        size: u64,
        /// Layers that it takes.
        needed: usize,
        /// Bytes of a layer at most.
        cap: u64,
        /// Layers at most.
        most: usize,
    },
    /// A path over the cap cannot be split.
    #[error("cannot split {}, which is larger than a layer may be", .path.base_name())]
    Parts {
        /// The path.
        path: StorePath,
        /// Why.
        #[source]
        source: PartsError,
    },
}

/// The layers of a closure, from the one that changes least often to the one that changes most: each path in one of them, or
/// in parts; the same for the same closure and options.
///
/// # Errors
/// When the layers do not suffice, or a path that is too large cannot be split.
pub fn plan(closure: &Closure, options: &PlanOptions<'_>) -> Result<Vec<PlannedGroup>, PlanError> {
    if !ALLOWED.contains(&options.max_layers) {
        return Err(PlanError::Layers(options.max_layers));
    }
    let most = options.max_layers;
    let (named, free) = by_name(closure, &options.named);
    let mut groups = Vec::new();
    for ((name, _), members) in options.named.iter().zip(named) {
        let (over, fitting) = members.into_iter().partition(|member| member.size > options.cap);
        let mut group = in_parts(over, options)?;
        let halves = if fitting.is_empty() { Vec::new() } else { shared::halve(fitting, options.cap) };
        let many = halves.len() > 1;
        group.extend(halves.iter().enumerate().map(|(at, half)| {
            let shown = if many { format!("{name} ({})", at + 1) } else { name.clone() };
            Group::of(half, name.clone(), at, shown)
        }));
        groups.extend(group.into_iter().map(|group| Group { named: true, ..group }));
    }
    if groups.len() > most {
        return Err(PlanError::Named { named: groups.len(), most });
    }
    let (over, fitting) = free.into_iter().partition(|member| member.size > options.cap);
    groups.extend(in_parts(over, options)?);
    groups.extend(by_size(fitting, most, groups.len(), options.cap));
    if groups.len() > most && !fold::fold(&mut groups, most, options.cap) {
        return Err(PlanError::Size {
            size: closure.nar_size(),
            needed: groups.len(),
            cap: options.cap,
            most,
        });
    }
    groups.sort_by(|one, other| one.place.cmp(&other.place));
    Ok(groups.into_iter().map(PlannedGroup::from).collect())
}

/// Those of the patterns that match nothing in a closure, each as the name of its group and its place there: whoever wrote them
/// should be told.
#[must_use]
pub fn unmatched<'a>(closure: &Closure, named: &'a [(String, Vec<Pattern>)]) -> Vec<(&'a str, &'a Pattern)> {
    let patterns =
        named.iter().flat_map(|(name, patterns)| patterns.iter().map(move |one| (name.as_str(), one)));
    patterns.filter(|(_, pattern)| !closure.iter().any(|info| pattern.matches(&info.path))).collect()
}

/// The paths of each named group, and the rest.
fn by_name<'a>(
    closure: &'a Closure,
    named: &[(String, Vec<Pattern>)],
) -> (Vec<Vec<Member<'a>>>, Vec<Member<'a>>) {
    let (mut groups, mut free) = (vec![Vec::new(); named.len()], Vec::new());
    for (info, class) in closure.iter().zip(class::classes(closure)) {
        let package = Package::of_name(info.path.name()).name;
        let member = Member { info, size: info.nar_size, class, package };
        let group = named.iter().position(|(_, patterns)| patterns.iter().any(|one| one.matches(&info.path)));
        group.map_or(&mut free, |at| &mut groups[at]).push(member);
    }
    (groups, free)
}

/// A layer for each part of paths that are over the cap.
fn in_parts(over: Vec<Member<'_>>, options: &PlanOptions<'_>) -> Result<Vec<Group>, PlanError> {
    let mut groups = Vec::new();
    for member in over {
        let path = &member.info.path;
        let parts = (options.parts)(path, options.cap)
            .map_err(|source| PlanError::Parts { path: path.clone(), source })?;
        let count = parts.len().max(1);
        let parts = if parts.is_empty() { vec![Part::default()] } else { parts };
        groups.extend(parts.into_iter().enumerate().map(|(at, part)| Group::part(&member, part, at, count)));
    }
    Ok(groups)
}

/// The layers of paths that fit into one each, where `taken` of at most `most` layers are no longer to be had.
fn by_size(members: Vec<Member<'_>>, most: usize, taken: usize, cap: u64) -> Vec<Group> {
    let slots = (most / 2).max(1);
    let threshold = threshold(&members, slots, most.saturating_sub(taken));
    let (large, small): (Vec<_>, Vec<_>) =
        members.into_iter().partition(|member| threshold.is_some_and(|threshold| member.size >= threshold));
    let mut groups: Vec<_> = large.iter().map(Group::alone).collect();
    let mut shared: BTreeMap<Slot, Vec<Member<'_>>> = BTreeMap::new();
    for member in small {
        shared.entry(Slot::of(&member, slots)).or_default().push(member);
    }
    for (slot, members) in shared {
        let name = format!("shared-{}-{}", 1_u64 << slot.class, slot.of_class + 1);
        let halves = shared::halve(members, cap);
        groups.extend(
            halves.iter().enumerate().map(|(at, half)| Group::of(half, name.clone(), at, name.clone())),
        );
    }
    groups
}

/// The bytes from which on a path is large: so that there are no more than `layers` leave where each of the slots that any
/// path has, however large it is, is a layer. So what is large decides nothing about the slots. None where no path may be.
fn threshold(members: &[Member<'_>], slots: usize, layers: usize) -> Option<u64> {
    let used: BTreeSet<Slot> = members.iter().map(|member| Slot::of(member, slots)).collect();
    let most = layers.saturating_sub(used.len());
    let mut sizes: Vec<u64> = members.iter().map(|member| member.size).collect();
    sizes.sort_unstable();
    let fits = |bytes: &u64| sizes.len() - sizes.partition_point(|size| size < bytes) <= most;
    std::iter::successors(Some(SMALLEST), |bytes| bytes.checked_mul(2)).find(fits)
}
