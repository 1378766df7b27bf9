//! Reservations and how they end.

use std::sync::Arc;
use std::time::Duration;

use super::House;
use super::fixtures::{GONE, LATER, LEASE, block, doomed, granted, raw_of, repo, save, slot};
use crate::ids::UploadId;
use crate::rooms::{Changed, Finalized, Form, JobKind, Reserved, Slot, Source};

/// A second reservation is told that the slot is busy.
pub async fn a_slot_is_held_by_one(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let id = granted(catalog, repo, &slot("a")).await;
    assert_eq!(catalog.reserve(repo, &slot("a"), Form::Opaque, LEASE).await.unwrap(), Reserved::Busy);

    let upload = catalog.upload(id).await.unwrap().unwrap();
    assert_eq!((upload.id, upload.repo, &upload.slot), (id, repo, &slot("a")));
    assert_eq!(catalog.find_upload(repo, &slot("a")).await.unwrap(), Some(upload));
    assert_eq!(catalog.find_upload(repo, &slot("b")).await.unwrap(), None);
    assert_eq!(catalog.upload(UploadId(id.0 + 1)).await.unwrap(), None);
}

/// Of 32 tasks on two handles, exactly one is granted the slot.
pub async fn only_one_of_many_gets_a_slot(house: &House) {
    let repo = repo(&*house.catalog).await;
    for round in 0..4 {
        let tasks = (0..32).map(|number| {
            let catalog = house.handle(number);
            let slot = slot(&format!("round {round}"));
            tokio::spawn(async move { catalog.reserve(repo, &slot, Form::Archive, LEASE).await.unwrap() })
        });
        let mut granted = 0;
        for task in tasks.collect::<Vec<_>>() {
            match task.await.unwrap() {
                Reserved::Granted(_) => granted += 1,
                Reserved::Busy => {}
                Reserved::Exists(entry) => panic!("there is no entry {entry}"),
            }
        }
        assert_eq!(granted, 1);
    }
}

/// Repository, scope, key and version all tell slots apart.
pub async fn a_slot_is_more_than_its_key(house: &House) {
    let catalog = &*house.catalog;
    let one = repo(catalog).await;
    let other = catalog.repository("owner/other", "owner").await.unwrap().id;
    let slot = slot("a");
    granted(catalog, one, &slot).await;
    granted(catalog, other, &slot).await;
    granted(catalog, one, &Slot { scope: "refs/heads/dev".to_owned(), ..slot.clone() }).await;
    granted(catalog, one, &Slot { version: "v2".to_owned(), ..slot.clone() }).await;
    granted(catalog, one, &Slot { key: "A".to_owned(), ..slot }).await;
}

/// Under another number, with its blocks doomed.
pub async fn an_expired_reservation_is_taken_over(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let first = granted(catalog, repo, &slot("a")).await;
    catalog.add_block(first, &block("one", "uploads/x/one", 5), LEASE).await.unwrap();
    house.clock.advance(LATER);
    let second = granted(catalog, repo, &slot("a")).await;
    assert_ne!(first, second);
    assert_eq!(catalog.blocks(second).await.unwrap(), []);
    assert_eq!(doomed(catalog).await, ["uploads/x/one"]);
    let late = catalog.add_block(first, &block("two", "uploads/x/two", 5), LEASE).await.unwrap();
    assert_eq!(late, Changed::Gone);
}

/// Every change extends the lease.
pub async fn what_arrives_keeps_the_lease(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let id = granted(catalog, repo, &slot("a")).await;
    let nearly = LEASE - Duration::from_secs(60);
    for round in 0..3 {
        house.clock.advance(nearly);
        let block = block(&format!("{round}"), &format!("uploads/x/{round}"), 1);
        let changed = match round {
            0 => catalog.add_block(id, &block, LEASE).await.unwrap(),
            1 => catalog.append(id, &block, LEASE).await.unwrap(),
            _ => catalog.replace_content(id, Some(&block), LEASE).await.unwrap(),
        };
        assert_eq!(changed, Changed::Done);
    }
    house.clock.advance(nearly);
    assert!(catalog.extend(id, LEASE).await.unwrap());
    house.clock.advance(nearly);
    assert_eq!(catalog.commit_blocks(id, &[b"2".to_vec()], LEASE).await.unwrap(), Changed::Done);
    house.clock.advance(nearly);
    assert!(catalog.upload(id).await.unwrap().is_some());
}

