//! Whatever the bytes, a parser answers; whatever it accepts, it keeps.

#![allow(clippy::unwrap_used)]

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use snowbank_actions::block_list::{self, BlockId};
use snowbank_actions::keys::{lookup_keys, validate_key, validate_version};
use snowbank_actions::messages::{
    CreateCacheEntryRequest, FinalizeCacheEntryUploadRequest, FinalizeCacheEntryUploadResponse,
    GetCacheEntryDownloadUrlRequest, GetCacheEntryDownloadUrlResponse, v1,
};
use snowbank_actions::query::Query;
use snowbank_actions::ranges::{Asked, Part, Placed};
use snowbank_actions::scope::{Grant, Permission, Scopes};
use snowbank_actions::twirp::Encoding::{self, Json, Protobuf};
use snowbank_actions::twirp::Wire;

fn grant() -> impl Strategy<Value = Grant> {
    ("[ab]{1,2}", 0..4i64).prop_map(|(scope, bits)| Grant { scope, permission: Permission::from_bits(bits) })
}

/// Bytes of all kinds, and those that come close to what is parsed.
fn near(close: &'static str) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..200), close.prop_map(String::into_bytes)]
}

proptest! {
    #[test]
    fn messages_never_panic(bytes in near(r#"[{}\[\]":,a-z_0-9.-]{0,60}"#)) {
        for encoding in [Json, Protobuf] {
            let _ = encoding.decode::<CreateCacheEntryRequest>(&bytes);
            let _ = encoding.decode::<FinalizeCacheEntryUploadRequest>(&bytes);
            let _ = encoding.decode::<GetCacheEntryDownloadUrlRequest>(&bytes);
        }
        let _ = serde_json::from_slice::<v1::Reserve>(&bytes);
        let _ = serde_json::from_slice::<v1::Commit>(&bytes);
    }

    #[test]
    fn messages_come_back(key: String, restore_keys: Vec<String>, version: String, size_bytes: i64, ok: bool) {
        prop_assume!(restore_keys.iter().map(String::len).sum::<usize>() < 8000);
        let lookup = GetCacheEntryDownloadUrlRequest { key: key.clone(), restore_keys, version: version.clone() };
        let finalize = FinalizeCacheEntryUploadRequest { key: key.clone(), size_bytes, version: version.clone() };
        let found = GetCacheEntryDownloadUrlResponse { ok, signed_download_url: version, matched_key: key.clone() };
        let entry = FinalizeCacheEntryUploadResponse { ok, entry_id: size_bytes, message: key };
        for encoding in [Json, Protobuf] {
            prop_assert_eq!(&again(encoding, &lookup), &lookup);
            prop_assert_eq!(&again(encoding, &finalize), &finalize);
            prop_assert_eq!(&again(encoding, &found), &found);
            prop_assert_eq!(&again(encoding, &entry), &entry);
        }
    }

    #[test]
    fn lookups_keep_to_the_rules(primary: String, restore in vec("[a-c,]{0,3}|.{0,20}", 0..14)) {
        let _ = validate_version(&primary);
        if let Ok(keys) = lookup_keys(&primary, restore.iter().map(String::as_str)) {
            prop_assert_eq!(&keys[0], &primary);
            prop_assert!(keys.len() <= 10);
            prop_assert!(keys.iter().all(|key| validate_key(key).is_ok()));
            let mut unique = keys.clone();
            unique.sort();
            unique.dedup();
            prop_assert_eq!(unique.len(), keys.len());
            prop_assert!(restore.iter().all(|key| key.is_empty() || keys.contains(key)));
        }
    }

    #[test]
    fn claims_never_panic(text in near(r#"\[(\{"Scope":"[a-z]{0,2}","Permission":-?[0-9]{1,2}\},?){0,3}\]"#)) {
        let text = String::from_utf8_lossy(&text);
        if let Ok(scopes) = Scopes::from_ac(&text) {
            prop_assert_eq!(Scopes::from_ac(&scopes.to_ac()).unwrap(), scopes);
        }
        let _ = text.parse::<Grant>();
    }

    #[test]
    fn scopes_give_what_was_granted_and_no_more(grants in vec(grant(), 0..6)) {
        let scopes = Scopes::from_grants(&grants);
        for name in ["a", "b", "aa", "ab", "ba", "bb"] {
            let granted = grants.iter().any(|grant| grant.scope == name && grant.permission.can_read());
            prop_assert_eq!(scopes.read.iter().filter(|scope| *scope == name).count(), usize::from(granted));
        }
        let writable = grants.iter().find(|grant| grant.permission.can_write());
        prop_assert_eq!(scopes.write.as_ref(), writable.map(|grant| &grant.scope));
        prop_assert_eq!(Scopes::from_grants(&scopes.to_grants()), scopes);
    }

    #[test]
    fn block_lists_never_panic(bytes in near("<BlockList>(</?(Latest|Committed)/?>|[A=&;#x]|<!\\[CDATA\\[|\\]\\]>){0,9}</BlockList>")) {
        if let Ok(ids) = block_list::parse(&bytes) {
            prop_assert_eq!(block_list::parse(block_list::render(&ids).as_bytes()).unwrap(), ids);
        }
    }

    #[test]
    fn block_lists_come_back(ids in vec(vec(any::<u8>(), 1..=64), 0..20)) {
        let ids: Vec<BlockId> = ids.iter().map(|id| BlockId::from_base64(&BASE64_STANDARD.encode(id)).unwrap()).collect();
        prop_assert_eq!(block_list::parse(block_list::render(&ids).as_bytes()).unwrap(), ids);
    }

    #[test]
    fn ranges_never_panic(text in near("bytes[= ][0-9]{0,3}-[0-9]{0,21}(/[*0-9]{0,3})?"), size: u64) {
        let text = String::from_utf8_lossy(&text);
        if let Some(Part::Bytes { start, end }) = Asked::parse(&text).map(|asked| asked.of(size)) {
            prop_assert!(start < end && end <= size);
        }
        if let Ok(placed) = Placed::parse(&text) {
            prop_assert!(placed.size() > 0);
        }
    }

    #[test]
    fn ranges_pick_the_bytes_that_they_name(first in 0..40u64, last in 0..40u64, size in 0..40u64) {
        let body: Vec<u64> = (0..size).collect();
        let part = |text: String| match Asked::parse(&text).unwrap().of(size) {
            Part::Bytes { start, end } => (start..end).collect::<Vec<_>>(),
            Part::Unsatisfiable => Vec::new(),
        };
        if first <= last {
            let expected: Vec<u64> = body.iter().copied().filter(|n| (first..=last).contains(n)).collect();
            prop_assert_eq!(part(format!("bytes={first}-{last}")), expected);
        }
        let expected: Vec<u64> = body.iter().copied().filter(|n| *n >= first).collect();
        prop_assert_eq!(part(format!("bytes={first}-")), expected);
        let expected: Vec<u64> = body.iter().copied().filter(|n| n + last >= size).collect();
        prop_assert_eq!(part(format!("bytes=-{last}")), expected);
    }

    #[test]
    fn queries_never_panic(bytes in near("([a-c%=+&]|%[0-9a-f]{2}){0,40}"), name in "[a-c]{0,2}") {
        let text = String::from_utf8_lossy(&bytes);
        let _ = Query::new(&text).literal(&name);
        let _ = Query::new(&text).form(&name);
    }
}

fn again<M: Wire>(encoding: Encoding, message: &M) -> M {
    encoding.decode(&encoding.encode(message)).unwrap()
}
