//! Which limits hold: what was set while the server runs, over what the configuration says.
//!
//! What was set for a repository comes first, then what the configuration says of it, then what was set for its
//! owner, then for the server, then the configuration's `limits`. None of it exceeds what was set above it: the
//! owner's value, and the server's, in whose place for sizes its maximum stands if one is set.

use std::collections::HashMap;
use std::time::Duration;

use snowbank_catalog::rooms::{LimitChange, LimitKind, SetLimit};

use super::LimitsOn;
use crate::settings::{ByteSize, Limits, Settings, Span};

/// All that decides limits.
pub(in crate::service) struct Cascade<'a> {
    settings: &'a Settings,
    set: HashMap<(String, LimitKind), u64>,
}

/// The name of the whole server.
const SERVER: &str = "";

impl<'a> Cascade<'a> {
    /// Of the configuration and what was set.
    pub(in crate::service) fn new(settings: &'a Settings, set: Vec<SetLimit>) -> Self {
        let set = set.into_iter().map(|limit| ((limit.name, limit.kind), limit.value));
        Self { settings, set: set.collect() }
    }

    /// The same once these changes are made.
    pub(super) fn apply(&mut self, changes: &[LimitChange]) {
        for LimitChange { name, kind, value } in changes {
            let place = (name.to_ascii_lowercase(), *kind);
            match value {
                Some(value) => self.set.insert(place, *value),
                None => self.set.remove(&place),
            };
        }
    }

    /// The limits of a repository.
    pub(in crate::service) fn of_repository(&self, name: &str) -> Limits {
        let value = |kind| self.value(&LimitsOn::Repository(name.to_owned()), kind);
        Limits {
            size: ByteSize(value(LimitKind::Size)),
            retention: Span(Duration::from_millis(value(LimitKind::Retention))),
            ..self.settings.limits_of(name)
        }
    }

    /// What holds, in bytes or milliseconds.
    pub(super) fn value(&self, on: &LimitsOn, kind: LimitKind) -> u64 {
        if kind == LimitKind::MaxSize {
            return self.bound(&LimitsOn::Server).max(self.value(on, LimitKind::Size));
        }
        let chain = self.chain(on);
        let set = chain.iter().enumerate().find_map(|(step, name)| {
            // The configuration says something of repositories, too, which comes right after what was set for them.
            let configured = || if step == 0 { self.configured_own(on, kind) } else { None };
            self.set(name, kind).or_else(configured)
        });
        let wanted = set.unwrap_or_else(|| self.configured(kind));
        let bounds = chain.iter().filter_map(|name| self.set_bound(name, kind));
        bounds.fold(wanted, u64::min)
    }

    /// The most that may be set; none where nothing bounds it.
    pub(super) fn ceiling(&self, on: &LimitsOn, kind: LimitKind) -> Option<u64> {
        let chain = self.chain(on);
        let bounds = chain.iter().skip(1).filter_map(|name| self.set_bound(name, kind));
        match on {
            LimitsOn::Server => match kind {
                LimitKind::Size => self.set(SERVER, LimitKind::MaxSize),
                LimitKind::MaxSize | LimitKind::Retention => None,
            },
            LimitsOn::Owner(_) | LimitsOn::Repository(_) => Some(
                bounds
                    .min()
                    .unwrap_or_else(|| self.configured(kind).max(self.configured_own(on, kind).unwrap_or(0))),
            ),
        }
    }

    /// Bytes that may be set below the server.
    fn bound(&self, server: &LimitsOn) -> u64 {
        self.set_bound(SERVER, LimitKind::Size).unwrap_or_else(|| self.value(server, LimitKind::Size))
    }

    /// Its name, and those of what is above it.
    fn chain(&self, on: &LimitsOn) -> Vec<String> {
        let name = on.name();
        let owner = name.split_once('/').map(|(owner, _)| owner.to_owned());
        match on {
            LimitsOn::Server => vec![name],
            LimitsOn::Owner(_) => vec![name, SERVER.to_owned()],
            LimitsOn::Repository(_) => vec![name, owner.unwrap_or_default(), SERVER.to_owned()],
        }
    }

    fn set(&self, name: &str, kind: LimitKind) -> Option<u64> {
        self.set.get(&(name.to_owned(), kind)).copied()
    }

    /// What was set there that nothing below exceeds.
    fn set_bound(&self, name: &str, kind: LimitKind) -> Option<u64> {
        let max =
            if kind == LimitKind::Size && name == SERVER { self.set(name, LimitKind::MaxSize) } else { None };
        max.or_else(|| self.set(name, kind))
    }

