//! The tags of a repository (distribution specification, section Listing Tags).

use reqwest::Method;
use serde::Deserialize;

use super::answer::whole;
use super::error::RegistryError;
use super::repository::Repository;
use crate::reference::is_tag;

/// Bytes of a list that are read at the most, held in memory.
const MAX_LIST: u64 = 1 << 20;

/// Tags of a list that are looked at.
const MAX_TAGS: usize = 10_000;

#[derive(Deserialize)]
struct List {
    /// Some registries write `null` for none.
    tags: Option<Vec<String>>,
}

impl Repository {
    /// The tags that the first page lists. One page is enough for whom they help.
    pub(super) async fn list_tags(&self) -> Result<Vec<String>, RegistryError> {
        let answer = self.follow(self.ask(Method::GET, self.url("tags/list")?)).await?;
        if answer.status().as_u16() != 200 {
            return Err(RegistryError::Refused(self.wire().refusal(answer).await));
        }
        Ok(tags_of(&whole(answer, MAX_LIST, self.wire().effort.idle).await?))
    }
}

/// The tags of a list, in its order, at most 10000; what can be no tag is left out. None where it is no list.
#[must_use]
pub fn tags_of(list: &[u8]) -> Vec<String> {
    let tags = serde_json::from_slice::<List>(list).ok().and_then(|list| list.tags).unwrap_or_default();
    tags.into_iter().take(MAX_TAGS).filter(|tag| is_tag(tag)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn tags_keep_their_order() {
        assert_eq!(tags_of(br#"{"name":"a/b","tags":["v2","latest","v1"]}"#), ["v2", "latest", "v1"]);
    }

    #[test]
    fn no_tags_may_be_said_in_many_ways() {
        for none in ["", "{}", "[]", r#"{"tags":null}"#, r#"{"tags":[]}"#, r#"{"tags":[7]}"#] {
            assert_eq!(tags_of(none.as_bytes()), Vec::<String>::new());
        }
    }

    #[test]
    fn what_leads_elsewhere_is_no_tag() {
        assert_eq!(tags_of(br#"{"tags":["../x","a/b","a?b","","sha256:00","v1"]}"#), ["v1"]);
    }

    proptest! {
        #[test]
        fn whatever_is_listed_only_tags_come_of_it(
            bytes in any::<Vec<u8>>(),
            tags in prop::collection::vec(any::<String>(), 0..20),
        ) {
            for list in [bytes, json!({"tags": tags}).to_string().into_bytes()] {
                prop_assert!(tags_of(&list).iter().all(|tag| is_tag(tag)));
            }
        }
    }
}
