//! How near the limit is, and what went for it.

use std::time::{Duration, SystemTime};

use snowbank_actions::client::rest::Usage;

use super::keys::Removal;
use super::text::{ago, bytes};
use super::{Finding, Level};

/// From how much of the limit on somebody should look, in percent.
const NEAR: u64 = 80;

/// What went longer ago explains no miss of today.
const LATELY: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a repository uses of what it may.
#[must_use]
pub fn usage(usage: Usage, limit: u64) -> Finding {
    let percent = usage.bytes.saturating_mul(100) / limit.max(1);
    let seen =
        format!("{} in {} entries, of {} ({percent} %)", bytes(usage.bytes), usage.entries, bytes(limit));
    let found = match percent {
        100.. => Finding::new(
            Level::Warning,
            "limit-exceeded",
            "the repository is over its limit: the longest unused entries go",
            seen,
        ),
        NEAR.. => Finding::new(Level::Warning, "limit-near", "the repository is near its limit", seen),
        _ => return Finding::new(Level::Ok, "limit", "there is room for more entries", seen),
    };
    cures(found)
}

/// Entries that went lately for want of room or of use; none where nothing did.
#[must_use]
pub fn evicted(removed: &[Removal], now: SystemTime) -> Option<Finding> {
    let lately: Vec<_> = removed
        .iter()
        .filter(|gone| gone.reason != "deleted" && now.duration_since(gone.at).unwrap_or_default() < LATELY)
        .collect();
    let last = lately.first()?;
    let seen = format!(
        "{} went in the last 7 days; the last was `{}`, {}: {}",
        lately.len(),
        last.key,
        ago(last.at, now),
        last.because()
    );
    let full = lately.iter().any(|gone| matches!(gone.reason.as_str(), "repository_limit" | "disk_bound"));
    Some(match full {
        true => cures(Finding::new(Level::Warning, "evicted", "entries were evicted to make room", seen)),
        false => Finding::new(Level::Note, "expired", "entries went", seen)
            .hint("a job once a week that restores them keeps them"),
    })
}

fn cures(found: Finding) -> Finding {
    found
        .hint("`snowbank cache delete --older-than 7d --repo OWNER/NAME` deletes what nobody uses")
        .hint("save less: `snowbank save` leaves out what cache.nixos.org has, and --max-size bounds a series; with actions/cache, name fewer paths")
        .hint("keys that hold the branch (`github.ref`) keep a copy for each branch: let them go when it is merged")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearness_is_told_in_percent() {
        let found = |bytes| usage(Usage { entries: 2, bytes }, 1000).id;
        assert_eq!([found(799), found(800), found(1000)], ["limit", "limit-near", "limit-exceeded"]);
        assert_eq!(usage(Usage { entries: 0, bytes: 0 }, 0).id, "limit");
    }

    #[test]
    fn what_was_deleted_or_went_long_ago_is_no_eviction() {
        let now = SystemTime::UNIX_EPOCH + 10 * LATELY;
        let gone = |reason: &str, at| Removal { key: "k".into(), reason: reason.into(), at };
        assert_eq!(evicted(&[gone("deleted", now), gone("retention", SystemTime::UNIX_EPOCH)], now), None);
        assert_eq!(evicted(&[gone("retention", now)], now).unwrap().id, "expired");
        assert_eq!(evicted(&[gone("retention", now), gone("disk_bound", now)], now).unwrap().id, "evicted");
    }
}