    fn configured(&self, kind: LimitKind) -> u64 {
        match kind {
            LimitKind::Size | LimitKind::MaxSize => self.settings.limits.size.0,
            LimitKind::Retention => millis(self.settings.limits.retention.0),
        }
    }

    fn configured_own(&self, on: &LimitsOn, kind: LimitKind) -> Option<u64> {
        let LimitsOn::Repository(name) = on else { return None };
        let own = self.settings.repository(name)?;
        match kind {
            LimitKind::Size => own.size.map(|size| size.0),
            LimitKind::Retention => own.retention.map(|span| millis(span.0)),
            LimitKind::MaxSize => None,
        }
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::RepositorySettings;

    const SIZE: LimitKind = LimitKind::Size;

    /// A server whose configuration gives every repository 10 and `acme/large` 50.
    fn settings() -> Settings {
        let mut settings = Settings::default();
        settings.limits.size = ByteSize(10);
        let own = RepositorySettings { size: Some(ByteSize(50)), ..Default::default() };
        settings.repositories.insert("Acme/Large".into(), own);
        settings
    }

    /// Sizes of `acme/app` and `acme/large` once this is set.
    fn sizes(set: &[(&str, LimitKind, u64)]) -> (u64, u64) {
        let settings = settings();
        let cascade = cascade(&settings, set);
        let size = |name: &str| cascade.of_repository(name).size.0;
        (size("Acme/App"), size("acme/large"))
    }

    fn cascade<'a>(settings: &'a Settings, set: &[(&str, LimitKind, u64)]) -> Cascade<'a> {
        let set = set.iter().map(|(name, kind, value)| SetLimit {
            name: (*name).into(),
            kind: *kind,
            value: *value,
        });
        Cascade::new(settings, set.collect())
    }

    #[test]
    fn the_nearest_word_counts() {
        assert_eq!(sizes(&[]), (10, 50));
        assert_eq!(sizes(&[("acme/app", SIZE, 7), ("acme/large", SIZE, 8)]), (7, 8));
        assert_eq!(sizes(&[("acme", SIZE, 60)]), (60, 50));
        assert_eq!(sizes(&[("", SIZE, 70)]), (70, 50));
        assert_eq!(sizes(&[("other", SIZE, 1), ("acme/other", SIZE, 1)]), (10, 50));
    }

    #[test]
    fn nothing_exceeds_what_was_set_above_it() {
        assert_eq!(sizes(&[("acme", SIZE, 5)]), (5, 5));
        assert_eq!(sizes(&[("", SIZE, 5), ("acme", SIZE, 60), ("acme/app", SIZE, 70)]), (5, 5));
        assert_eq!(sizes(&[("", LimitKind::MaxSize, 40), ("acme/app", SIZE, 70)]), (40, 40));
        assert_eq!(sizes(&[("", LimitKind::MaxSize, 40), ("", SIZE, 20), ("acme", SIZE, 30)]), (30, 30));
    }

    #[test]
    fn a_retention_has_no_maximum_beside_it() {
        let settings = settings();
        let set =
            [("", LimitKind::Retention, 5), ("acme", LimitKind::Retention, 9), ("", LimitKind::MaxSize, 1)];
        let retention = cascade(&settings, &set).of_repository("acme/app").retention;
        assert_eq!(retention, Span(Duration::from_millis(5)));
    }

    #[test]
    fn what_may_be_set_follows_what_is_above() {
        let (settings, app) = (settings(), LimitsOn::Repository("acme/app".into()));
        let large = LimitsOn::Repository("acme/large".into());
        let acme = LimitsOn::Owner("acme".into());
        let ceilings = |set: &[(&str, LimitKind, u64)]| {
            let cascade = cascade(&settings, set);
            [&app, &large, &acme, &LimitsOn::Server].map(|on| cascade.ceiling(on, SIZE))
        };
        assert_eq!(ceilings(&[]), [Some(10), Some(50), Some(10), None]);
        assert_eq!(ceilings(&[("acme", SIZE, 9)]), [Some(9), Some(9), Some(10), None]);
        assert_eq!(ceilings(&[("", SIZE, 90)]), [Some(90), Some(90), Some(90), None]);
        let both = [("", SIZE, 20), ("", LimitKind::MaxSize, 40)];
        assert_eq!(ceilings(&both), [Some(40), Some(40), Some(40), Some(40)]);
        let cascade = cascade(&settings, &both);
        assert_eq!(cascade.value(&LimitsOn::Server, LimitKind::MaxSize), 40);
        assert_eq!(cascade.value(&LimitsOn::Server, SIZE), 20);
        assert_eq!(cascade.value(&acme, SIZE), 20);
    }
}
