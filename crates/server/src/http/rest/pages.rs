//! Pages of a list, and the links from one to the others.

use axum::http::HeaderValue;
use axum::http::header::LINK;
use axum::response::Response;
use percent_encoding::percent_decode_str;
use snowbank_actions::query::Query;

use super::failure::Failure;

/// Items of a page, if the caller does not say.
const USUAL: u64 = 30;
/// Items of a page at the most; who asks for more gets these.
const MOST: u64 = 100;

/// The page that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Its number, from 1 on.
    number: u64,
    /// Items of each page.
    size: u64,
}

impl Page {
    /// Reads `per_page` and `page`.
    pub(super) fn read(query: &str) -> Result<Self, Failure> {
        let number = |name: &str, usual: u64| match Query::new(query).form(name) {
            None => Ok(usual),
            Some(text) => {
                text.parse::<u64>().map_err(|_| Failure::invalid(format!("`{name}` is not a number")))
            }
        };
        Ok(Self { number: number("page", 1)?.max(1), size: number("per_page", USUAL)?.clamp(1, MOST) })
    }

    /// Items before its first.
    pub(super) fn offset(self) -> u64 {
        (self.number - 1).saturating_mul(self.size)
    }

    /// Its items at the most.
    pub(super) fn limit(self) -> u64 {
        self.size
    }

    /// Gives an answer its `Link`, if there are other pages.
    pub(super) fn link(self, answer: &mut Response, total: u64, url: &str, query: &str) {
        let links = self.links(total, url, query).and_then(|links| HeaderValue::try_from(links).ok());
        if let Some(links) = links {
            answer.headers_mut().insert(LINK, links);
        }
    }

    /// The value of `Link` (RFC 8288) for a list of `total` items at `url` with this query; none for a single page.
    fn links(self, total: u64, url: &str, query: &str) -> Option<String> {
        let last = total.div_ceil(self.size).max(1);
        let mut links = Vec::new();
        if self.number > 1 {
            links.push((self.number.min(last + 1) - 1, "prev"));
        }
        if self.number < last {
            links.push((self.number + 1, "next"));
            links.push((last, "last"));
        }
        if self.number > 1 {
            links.push((1, "first"));
        }
        let others = without_page(query);
        let link = |(page, rel): (u64, &str)| format!("<{url}?{others}page={page}>; rel=\"{rel}\"");
        (!links.is_empty()).then(|| links.into_iter().map(link).collect::<Vec<_>>().join(", "))
    }
}

/// The other parameters as they came, each with the mark behind it.
fn without_page(query: &str) -> String {
    let is_page = |pair: &&str| {
        let name = pair.split_once('=').map_or(*pair, |(name, _)| name);
        percent_decode_str(name).eq("page".bytes())
    };
    let others = query.split('&').filter(|pair| !pair.is_empty() && !is_page(pair));
    // What would end the link.
    others.map(|pair| format!("{}&", pair.replace('<', "%3C").replace('>', "%3E"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(query: &str, total: u64) -> String {
        Page::read(query).unwrap().links(total, "http://h/c", query).unwrap_or_default()
    }

    #[test]
    fn a_page_leads_to_its_neighbours_and_to_both_ends() {
        let expected = "<http://h/c?per_page=10&key=a%20b&page=1>; rel=\"prev\", \
                        <http://h/c?per_page=10&key=a%20b&page=3>; rel=\"next\", \
                        <http://h/c?per_page=10&key=a%20b&page=4>; rel=\"last\", \
                        <http://h/c?per_page=10&key=a%20b&page=1>; rel=\"first\"";
        assert_eq!(links("per_page=10&p%61ge=2&key=a%20b", 31), expected);
        assert_eq!(links("", 30), "");
        assert_eq!(links("", 31), "<http://h/c?page=2>; rel=\"next\", <http://h/c?page=2>; rel=\"last\"");
        assert!(links("page=9", 31).starts_with("<http://h/c?page=2>; rel=\"prev\", "));
        assert_eq!(links("per_page=10&key=a>;b<&page=1", 11).matches('>').count(), 2);
    }

    #[test]
    fn pages_have_bounds() {
        let page = |query| Page::read(query).map(|page| (page.offset(), page.limit())).ok();
        assert_eq!(page(""), Some((0, 30)));
        assert_eq!(page("per_page=1000&page=3"), Some((200, 100)));
        assert_eq!(page("per_page=0&page=0"), Some((0, 1)));
        assert_eq!(page("page=18446744073709551615"), Some((u64::MAX, 30)));
        assert_eq!(page("page=x"), None);
        assert_eq!(page("per_page=-1"), None);
    }
}