/// No method knows an upload whose lease ran out.
pub async fn an_expired_upload_is_gone(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let slot = slot("a");
    let id = granted(catalog, repo, &slot).await;
    let block = block("one", "uploads/x/one", 5);
    catalog.replace_content(id, Some(&block), LEASE).await.unwrap();
    house.clock.advance(LATER);
    assert_eq!(catalog.upload(id).await.unwrap(), None);
    assert_eq!(catalog.find_upload(repo, &slot).await.unwrap(), None);
    assert!(!catalog.extend(id, LEASE).await.unwrap());
    assert_eq!(catalog.add_block(id, &block, LEASE).await.unwrap(), Changed::Gone);
    assert_eq!(catalog.commit_blocks(id, &[], LEASE).await.unwrap(), Changed::Gone);
    assert_eq!(catalog.replace_content(id, None, LEASE).await.unwrap(), Changed::Gone);
    assert_eq!(catalog.append(id, &block, LEASE).await.unwrap(), Changed::Gone);
    assert_eq!(catalog.blocks(id).await.unwrap(), []);
    assert_eq!(catalog.finalize(repo, &slot, 5).await.unwrap(), Finalized::Unknown);
    assert!(!catalog.abandon(id).await.unwrap());
}

/// NUL, quotes, any script, and no text at all come back as they were.
pub async fn any_text_is_kept(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let slot =
        Slot {
            scope: String::new(), key: "a\0b'\"\\%_Ä雪\u{10FFFF}".to_owned(), version: "\0".repeat(5000)
        };
    let id = granted(catalog, repo, &slot).await;
    assert_eq!(catalog.upload(id).await.unwrap().unwrap().slot, slot);
    let mut odd = block("", "uploads/x/odd", 1);
    odd.id = vec![0, 255, 0];
    catalog.add_block(id, &odd, LEASE).await.unwrap();
    assert_eq!(catalog.blocks(id).await.unwrap(), [odd.clone()]);
    catalog.commit_blocks(id, &[odd.id], LEASE).await.unwrap();
    let Finalized::Entry(entry) = catalog.finalize(repo, &slot, 1).await.unwrap() else { panic!() };
    assert_eq!(catalog.entry(entry).await.unwrap().unwrap().slot, slot);
    let hit = catalog
        .lookup(repo, std::slice::from_ref(&slot.scope), &slot.version, std::slice::from_ref(&slot.key))
        .await
        .unwrap();
    assert_eq!(hit.unwrap().entry.id, entry);
}

/// Finalized and taken over ones count too, until the window has passed.
pub async fn uploads_begun_are_counted(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let minute = Duration::from_secs(60);
    save(catalog, repo, &slot("a")).await;
    granted(catalog, repo, &slot("b")).await;
    catalog.reserve(repo, &slot("b"), Form::Archive, LEASE).await.unwrap();
    assert_eq!(catalog.begun_since(repo, minute).await.unwrap(), 2);
    house.clock.advance(minute * 2);
    assert_eq!(catalog.begun_since(repo, minute).await.unwrap(), 0);
    granted(catalog, repo, &slot("c")).await;
    assert_eq!(catalog.begun_since(repo, minute).await.unwrap(), 1);
    assert_eq!(catalog.begun_since(repo, minute * 5).await.unwrap(), 3);
}

/// And frees the slot.
pub async fn abandoning_dooms_every_block(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let id = granted(catalog, repo, &slot("a")).await;
    catalog.add_block(id, &block("one", "uploads/x/one", 5), LEASE).await.unwrap();
    catalog.append(id, &block("two", "uploads/x/two", 5), LEASE).await.unwrap();
    assert!(catalog.abandon(id).await.unwrap());
    assert!(!catalog.abandon(id).await.unwrap());
    assert_eq!(doomed(catalog).await, ["uploads/x/one", "uploads/x/two"]);
    granted(catalog, repo, &slot("a")).await;
}

/// As many as the limit allows, and none whose lease runs.
pub async fn sweeping_abandons_what_expired(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    for key in ["a", "b", "c"] {
        let id = granted(catalog, repo, &slot(key)).await;
        catalog.add_block(id, &block("one", &format!("uploads/x/{key}"), 5), LEASE).await.unwrap();
    }
    assert_eq!(catalog.sweep_uploads(10).await.unwrap(), 0);
    house.clock.advance(LATER);
    let fresh = granted(catalog, repo, &slot("d")).await;
    assert_eq!(catalog.sweep_uploads(2).await.unwrap(), 2);
    assert_eq!(catalog.sweep_uploads(2).await.unwrap(), 1);
    assert_eq!(doomed(catalog).await, ["uploads/x/a", "uploads/x/b", "uploads/x/c"]);
    assert!(catalog.upload(fresh).await.unwrap().is_some());
}

