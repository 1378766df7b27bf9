//! What is to be pushed, and what is not tried any more.

use std::collections::BTreeSet;
use std::time::Duration;

use snowbank_nix::store_path::StorePath;

/// Between two looks at the store.
pub(super) const TICK: Duration = Duration::from_secs(1);

/// The longest wait for a server that does not answer.
const LONGEST: Duration = Duration::from_secs(30);

/// Paths that are pushed together at most.
const TOGETHER: usize = 1000;

/// Paths that wait, and how the pushing goes.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    waiting: BTreeSet<StorePath>,
    /// Paths that are tried one by one, because they were refused together.
    doubtful: BTreeSet<StorePath>,
    /// Pushes that did not reach the server, in a row.
    outages: u32,
}

impl Backlog {
    /// Adds a path that was registered. Derivations are not what is built.
    pub(super) fn add(&mut self, path: StorePath) {
        if !path.is_derivation() {
            self.waiting.insert(path);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.doubtful.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len() + self.doubtful.len()
    }

    /// What is to be pushed next.
    pub(super) fn next(&self) -> BTreeSet<StorePath> {
        if self.waiting.is_empty() {
            return self.doubtful.first().cloned().into_iter().collect();
        }
        self.waiting.iter().take(TOGETHER).cloned().collect()
    }

    /// These are there now, or gone from the store.
    pub(super) fn done(&mut self, paths: &BTreeSet<StorePath>) {
        self.outages = 0;
        self.waiting.retain(|path| !paths.contains(path));
        self.doubtful.retain(|path| !paths.contains(path));
    }

    /// The server did not answer. True when that is news.
    pub(super) fn outage(&mut self) -> bool {
        self.outages += 1;
        self.outages == 1
    }

    /// The server refused these. One that was refused alone is not tried again, and comes back.
    pub(super) fn refused(&mut self, paths: &BTreeSet<StorePath>) -> Option<StorePath> {
        self.outages = 0;
        if let [path] = &paths.iter().collect::<Vec<_>>()[..] {
            self.waiting.remove(path);
            self.doubtful.remove(path);
            return Some((*path).clone());
        }
        for path in paths {
            if self.waiting.remove(path) {
                self.doubtful.insert(path.clone());
            }
        }
        None
    }

    /// How long to wait before the next push.
    pub(super) fn pause(&self) -> Duration {
        let doubled = TICK * 2_u32.saturating_pow(self.outages.min(8));
        if self.outages == 0 { TICK } else { doubled.min(LONGEST) }
    }

    /// Whether something waits that has yet to be tried as it is, so that there need be no wait.
    pub(super) fn goes_on(&self) -> bool {
        self.outages == 0 && !self.is_empty()
    }

    /// All that waits.
    pub(super) fn into_waiting(self) -> BTreeSet<StorePath> {
        self.waiting.into_iter().chain(self.doubtful).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::samples::name;

    fn backlog(numbers: &[u32]) -> Backlog {
        let mut backlog = Backlog::default();
        numbers.iter().for_each(|&number| backlog.add(name(number)));
        backlog
    }

    #[test]
    fn derivations_are_not_pushed() {
        let mut backlog = backlog(&[1]);
        backlog.add("xv2iccirbrvklck36f1g7vldn5v58vck-a.drv".parse().unwrap());
        assert_eq!(backlog.next(), BTreeSet::from([name(1)]));
    }

    #[test]
    fn what_is_refused_together_is_tried_one_by_one() {
        let mut backlog = backlog(&[1, 2, 3]);
        let all = backlog.next();
        assert_eq!(backlog.refused(&all), None);
        assert_eq!(backlog.next(), BTreeSet::from([name(1)]));
        assert_eq!(backlog.refused(&BTreeSet::from([name(1)])), Some(name(1)));
        backlog.done(&BTreeSet::from([name(2)]));
        // What is new is not held up by it.
        backlog.add(name(4));
        assert_eq!(backlog.next(), BTreeSet::from([name(4)]));
        assert_eq!(backlog.into_waiting(), BTreeSet::from([name(3), name(4)]));
    }

    #[test]
    fn the_longer_a_server_is_away_the_seldomer_it_is_asked() {
        let mut backlog = backlog(&[1]);
        let news: Vec<_> = (0..7).map(|_| (backlog.outage(), backlog.pause().as_secs())).collect();
        let told = [true, false, false, false, false, false, false];
        assert_eq!(news, told.into_iter().zip([2, 4, 8, 16, 30, 30, 30]).collect::<Vec<_>>());
        backlog.done(&BTreeSet::new());
        assert_eq!(backlog.pause(), TICK);
    }
}
