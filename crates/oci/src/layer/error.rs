//! Why a layer cannot be made.

use std::io;

use crate::tree::TreeError;

/// Why a layer cannot be made. Paths are shown as text, whatever their bytes are.
#[derive(Debug, thiserror::Error)]
pub enum LayerError {
    /// A store path cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// What a tree gave is not in the order of a NAR.
    #[error("what was read of {0} is in an order that no archive has")]
    Events(String),
    /// The tar cannot be passed on.
    #[error("the layer cannot be written")]
    Sink(#[source] io::Error),
    /// A regular expression that there is not.
    #[error("the regular expression `{regex}` among the options of {path} cannot be used")]
    Pattern {
        /// Whose options.
        path: String,
        /// The expression.
        regex: String,
        /// Why.
        #[source]
        source: Box<regex::Error>,
    },
    /// A mode, or the name of an owner or group, that no tar holds.
    #[error(
        "the permissions of {path} say `{value}`, where a mode is one to seven octal digits and a name has no NUL in it"
    )]
    Perm {
        /// Whose options.
        path: String,
        /// What is wrong.
        value: String,
    },
    /// A file that would be renamed out of the image.
    #[error("{from} would be renamed to {to}, which is outside of the image; change its `rewrite`")]
    Outside {
        /// Where it comes from.
        from: String,
        /// What it would become.
        to: String,
    },
    /// Two files of one name that are not the same.
    #[error(
        "{one} and {other} would both be {destination} in the image, but {difference}; leave one of them out, or rename it"
    )]
    Conflict {
        /// The first.
        one: String,
        /// The other one.
        other: String,
        /// What both would be.
        destination: String,
        /// How they differ.
        difference: &'static str,
    },
    /// A large path whose renamed files are in another order than before.
    #[error(
        "the files of {path} come in another order once they are renamed, and are more than the {most} bytes in a layer \
         that can be sorted; rename them in the build, or so that only the beginning of their paths changes"
    )]
    Order {
        /// The path.
        path: String,
        /// Bytes of the files that can be sorted.
        most: usize,
    },
    /// Too many large paths that are renamed.
    #[error(
        "more than {most} large paths of one layer are renamed to the same folders; put some of them into another layer"
    )]
    Renamed {
        /// As many as there may be.
        most: usize,
    },
}

/// Bytes as text for people.
pub(super) fn shown(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
