//! Query strings, read as the clients write them: parameters in any order, percent-encoded in any way.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// A raw query string, the text after `?`.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// Wraps the raw text.
    #[must_use]
    pub fn new(raw: &'a str) -> Self {
        Self(raw)
    }

    /// The value of the first parameter of this name, percent-decoded; a `+` stays a `+`. For base64, which some
    /// clients leave as it is. `None` if there is none or it is not UTF-8.
    #[must_use]
    pub fn literal(self, name: &str) -> Option<Cow<'a, str>> {
        percent_decode_str(self.raw(name)?).decode_utf8().ok()
    }

    /// The value of the first parameter of this name as a form writes it: a `+` is a space. For free text.
    #[must_use]
    pub fn form(self, name: &str) -> Option<String> {
        let value = self.raw(name)?.replace('+', " ");
        percent_decode_str(&value).decode_utf8().ok().map(Cow::into_owned)
    }

    fn raw(self, name: &str) -> Option<&'a str> {
        self.0.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).find_map(|(key, value)| {
            let key = percent_decode_str(key).decode_utf8().ok()?;
            (key == name).then_some(value)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_in_any_order() {
        for raw in ["comp=block&blockid=QQ%3D%3D&se=1&sig=f", "sig=f&se=1&blockid=QQ==&comp=block"] {
            let query = Query::new(raw);
            assert_eq!(query.literal("blockid").as_deref(), Some("QQ=="), "{raw}");
            assert_eq!(query.literal("comp").as_deref(), Some("block"), "{raw}");
            assert_eq!(query.literal("sig").as_deref(), Some("f"), "{raw}");
            assert_eq!(query.literal("missing"), None);
        }
    }

    #[test]
    fn a_plus_is_text_in_base64_and_a_space_in_a_form() {
        let query = Query::new("a=x+y%2Bz%2F");
        assert_eq!(query.literal("a").as_deref(), Some("x+y+z/"));
        assert_eq!(query.form("a").as_deref(), Some("x y+z/"));
    }

    #[test]
    fn odd_queries_have_no_values() {
        assert_eq!(Query::new("").literal("a"), None);
        assert_eq!(Query::new("a").literal("a").as_deref(), Some(""));
        assert_eq!(Query::new("a=%ff").literal("a"), None);
        assert_eq!(Query::new("a=%f").form("a").as_deref(), Some("%f"));
        assert_eq!(Query::new("a=1&a=2").literal("a").as_deref(), Some("1"));
    }
}
