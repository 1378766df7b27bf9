//! Keys of entries for people.

use maud::{Markup, html};

/// Letters of a pack's hash that are shown.
const SHOWN: usize = 12;

/// A key. A pack's is a hash, of which the beginning is enough; the whole is there for whoever points at it.
pub(in crate::web) fn key(key: &str) -> Markup {
    match beginning(key) {
        Some(beginning) => html! { span.key title=(key) { (beginning) "…" } },
        None => html! { span.key { (key) } },
    }
}

fn beginning(key: &str) -> Option<String> {
    let hash = key.strip_prefix("snowbank-pack-").filter(|hash| hash.len() > SHOWN)?;
    hash.is_ascii().then(|| format!("snowbank-pack-{}", &hash[..SHOWN]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packs_are_shortened() {
        let pack = format!("snowbank-pack-{}", "ab".repeat(32));
        assert_eq!(beginning(&pack).as_deref(), Some("snowbank-pack-abababababab"));
        for key in
            ["snowbank-pack-ab", "snowbank-packs-of-another-kind-of-thing", "snowbank-pack-äääääääääää"]
        {
            assert_eq!(beginning(key), None, "{key}");
        }
    }
}
