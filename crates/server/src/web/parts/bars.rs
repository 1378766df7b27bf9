//! A chart of bars, as SVG whose colours are the style sheet's, so that it is light where the page is light and dark where
//! it is dark. Charting crates write their colours into the picture, where no style sheet reaches them under a policy
//! that forbids styles in the page. The bars lie, so that a telephone has room for them; what they say is text beside them.

use maud::{Markup, html};

/// One bar.
pub(in crate::web) struct Bar {
    /// What stands before it.
    pub(in crate::web) label: String,
    /// How long it is.
    pub(in crate::web) value: u64,
    /// The same for people, with its unit.
    pub(in crate::web) told: String,
}

/// The length of the longest bar, in the picture's own units.
const LONGEST: u64 = 1000;

/// A chart with a caption.
pub(in crate::web) fn bars(caption: &str, bars: &[Bar]) -> Markup {
    let highest = bars.iter().map(|bar| bar.value).max().unwrap_or(0);
    html! {
        figure.chart {
            figcaption { (caption) }
            dl {
                @for bar in bars {
                    div {
                        dt { (bar.label) }
                        dd {
                            svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
                                rect.bar width=(length(bar.value, highest)) height="10" {}
                            }
                            span class=[(bar.value == 0).then_some("muted")] { (bar.told) }
                        }
                    }
                }
            }
        }
    }
}

/// Something is never nothing.
fn length(value: u64, highest: u64) -> u64 {
    let length = u128::from(value) * u128::from(LONGEST) / u128::from(highest.max(1));
    u64::try_from(length).unwrap_or(LONGEST).max(u64::from(value > 0) * 4)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_chart_says_what_it_shows() {
        let bar = |label: &str, value| Bar { label: label.into(), value, told: format!("{value} B") };
        let told = bars("Bytes", &[bar("<now>", 1), bar("later", 0)]).into_string();
        assert!(told.contains("<dt>&lt;now&gt;</dt>") && told.contains("<span>1 B</span>"), "{told}");
        assert!(told.contains(r#"<rect class="bar" width="1000""#), "{told}");
        assert!(told.contains(r#"<rect class="bar" width="0""#), "{told}");
    }

    proptest! {
        #[test]
        fn a_bar_fits_and_is_seen(value: u64, more: u64) {
            let length = length(value, value.saturating_add(more));
            prop_assert!(length <= LONGEST);
            prop_assert_eq!(length > 0, value > 0);
        }
    }
}
