//! A path as planning sees it, and a layer to be.

use snowbank_nix::path_info::PathInfo;

use crate::layer::{LayerPath, LayerSpec, Part, PathOptions};

use super::PlannedGroup;

/// A path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    pub(super) info: &'a PathInfo,
    /// Bytes of its NAR, which its tar has too but for a kilobyte or less a file.
    pub(super) size: u64,
    pub(super) class: usize,
    pub(super) package: &'a str,
}

impl Member<'_> {
    fn whole(&self) -> LayerPath {
        self.part(None)
    }

    fn part(&self, part: Option<Part>) -> LayerPath {
        LayerPath {
            path: self.info.path.clone(),
            nar_hash: Some(self.info.nar_hash),
            options: PathOptions::default(),
            part,
        }
    }
}

/// A layer to be.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) place: Place,
    pub(super) size: u64,
    pub(super) paths: Vec<LayerPath>,
    pub(super) name: String,
    /// Whether somebody asked for it by name: it is not put together with others.
    pub(super) named: bool,
}

/// Where a layer stands among the others. What changes seldom stands first: whoever unpacks an image does so anew from the first
/// layer on that has changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// The class of its paths, the highest of them.
    pub(super) class: usize,
    /// One path changes less often than any of many.
    pub(super) shared: bool,
    /// A name that stays when a version changes.
    pub(super) package: String,
    /// Which of several.
    pub(super) number: usize,
    /// What tells two of one name apart.
    pub(super) first: String,
}

impl Group {
    /// Whole paths.
    pub(super) fn of(members: &[Member<'_>], package: String, number: usize, name: String) -> Self {
        let first = members.iter().map(|member| member.info.path.base_name()).min().unwrap_or_default();
        let place = Place {
            class: members.iter().map(|member| member.class).max().unwrap_or_default(),
            shared: members.len() > 1,
            package,
            number,
            first: first.to_owned(),
        };
        let size = members.iter().fold(0, |sum: u64, member| sum.saturating_add(member.size));
        Self { place, size, paths: members.iter().map(Member::whole).collect(), name, named: false }
    }

    /// A path alone.
    pub(super) fn alone(member: &Member<'_>) -> Self {
        Self::of(&[*member], member.package.to_owned(), 0, member.info.path.name().to_owned())
    }

    /// One of the parts of a path.
    pub(super) fn part(member: &Member<'_>, part: Part, number: usize, count: usize) -> Self {
        let mut group = Self::alone(member);
        if count > 1 {
            group.size = member.size / count as u64;
            group.paths = vec![member.part(Some(part))];
            group.place.number = number;
            group.name = format!("{} ({} of {count})", group.name, number + 1);
        }
        group
    }

    /// Takes in another.
    pub(super) fn join(&mut self, other: Self) {
        self.size = self.size.saturating_add(other.size);
        self.paths.extend(other.paths);
        self.place = self.place.clone().max(other.place);
        self.place.shared = true;
        "mixed".clone_into(&mut self.name);
    }
}

impl From<Group> for PlannedGroup {
    fn from(mut group: Group) -> Self {
        group.paths.sort_by(|one, other| {
            let from = |path: &LayerPath| path.part.as_ref().and_then(|part| part.from.clone());
            one.path.cmp(&other.path).then_with(|| from(one).cmp(&from(other)))
        });
        Self { name: group.name, layer: LayerSpec { paths: group.paths } }
    }
}
