//! How full something is.

use maud::{Markup, html};

use super::bytes;

/// Width of the picture, in its own units.
const WIDTH: u64 = 100;

/// A bar that is as full as `used` of `limit` bytes, with the same in words beside it.
pub(in crate::web) fn meter(used: u64, limit: Option<u64>) -> Markup {
    let Some(limit) = limit else { return html! { span.num { (bytes(used)) } } };
    let percent = percent(used, limit);
    let fill = percent.min(WIDTH);
    let class = match percent {
        0..=79 => "fill",
        80..=100 => "fill near",
        _ => "fill over",
    };
    html! {
        span.meter {
            span.num { (bytes(used)) " " span.muted { "of " (bytes(limit)) } }
            svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
                rect.track width="100" height="4" {}
                rect class=(class) width=(fill) height="4" {}
            }
            span.percent { (percent) "\u{a0}%" }
        }
    }
}

/// Rounded down, so that only what is full is 100.
fn percent(used: u64, limit: u64) -> u64 {
    let percent = u128::from(used) * 100 / u128::from(limit.max(1));
    u64::try_from(percent).unwrap_or(u64::MAX).min(9999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_full_is_a_hundred() {
        assert_eq!(percent(999, 1000), 99);
        assert_eq!(percent(1000, 1000), 100);
        assert_eq!(percent(0, 0), 0);
        assert_eq!(percent(u64::MAX, 1), 9999);
    }

    #[test]
    fn a_bar_is_never_longer_than_its_track() {
        let told = meter(30, Some(10)).into_string();
        assert!(told.contains(r#"<rect class="fill over" width="100""#), "{told}");
        assert!(told.contains("300\u{a0}%"), "{told}");
        assert!(!meter(30, None).into_string().contains("svg"));
    }
}