/// Nothing committed, a wrong size, no upload at all: and nothing changes.
pub async fn finalize_answers_what_is_wrong(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    assert_eq!(catalog.finalize(repo, &slot("a"), 0).await.unwrap(), Finalized::Unknown);
    let id = granted(catalog, repo, &slot("a")).await;
    assert_eq!(catalog.finalize(repo, &slot("a"), 0).await.unwrap(), Finalized::Nothing);
    catalog.add_block(id, &block("one", "uploads/x/one", 5), LEASE).await.unwrap();
    assert_eq!(catalog.finalize(repo, &slot("a"), 5).await.unwrap(), Finalized::Nothing);
    catalog.commit_blocks(id, &[b"one".to_vec()], LEASE).await.unwrap();
    let wrong = catalog.finalize(repo, &slot("a"), u64::MAX).await.unwrap();
    assert_eq!(wrong, Finalized::SizeMismatch { committed: 5 });
    assert!(matches!(catalog.finalize(repo, &slot("a"), 5).await.unwrap(), Finalized::Entry(_)));

    let id = granted(catalog, repo, &slot("empty")).await;
    catalog.replace_content(id, None, LEASE).await.unwrap();
    assert!(matches!(catalog.finalize(repo, &slot("empty"), 0).await.unwrap(), Finalized::Entry(_)));
}

/// With a raw form, its blocks in order, and a job.
pub async fn finalize_makes_an_entry(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let Reserved::Granted(id) = catalog.reserve(repo, &slot("a"), Form::Opaque, LEASE).await.unwrap() else {
        panic!("the slot is free")
    };
    catalog.append(id, &block("two", "uploads/x/two", 7), LEASE).await.unwrap();
    catalog.append(id, &block("one", "uploads/x/one", 5), LEASE).await.unwrap();
    let Finalized::Entry(entry) = catalog.finalize(repo, &slot("a"), 12).await.unwrap() else { panic!() };
    assert!(entry.0 > 0);

    let found = catalog.entry(entry).await.unwrap().unwrap();
    assert_eq!((found.repo, found.slot, found.size), (repo, slot("a"), 12));
    assert_eq!(found.created, found.accessed);
    let raw = catalog.current(entry).await.unwrap().unwrap();
    assert_eq!((raw.entry, raw.repo, raw.source, raw.form), (Some(entry), repo, Source::Raw, Form::Opaque));
    assert_eq!(raw.size, 12);
    let segments = catalog.segments(raw.id).await.unwrap();
    let told: Vec<_> = segments.iter().map(|segment| (segment.object.as_str(), segment.size)).collect();
    assert_eq!(told, [("uploads/x/two", 7), ("uploads/x/one", 5)]);
    let text: Vec<u8> = segments
        .iter()
        .flat_map(|segment| [segment.hash.as_bytes().to_vec(), segment.size.to_le_bytes().to_vec()].concat())
        .collect();
    assert_eq!(raw.etag, snowbank_cas::id::ObjectHash::of(&text));

    assert_eq!(catalog.upload(id).await.unwrap(), None);
    assert_eq!(doomed(catalog).await, [""; 0]);
    let claim = catalog.claim(&[JobKind::Recode], LEASE).await.unwrap().unwrap();
    assert_eq!(claim.subject, raw.id.0);
}

/// Neither a reservation nor a second finalize gets it.
pub async fn a_finalized_slot_is_taken(house: &House) {
    let catalog = &*house.catalog;
    let repo = repo(catalog).await;
    let entry = save(catalog, repo, &slot("a")).await;
    let again = catalog.reserve(repo, &slot("a"), Form::Archive, LEASE).await.unwrap();
    assert_eq!(again, Reserved::Exists(entry));
    assert_eq!(catalog.finalize(repo, &slot("a"), 10).await.unwrap(), Finalized::Exists(entry));
    assert_eq!(catalog.delete(&[entry], GONE).await.unwrap(), 1);
    let next = save(catalog, repo, &slot("a")).await;
    assert_ne!(next, entry);
    assert!(raw_of(catalog, next).await.0 > 0);
}

/// While one finalizes, others that reserve are told Busy, then Exists, never Granted.
pub async fn reserve_and_finalize_never_both_win(house: &House) {
    let repo = repo(&*house.catalog).await;
    for round in 0..12 {
        let slot = Arc::new(slot(&format!("round {round}")));
        let upload = granted(&*house.catalog, repo, &slot).await;
        let block = block("one", &format!("uploads/{upload}/one"), 10);
        house.catalog.replace_content(upload, Some(&block), LEASE).await.unwrap();
        let others: Vec<_> = (0..6)
            .map(|number| {
                let (catalog, slot) = (house.handle(number), Arc::clone(&slot));
                tokio::spawn(async move { catalog.reserve(repo, &slot, Form::Archive, LEASE).await.unwrap() })
            })
            .collect();
        let Finalized::Entry(entry) = house.neighbour.finalize(repo, &slot, 10).await.unwrap() else {
            panic!("the upload is whole")
        };
        for other in others {
            let answer = other.await.unwrap();
            assert!(matches!(answer, Reserved::Busy) || answer == Reserved::Exists(entry), "{answer:?}");
        }
    }
}
