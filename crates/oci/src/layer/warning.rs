//! What of a layer is probably not meant.

use std::fmt;

use snowbank_nix::store_path::StoreDir;

use super::LayerSpec;
use super::rules::compile;

/// A path that was to be moved and stays where it is, because its own name is taken for a regular expression that does not
/// match it. nix2container writes such expressions and leaves the path where it is, so the layer does too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotMoved {
    /// The full path.
    pub path: String,
    /// The expression.
    pub regex: String,
}

impl fmt::Display for NotMoved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, regex } = self;
        write!(
            f,
            "{path} is not moved to the root of the image: `{regex}` does not match it, as `+` and `?` in its name would \
             have to be escaped; the layer is the one that nix2container makes"
        )
    }
}

impl LayerSpec {
    /// What of it is probably not meant.
    #[must_use]
    pub fn warnings(&self, dir: &StoreDir) -> Vec<NotMoved> {
        let moved = self.paths.iter().filter_map(|path| {
            let regex = &path.options.rewrite.regex;
            let full = dir.display(&path.path);
            let named = regex.strip_prefix('^')?;
            let named = named.strip_suffix('$').unwrap_or(named);
            let own = named.strip_suffix('/').unwrap_or(named) == full;
            let matches = |regex| {
                compile(regex, &full).is_ok_and(|regex| regex.is_match(format!("{full}/").as_bytes()))
            };
            (own && !matches(regex)).then(|| NotMoved { path: full.clone(), regex: regex.clone() })
        });
        moved.collect()
    }
}
