//! The names of objects, all of our own making.

use crate::id::PackId;

/// Before the slash: uploaded blocks, `uploads/<upload id>/<hex>`.
pub const UPLOADS: &str = "uploads";
/// Before the slash: packs, `packs/<16 hexadecimal digits>`.
pub const PACKS: &str = "packs";

/// Before the slash: what is written to see that something can be written, and deleted at once.
pub const PROBES: &str = "probes";

/// The object of a pack.
#[must_use]
pub fn pack_name(id: PackId) -> String {
    format!("{PACKS}/{id}")
}

/// The number of the pack whose object this is, if it is one.
#[must_use]
pub fn pack_of(name: &str) -> Option<PackId> {
    let digits = name.strip_prefix(PACKS)?.strip_prefix('/')?;
    let id = PackId(u64::from_str_radix(digits, 16).ok()?);
    (id.to_string() == digits).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_pack_leads_back_to_it() {
        assert_eq!(pack_name(PackId(0x2a)), "packs/000000000000002a");
        assert_eq!(pack_of("packs/000000000000002a"), Some(PackId(0x2a)));
    }

    #[test]
    fn nothing_else_is_the_name_of_a_pack() {
        for name in [
            "packs/2a",
            "packs/000000000000002A",
            "uploads/000000000000002a",
            "packs",
            "packs/+00000000000002a",
        ] {
            assert_eq!(pack_of(name), None, "{name}");
        }
    }
}
