//! Which packs are worth rewriting.

use crate::id::PackId;

/// How much of a pack is still alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackUse {
    /// The pack.
    pub pack: PackId,
    /// Bytes of its object.
    pub size: u64,
    /// Bytes that a pack of only those of its frames would have that some recipe names, each counted once.
    pub live: u64,
}

/// When a pack is rewritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepackRule {
    /// A pack is rewritten when less than this many hundredths of it are alive.
    pub live_percent: u8,
    /// Bytes that have to be freed: until they are, packs with a larger live share are rewritten too.
    pub wanted: u64,
    /// Bytes that all rewritten packs together may take while the old ones are still there.
    pub reserve: u64,
}

/// Chooses the packs whose live frames are to be moved, the least alive first, since they free most for each byte
/// written: those below the live share, and then more of them for as long as less than what is wanted would be freed;
/// all within the reserve. A pack with nothing alive is not among them: it is deleted as it is. Nor is one with
/// nothing dead.
#[must_use]
pub fn plan_repack(packs: &[PackUse], rule: RepackRule) -> Vec<PackId> {
    let mut partial: Vec<_> = packs.iter().filter(|pack| (1..pack.size).contains(&pack.live)).collect();
    // a.live / a.size against b.live / b.size, without rounding.
    partial.sort_by_key(|pack| pack.pack);
    partial.sort_by(|a, b| {
        (u128::from(a.live) * u128::from(b.size)).cmp(&(u128::from(b.live) * u128::from(a.size)))
    });
    let mut room = rule.reserve;
    let mut freed = 0;
    let mut chosen = Vec::new();
    for pack in partial {
        let share = u128::from(pack.live) * 100;
        let sparse = share < u128::from(rule.live_percent) * u128::from(pack.size);
        if !sparse && freed >= rule.wanted {
            break;
        }
        if let Some(left) = room.checked_sub(pack.live) {
            room = left;
            freed += pack.size - pack.live;
            chosen.push(pack.pack);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pack(id: u64, size: u64, live: u64) -> PackUse {
        PackUse { pack: PackId(id), size, live }
    }

    #[test]
    fn sparse_packs_are_chosen_least_alive_first_within_the_reserve() {
        let packs = [pack(1, 100, 60), pack(2, 100, 40), pack(3, 100, 10), pack(4, 100, 0), pack(5, 200, 60)];
        let rule = RepackRule { live_percent: 50, wanted: 0, reserve: 1000 };
        assert_eq!(plan_repack(&packs, rule), [PackId(3), PackId(5), PackId(2)]);
        let rule = RepackRule { reserve: 55, ..rule };
        assert_eq!(plan_repack(&packs, rule), [PackId(3), PackId(2)]);
        assert_eq!(plan_repack(&packs, RepackRule { reserve: 0, ..rule }), []);
    }

    #[test]
    fn packs_above_the_share_are_chosen_until_enough_is_freed() {
        let packs =
            [pack(1, 100, 90), pack(2, 100, 70), pack(3, 100, 40), pack(4, 100, 100), pack(5, 100, 99)];
        let rule = RepackRule { live_percent: 50, wanted: 60, reserve: 1000 };
        assert_eq!(plan_repack(&packs, rule), [PackId(3)]);
        assert_eq!(plan_repack(&packs, RepackRule { wanted: 61, ..rule }), [PackId(3), PackId(2)]);
        let all = [PackId(3), PackId(2), PackId(1), PackId(5)];
        assert_eq!(
            plan_repack(&packs, RepackRule { wanted: 1000, ..rule }),
            all,
            "but none that is all alive"
        );
    }

    proptest! {
        #[test]
        fn the_reserve_is_never_exceeded_and_each_choice_frees_space(
            sizes in prop::collection::vec((0_u64..1000, 0_u64..1000), 0..50),
            live_percent in 0_u8..=100,
            wanted in 0_u64..5000,
            reserve in 0_u64..5000,
        ) {
            let packs: Vec<_> =
                sizes.iter().enumerate().map(|(id, &(size, live))| pack(id as u64, size, live.min(size))).collect();
            let chosen = plan_repack(&packs, RepackRule { live_percent, wanted, reserve });
            let chosen: Vec<_> = chosen.iter().map(|id| packs[id.0 as usize]).collect();
            prop_assert!(chosen.iter().map(|pack| pack.live).sum::<u64>() <= reserve);
            let mut freed = 0;
            for pack in chosen {
                prop_assert!(pack.live > 0 && pack.live < pack.size);
                prop_assert!(freed < wanted || pack.live * 100 < u64::from(live_percent) * pack.size);
                freed += pack.size - pack.live;
            }
        }
    }
}
