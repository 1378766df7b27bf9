//! Putting layers together when there are too many.

use super::member::Group;

/// Puts the smallest two together, again and again, until at most `most` are left. Those that somebody asked for by name
/// stay as they are, and nothing comes to more than `cap` bytes. Says whether that was possible.
pub(super) fn fold(groups: &mut Vec<Group>, most: usize, cap: u64) -> bool {
    let mut order: Vec<Group> = Vec::new();
    let mut named = Vec::new();
    for group in groups.drain(..) {
        if group.named { named.push(group) } else { order.push(group) }
    }
    let rank = |group: &Group| (group.size, group.place.clone());
    // Largest first: the smallest are at the end.
    order.sort_by_key(|group| std::cmp::Reverse(rank(group)));
    while order.len() + named.len() > most {
        let (Some(smallest), Some(mut next)) = (order.pop(), order.pop()) else { break };
        if smallest.size.saturating_add(next.size) > cap {
            order.extend([next, smallest]);
            break;
        }
        next.join(smallest);
        let at = order.partition_point(|group| rank(group) > rank(&next));
        order.insert(at, next);
    }
    groups.extend(order);
    groups.extend(named);
    groups.len() <= most
}
