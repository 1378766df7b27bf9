//! What to do when bytes did not arrive.

use super::Sent;
use super::course::{Course, Form};
use super::session::Session;
use crate::registry::answer::Refusal;
use crate::registry::error::{RegistryError, is_transient};

/// The smallest range that is tried because connections broke: mostly it is the line, and small ones are slow.
const LEAST_AFTER_CUT: u64 = 1 << 20;

/// Why bytes did not arrive.
pub(super) enum Failure {
    /// They were refused.
    Refused(Refusal),
    /// They were not let in, and will be.
    Renewed(Refusal),
    /// The connection broke, or the answer was none.
    Other(RegistryError),
}

impl Course<'_> {
    /// Finds out what is there after bytes from `at` to `end` failed, and how the rest goes.
    pub(super) async fn recover(
        &mut self,
        session: &mut Session,
        failure: Failure,
        at: u64,
        end: u64,
    ) -> Result<Sent, RegistryError> {
        let host = self.repository.host();
        // Whether nothing was wrong with the way it went.
        let mut same_way = false;
        let mut broke = false;
        match failure {
            Failure::Renewed(refusal) => {
                same_way = true;
                self.count(RegistryError::Refused(refusal))?;
            }
            Failure::Refused(refusal) => {
                let status = refusal.status.as_u16();
                let limit = limit_in_text(&refusal.message);
                let error = RegistryError::Refused(refusal);
                match status {
                    404 => {
                        session.lose();
                        self.count_and_rest(error).await?;
                        return Ok(Sent::Anew);
                    }
                    413 | 416 => {
                        if !self.too_large(status, limit, at, end) {
                            self.count(error)?;
                        }
                    }
                    400 | 405 | 411 | 501 if self.form == Form::Ranges && !host.ranges_needed() => {
                        // Google's registry takes no ranges; everything goes again, as one body.
                        host.refuse_ranges();
                        self.form = Form::Stream;
                        self.count_and_rest(error).await?;
                        return Ok(Sent::Anew);
                    }
                    _ if is_transient(reqwest_status(&error)) => {
                        same_way = true;
                        self.count_and_rest(error).await?;
                    }
                    _ => return Err(error),
                }
            }
            Failure::Other(error) if error.is_transient() || matches!(error, RegistryError::Protocol(_)) => {
                broke = true;
                self.count_and_rest(error).await?;
            }
            Failure::Other(error) => return Err(error),
        }
        // More than was sent cannot be there.
        let Some(kept) = session.status(self.repository).await?.filter(|&kept| kept <= end) else {
            return Ok(Sent::Anew);
        };
        self.reached(kept);
        if broke && self.form == Form::Ranges && kept == at && (end - at) / 2 >= LEAST_AFTER_CUT {
            // Whoever takes only so much may say so by hanging up.
            host.shrink_chunk((end - at) / 2);
        }
        if self.form == Form::Stream && !(same_way && kept == at) {
            if host.ranges_refused() {
                return Ok(Sent::Anew);
            }
            self.form = Form::Ranges;
        }
        Ok(Sent::From(kept))
    }

    /// Bytes were too many at once, or, for a range, not those that were expected. True where something was learned by it:
    /// that can happen only so often.
    fn too_large(&mut self, status: u16, limit: Option<u64>, at: u64, end: u64) -> bool {
        let host = self.repository.host();
        let news = self.form == Form::Stream && !host.ranges_needed();
        host.need_ranges();
        let shrunk = match limit {
            Some(limit) => host.shrink_chunk(limit),
            None if self.form == Form::Ranges && status == 413 => host.shrink_chunk((end - at) / 2),
            None => false,
        };
        news || shrunk
    }
}

fn reqwest_status(error: &RegistryError) -> reqwest::StatusCode {
    error.status().unwrap_or_default()
}

/// GHCR names what it takes in an error's text: `... limit of 4.00MiB`.
pub(super) fn limit_in_text(text: &str) -> Option<u64> {
    let (_, rest) = text.split_once("limit of ")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    let number: f64 = rest[..digits].parse().ok()?;
    let unit = match rest[digits..].trim_start() {
        unit if unit.starts_with("MiB") => 1_u64 << 20,
        unit if unit.starts_with("KiB") => 1 << 10,
        unit if unit.starts_with("MB") => 1_000_000,
        _ => return None,
    };
    let bytes = number * unit as f64;
    (bytes.is_finite() && bytes < 1e12).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ghcr_s_limit_is_read() {
        let text = "chunk of 16.00MiB exceeds the limit of 4.00MiB";
        assert_eq!(limit_in_text(text), Some(4 << 20));
        assert_eq!(limit_in_text("limit of 512 KiB"), Some(512 << 10));
        assert_eq!(limit_in_text("limit of reason"), None);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>(), number in "limit of [0-9.]{0,400}MiB") {
            let _ = (limit_in_text(&text), limit_in_text(&number));
        }
    }
}
