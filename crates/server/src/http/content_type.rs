//! Content types of answers.

/// JSON; without parameters, since some clients compare the whole value.
pub(super) const JSON: &str = "application/json";
/// XML, as Azure's clients expect errors.
pub(super) const XML: &str = "application/xml";
/// Anything.
pub(super) const BYTES: &str = "application/octet-stream";
/// For people.
pub(crate) const PLAIN: &str = "text/plain; charset=utf-8";
