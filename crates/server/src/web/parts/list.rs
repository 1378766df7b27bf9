//! Heads of tables that can be sorted, and the way from one page of a list to the next.

use maud::{Markup, html};

use super::count;
use crate::web::query::{PAGE, Params, Sort};

/// A column of a table.
pub(in crate::web) struct Column {
    /// What its head says.
    pub(in crate::web) label: &'static str,
    /// Its name in the page's address, and whether its largest come first at first; none where it cannot be sorted by.
    pub(in crate::web) sort: Option<(&'static str, bool)>,
    /// Whether it has numbers, which stand to the right.
    pub(in crate::web) number: bool,
}

/// The head of a table that is sorted so. Each label leads to the same page in another order.
pub(in crate::web) fn heads(columns: &[Column], params: &Params, sorted: Option<Sort>) -> Markup {
    html! {
        thead role="rowgroup" {
            tr role="row" {
                @for column in columns {
                    @let own = column.sort.zip(sorted).filter(|((name, _), sort)| sort.name == *name);
                    @let descending = own.map(|(_, sort)| sort.descending);
                    th scope="col" role="columnheader" class=[column.number.then_some("num")]
                        aria-sort=[descending.map(|falls| if falls { "descending" } else { "ascending" })] {
                        @if let Some((name, falls)) = column.sort {
                            @let next = descending.map_or(falls, |falls| !falls);
                            @let to = params.without("page").with("sort", name)
                                .with("dir", if next { "desc" } else { "asc" });
                            a href=(to) {
                                (column.label)
                                @if let Some(falls) = descending {
                                    span.arrow aria-hidden="true" { @if falls { "▼" } @else { "▲" } }
                                }
                            }
                        } @else {
                            (column.label)
                        }
                    }
                }
            }
        }
    }
}

/// The head of a table that has one order.
pub(in crate::web) fn plain_heads(columns: &[(&'static str, bool)]) -> Markup {
    let column = |(label, number): &(&'static str, bool)| Column { label, sort: None, number: *number };
    heads(&columns.iter().map(column).collect::<Vec<_>>(), &Params::default(), None)
}

/// Links to the pages before and after this one of `total` lines.
pub(in crate::web) fn pager(params: &Params, total: usize) -> Markup {
    let (page, pages) = (params.page(), total.div_ceil(PAGE).max(1));
    let to = |page: usize| params.with("page", page.to_string()).to_string();
    html! {
        @if pages > 1 {
            nav.pager aria-label="Pages" {
                @if page > 1 { a rel="prev" href=(to((page - 1).min(pages))) { "← Previous" } }
                span.muted { "Page " (count(page as u64)) " of " (count(pages as u64)) }
                @if page < pages { a rel="next" href=(to(page + 1)) { "Next →" } }
            }
        }
    }
}

/// Links from a page of events to the older ones, which are those before `next`, and back to the newest.
pub(in crate::web) fn older(params: &Params, next: Option<i64>) -> Markup {
    let newest = params.without("before");
    // The same page without a parameter has an address, too.
    let newest = if newest.pairs().next().is_none() { "?".to_owned() } else { newest.to_string() };
    html! {
        @if next.is_some() || params.get("before").is_some() {
            nav.pager aria-label="Pages" {
                @if params.get("before").is_some() { a rel="first" href=(newest) { "← Newest" } }
                @if let Some(next) = next { a rel="next" href=(params.with("before", next.to_string())) { "Older →" } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_leads_to_the_other_order_of_its_column() {
        let columns = [Column { label: "Key", sort: Some(("key", false)), number: false }];
        let params = Params::default().with("page", "3").with("q", "a\"b");
        let told = |sorted| heads(&columns, &params, sorted).into_string();
        assert!(told(None).contains(r#"href="?q=a%22b&amp;sort=key&amp;dir=asc""#), "{}", told(None));
        let rising = told(Some(Sort { name: "key", descending: false }));
        assert!(rising.contains(r#"aria-sort="ascending""#) && rising.contains("dir=desc"), "{rising}");
    }

    #[test]
    fn older_events_come_before_a_number() {
        let params = Params::default().with("before", "30");
        assert_eq!(older(&Params::default(), None).into_string(), "");
        assert!(older(&Params::default(), Some(7)).into_string().contains(r#"href="?before=7""#));
        let told = older(&params, None).into_string();
        assert!(told.contains(r#"href="?""#) && !told.contains("Older"), "{told}");
    }

    #[test]
    fn a_page_beyond_the_last_leads_back() {
        let told = |page: &str, total| pager(&Params::default().with("page", page), total).into_string();
        assert_eq!(told("1", PAGE), "");
        assert!(told("1", PAGE + 1).contains("?page=2") && !told("1", PAGE + 1).contains("prev"));
        assert!(told("9", PAGE + 1).contains("?page=2") && !told("9", PAGE + 1).contains("next"));
    }
}
