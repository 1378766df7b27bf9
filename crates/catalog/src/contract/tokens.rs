//! Tokens that were given to somebody.

use std::time::Duration;

use super::House;
use crate::Catalog;
use crate::rooms::{NewToken, TokenState};

const HOUR: Duration = Duration::from_secs(3600);

async fn add(catalog: &dyn Catalog, id: &str, valid: Duration) {
    let token = NewToken { id, note: "laptop", rights: "team-*:pull", valid };
    catalog.add_token(&token).await.unwrap();
}

/// A process that did not revoke it sees it at once, too.
pub async fn a_token_counts_until_it_is_revoked(house: &House) {
    add(&*house.catalog, "a", HOUR).await;
    add(&*house.catalog, "b", HOUR).await;
    assert_eq!(house.neighbour.token_state("a").await.unwrap(), Some(TokenState::Valid));
    assert!(house.catalog.revoke_token("a").await.unwrap());
    assert_eq!(house.neighbour.token_state("a").await.unwrap(), Some(TokenState::Revoked));
    assert!(house.neighbour.revoke_token("a").await.unwrap());
    assert_eq!(house.catalog.token_state("b").await.unwrap(), Some(TokenState::Valid));
}

/// What nobody listed can neither be found nor revoked, and is no prefix of another.
pub async fn a_token_that_was_never_listed_is_unknown(house: &House) {
    add(&*house.catalog, "abc", HOUR).await;
    for id in ["", "ab", "ABC", "abcd"] {
        assert_eq!(house.catalog.token_state(id).await.unwrap(), None, "{id}");
        assert!(!house.catalog.revoke_token(id).await.unwrap(), "{id}");
    }
}

/// The same id a second time is an error: it would make two tokens one.
pub async fn an_id_is_listed_once(house: &House) {
    add(&*house.catalog, "a", HOUR).await;
    let again = NewToken { id: "a", note: "", rights: "", valid: HOUR };
    assert!(house.catalog.add_token(&again).await.is_err());
    assert_eq!(house.catalog.tokens().await.unwrap().len(), 1);
}

/// The list has what was said of each token, and the revoked ones.
pub async fn tokens_are_listed_the_oldest_first(house: &House) {
    add(&*house.catalog, "b", HOUR).await;
    house.clock.advance(Duration::from_secs(1));
    add(&*house.catalog, "a", 2 * HOUR).await;
    house.catalog.revoke_token("b").await.unwrap();
    let listed = house.catalog.tokens().await.unwrap();
    let states: Vec<_> = listed.iter().map(|token| (token.id.as_str(), token.state)).collect();
    assert_eq!(states, [("b", TokenState::Revoked), ("a", TokenState::Valid)]);
    let last = &listed[1];
    assert_eq!((last.note.as_str(), last.rights.as_str()), ("laptop", "team-*:pull"));
    assert_eq!(last.expires.0 - last.created.0, 7_200_000);
}

/// A token that ended is not listed any more, and a day later it is not even known.
pub async fn what_ended_is_forgotten(house: &House) {
    add(&*house.catalog, "a", HOUR).await;
    house.clock.advance(HOUR + Duration::from_secs(1));
    assert_eq!(house.catalog.tokens().await.unwrap(), []);
    add(&*house.catalog, "b", HOUR).await;
    assert_eq!(house.catalog.token_state("a").await.unwrap(), Some(TokenState::Valid));
    house.clock.advance(24 * HOUR);
    add(&*house.catalog, "c", HOUR).await;
    assert_eq!(house.catalog.token_state("a").await.unwrap(), None);
    assert_eq!(house.catalog.token_state("b").await.unwrap(), Some(TokenState::Valid));
}
