//! A chart of bars, as SVG whose colours are the style sheet's, so that it is light where the page is light and dark where
//! it is dark. Charting crates write their colours into the picture, where no style sheet reaches them under a policy
//! that forbids styles in the page.

use maud::{Markup, html};

/// One bar.
pub(in crate::web) struct Bar {
    /// What stands under it.
    pub(in crate::web) label: String,
    /// How high it is.
    pub(in crate::web) value: u64,
    /// The same for people, with its unit.
    pub(in crate::web) told: String,
}

/// The picture's own units: room for a bar, and for the highest one.
const STEP: usize = 64;
const HEIGHT: u64 = 120;
const TOP: u64 = 22;

/// A chart with a caption, whose words say the same as the picture.
pub(in crate::web) fn bars(caption: &str, bars: &[Bar]) -> Markup {
    let highest = bars.iter().map(|bar| bar.value).max().unwrap_or(0).max(1);
    let width = STEP * bars.len();
    let words: Vec<String> = bars.iter().map(|bar| format!("{}: {}", bar.label, bar.told)).collect();
    html! {
        figure.chart {
            figcaption { (caption) }
            div.scroll tabindex="0" role="group" aria-label=(caption) {
                svg viewBox=(format!("0 0 {width} {}", TOP + HEIGHT + 24)) width=(width) role="img"
                    aria-label=(words.join("; ")) {
                    line.axis x1="0" x2=(width) y1=(TOP + HEIGHT) y2=(TOP + HEIGHT) {}
                    @for (number, bar) in bars.iter().enumerate() {
                        @let height = height(bar.value, highest);
                        @let middle = number * STEP + STEP / 2;
                        @if bar.value > 0 {
                            rect.bar x=(number * STEP + 12) y=(TOP + HEIGHT - height) width=(STEP - 24)
                                height=(height) rx="2" {}
                            text.value x=(middle) y=(TOP + HEIGHT - height - 6) { (bar.told) }
                        }
                        text.label x=(middle) y=(TOP + HEIGHT + 17) { (bar.label) }
                    }
                }
            }
        }
    }
}

/// Something is never nothing.
fn height(value: u64, highest: u64) -> u64 {
    let height = u128::from(value) * u128::from(HEIGHT) / u128::from(highest);
    u64::try_from(height).unwrap_or(HEIGHT).max(u64::from(value > 0) * 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_chart_says_what_it_shows() {
        let bar = |label: &str, value| Bar { label: label.into(), value, told: format!("{value} B") };
        let told = bars("Bytes", &[bar("<now>", 1), bar("later", 0)]).into_string();
        assert!(told.contains(r#"aria-label="&lt;now&gt;: 1 B; later: 0 B""#), "{told}");
        assert_eq!(told.matches(r#"class="bar""#).count(), 1);
    }

    proptest! {
        #[test]
        fn a_bar_fits_and_is_seen(value: u64, more: u64) {
            let highest = value.saturating_add(more).max(1);
            let height = height(value, highest);
            prop_assert!(height <= HEIGHT.max(2));
            prop_assert_eq!(height > 0, value > 0);
        }
    }
}
