//! What GitHub's REST API is asked, and what it answers, is read or refused; a limit comes back as it was written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use snowbank_actions::messages::rest::{
    Amount, CacheList, CacheUsage, Days, Failure, Gigabytes, SetLimits, StorageLimit, TotalUsage,
    UsageByRepository, UsagePolicy,
};
use snowbank_actions::query::Query;

fuzz_target!(|input: (&[u8], &str, u64)| {
    let (bytes, query, count) = input;
    let _ = serde_json::from_slice::<CacheList>(bytes);
    let _ = serde_json::from_slice::<CacheUsage>(bytes);
    let _ = serde_json::from_slice::<TotalUsage>(bytes);
    let _ = serde_json::from_slice::<UsageByRepository>(bytes);
    let _ = serde_json::from_slice::<UsagePolicy>(bytes);
    let _ = serde_json::from_slice::<Failure>(bytes);
    if let Ok(limits) = serde_json::from_slice::<SetLimits>(bytes) {
        let _ = limits.max_cache_size_gb.flatten().and_then(|size| size.count());
        let _ = limits.max_cache_retention_days.flatten().and_then(|days| days.count());
    }
    if let Ok(limit) = serde_json::from_slice::<StorageLimit>(bytes) {
        let _ = limit.max_cache_size_gb.count();
    }
    let written: Days = Amount::of(count);
    let text = serde_json::to_vec(&written).expect("JSON");
    assert_eq!(serde_json::from_slice::<Days>(&text).expect("a number"), written);
    assert!(Gigabytes::of(count).count().unwrap_or(u64::MAX).abs_diff(count) <= count >> 50);
    for name in ["key", "ref", "page", "per_page", "sort", "direction"] {
        let _ = Query::new(query).form(name);
    }
});
