//! How much of what was asked for was found.

use maud::{Markup, html};

use super::count;
use crate::service::Answers;

/// `87 %`, with what it comes from for whoever points at it; a dash where nothing was asked.
pub(in crate::web) fn rate(answers: &Answers) -> Markup {
    let Answers { hits, partial_hits, misses } = answers;
    html! {
        @match answers.rate() {
            Some(rate) => {
                span title={ (count(*hits)) " hits, " (count(*partial_hits)) " partial hits, " (count(*misses)) " misses" } {
                    (rate) "\u{a0}%"
                }
            }
            None => "–",
        }
    }
}
