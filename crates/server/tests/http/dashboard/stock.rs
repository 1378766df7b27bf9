//! Servers with something to look at.

use std::time::Duration;

use prost::Message;
use snowbank_cas::id::ObjectHash;
use snowbank_catalog::Catalog;
use snowbank_catalog::rooms::{Block, Changed, Finalized, Form, Reserved, Slot};

use crate::support::Server;

/// Keeps an entry of this size, of which nothing can be fetched.
pub(crate) async fn keep(catalog: &dyn Catalog, repository: &str, scope: &str, key: &str, size: u64) {
    let owner = repository.split_once('/').unwrap().0;
    let repo = catalog.repository(repository, owner).await.unwrap().id;
    let slot = Slot { scope: scope.to_owned(), key: key.to_owned(), version: "3ad75f27293d65a1".repeat(4) };
    let lease = Duration::from_secs(600);
    let reserved = catalog.reserve(repo, &slot, Form::Archive, lease).await.unwrap();
    let Reserved::Granted(upload) = reserved else { panic!("{reserved:?}") };
    let object = format!("uploads/{upload}/one");
    let hash = ObjectHash::of(object.as_bytes());
    let block = Block { id: b"one".to_vec(), position: None, object, size, hash };
    assert_eq!(catalog.replace_content(upload, Some(&block), lease).await.unwrap(), Changed::Done);
    let finalized = catalog.finalize(repo, &slot, size).await.unwrap();
    assert!(matches!(finalized, Finalized::Entry(_)), "{finalized:?}");
}

/// The index of a snapshot that names these packs, as far as a server reads it.
pub(crate) fn index(packs: &[[u8; 32]]) -> Vec<u8> {
    #[derive(Clone, PartialEq, Message)]
    struct Index {
        #[prost(string, tag = "1")]
        dir: String,
        #[prost(message, repeated, tag = "3")]
        packs: Vec<Pack>,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Pack {
        #[prost(bytes = "vec", tag = "1")]
        hash: Vec<u8>,
    }
    let packs = packs.iter().map(|hash| Pack { hash: hash.to_vec() }).collect();
    let message = Index { dir: "/nix/store".to_owned(), packs }.encode_to_vec();
    let mut bytes = b"SNOWINDX".to_vec();
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend([0; 40]);
    bytes.extend(zstd::bulk::compress(&message, 1).unwrap());
    bytes
}

/// The key of a pack.
pub(crate) fn pack(hash: [u8; 32]) -> String {
    format!("snowbank-pack-{}", hex::encode(hash))
}

/// Two snapshots of `acme/app` that share a pack, a pack that neither names, and a plain entry.
pub(crate) async fn with_snapshots() -> Server {
    let server = Server::with(|settings| settings.jobs.recode = false).await;
    for hash in [[1; 32], [2; 32], [3; 32], [4; 32]] {
        server.save(&pack(hash), &[hash[0]; 1000]).await;
    }
    server.save("nix-linux#1", &index(&[[9; 32]])).await;
    server.save("nix-linux#2", &index(&[[1; 32], [2; 32]])).await;
    server.save("nix-darwin#1", &index(&[[2; 32], [3; 32]])).await;
    server.save("npm-4f2a", b"an archive").await;
    server
}
