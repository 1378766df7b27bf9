//! A chart of values that stand side by side in the order of time, each made of shares; as SVG, for the reason that
//! [`super::bars`] gives. What it shows is there as a table, too, for who cannot see it or wants numbers.

use maud::{Markup, html};

use super::list::plain_heads;

/// One of the values.
pub(in crate::web) struct Stack {
    /// What it is of.
    pub(in crate::web) label: String,
    /// Its shares, the lowest first: of each kind one.
    pub(in crate::web) shares: Vec<u64>,
    /// A height that is marked: what it is measured against.
    pub(in crate::web) mark: Option<u64>,
    /// What the table's columns after the first say.
    pub(in crate::web) told: Vec<String>,
}

/// What a chart is about.
pub(in crate::web) struct Chart<'a> {
    /// Its caption.
    pub(in crate::web) caption: &'a str,
    /// Names of the shares, three at the most.
    pub(in crate::web) kinds: &'a [&'static str],
    /// What the mark is called; none where there is none.
    pub(in crate::web) mark: Option<&'static str>,
    /// The heads of the table.
    pub(in crate::web) heads: &'a [(&'static str, bool)],
    /// A number as people read it.
    pub(in crate::web) unit: fn(u64) -> String,
}

/// Classes of shares in the style sheet.
const SHADES: [&str; 3] = ["first", "second", "third"];
/// The height of the picture, and the width that a stack has of it, in the picture's own units.
const HEIGHT: u64 = 1000;
const WIDTH: usize = 10;
/// So many stand close together, not far apart in the whole width.
const FEW: usize = 15;

/// A chart of these, the oldest first; the table has the newest first, and leaves out what is nothing.
pub(in crate::web) fn stacks(chart: &Chart<'_>, stacks: &[Stack]) -> Markup {
    let sum = |stack: &Stack| stack.shares.iter().copied().fold(0, u64::saturating_add);
    let highest = stacks.iter().map(|stack| sum(stack).max(stack.mark.unwrap_or(0))).max().unwrap_or(0);
    let shown = |stack: &&Stack| sum(stack) > 0;
    html! {
        figure.chart {
            figcaption { (chart.caption) }
            div.plot.few[stacks.len() < FEW] {
                svg viewBox={ "0 0 " (stacks.len().max(1) * WIDTH) " " (HEIGHT) } preserveAspectRatio="none"
                    aria-hidden="true" focusable="false" {
                    @for (at, stack) in stacks.iter().enumerate() { (drawn(stack, at * WIDTH, highest)) }
                }
                div.axis.muted aria-hidden="true" {
                    span { (stacks.first().map_or("", |stack| stack.label.as_str())) }
                    span { "highest " ((chart.unit)(highest)) }
                    span { (stacks.last().map_or("", |stack| stack.label.as_str())) }
                }
            }
            ul.legend {
                @for (kind, shade) in chart.kinds.iter().zip(SHADES) { li { span class={ "swatch " (shade) } {} (kind) } }
                @if let Some(mark) = chart.mark { li { span.swatch.mark {} (mark) } }
            }
            details.note {
                summary { "In numbers" }
                div.scroll {
                    table.numbers {
                        (plain_heads(chart.heads))
                        tbody {
                            @for stack in stacks.iter().rev().filter(shown) {
                                tr {
                                    th scope="row" { (stack.label) }
                                    @for told in &stack.told { td.num { (told) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn drawn(stack: &Stack, left: usize, highest: u64) -> Markup {
    let mut below = 0_u64;
    let shares: Vec<(u64, u64, &str)> = stack
        .shares
        .iter()
        .zip(SHADES)
        .map(|(share, shade)| {
            let bottom = scaled(below, highest);
            below = below.saturating_add(*share);
            let top = scaled(below, highest);
            (HEIGHT - top, top - bottom, shade)
        })
        .collect();
    html! {
        g {
            title { (stack.label) ": " (stack.told.join(", ")) }
            rect.behind x=(left) y="0" width=(WIDTH) height=(HEIGHT) {}
            @for (top, height, shade) in shares {
                @if height > 0 { rect class=(shade) x=(left + 1) y=(top) width=(WIDTH - 2) height=(height) {} }
            }
            @if let Some(mark) = stack.mark {
                rect.mark x=(left) y=((HEIGHT - scaled(mark, highest)).min(HEIGHT - 15)) width=(WIDTH) height="15" {}
            }
        }
    }
}

/// Something is never nothing.
fn scaled(value: u64, highest: u64) -> u64 {
    let height = u128::from(value) * u128::from(HEIGHT) / u128::from(highest.max(1));
    u64::try_from(height).unwrap_or(HEIGHT).min(HEIGHT).max(u64::from(value > 0) * 15)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(stacks_of: &[Stack]) -> String {
        let chart = Chart {
            caption: "Lookups <by day>",
            kinds: &["hits", "misses"],
            mark: Some("limit"),
            heads: &[("Day", false), ("Hits", true)],
            unit: |number| number.to_string(),
        };
        stacks(&chart, stacks_of).into_string()
    }

    fn stack(label: &str, shares: [u64; 2], mark: Option<u64>) -> Stack {
        Stack { label: label.into(), shares: shares.into(), mark, told: vec![format!("{} hits", shares[0])] }
    }

    #[test]
    fn a_chart_says_what_it_shows() {
        let text = told(&[stack("1 May", [3, 1], None), stack("2 May", [0, 0], Some(8))]);
        assert!(text.contains("Lookups &lt;by day&gt;") && text.contains("highest 8"), "{text}");
        assert!(text.contains(r#"<rect class="first" x="1" y="625" width="8" height="375">"#), "{text}");
        assert!(text.contains(r#"<rect class="second" x="1" y="500" width="8" height="125">"#), "{text}");
        assert!(text.contains(r#"<rect class="mark" x="10" y="0""#), "{text}");
        assert!(text.contains(r#"<th scope="row">1 May</th><td class="num">3 hits</td>"#), "{text}");
        assert!(!text.contains(r#"<th scope="row">2 May"#), "{text}");
    }

    #[test]
    fn a_chart_of_nothing_is_one() {
        assert!(told(&[]).contains("highest 0"));
    }

    proptest! {
        #[test]
        fn shares_fit_and_are_seen(value: u64, more: u64) {
            let height = scaled(value, value.saturating_add(more));
            prop_assert!(height <= HEIGHT);
            prop_assert_eq!(height > 0, value > 0);
            drawn(&stack("", [value, more], Some(more)), 0, value.saturating_add(more));
        }
    }
}
