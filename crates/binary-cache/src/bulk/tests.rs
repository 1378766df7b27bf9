//! Infos and layers through messages and back.

use proptest::prelude::*;
use prost::Message as _;
use snowbank_nix::hash::NarHash;
use snowbank_nix::path_info::PathInfo;
use snowbank_nix::signature::SecretKey;
use snowbank_nix::store_path::{StoreDir, StorePath};

use super::{LayerCompression, LayerError, ToldLayer, WireInfo, WireLayer};

fn path(digit: char, name: &str) -> StorePath {
    format!("{}-{name}", digit.to_string().repeat(32)).parse().unwrap()
}

#[test]
fn an_info_is_the_same_on_the_other_side() {
    let mut info = PathInfo {
        path: path('a', "hello-1.0"),
        nar_hash: NarHash::of(b"nar"),
        nar_size: 3,
        references: [path('a', "hello-1.0"), path('b', "glibc")].into(),
        deriver: Some(path('c', "hello.drv")),
        signatures: [].into(),
        ca: Some("fixed:r:sha256:1qwy7y49hyqd7kdpkyjfclz5fkfqalqapzc4v18lbibkx1yzdzib".parse().unwrap()),
    };
    info.sign(&StoreDir::default(), &SecretKey::generate("host-1").unwrap());
    let bytes = WireInfo::from(&info).encode_to_vec();
    assert_eq!(PathInfo::try_from(WireInfo::decode(&*bytes).unwrap()).unwrap(), info);
}

#[test]
fn what_is_no_path_is_named() {
    let good = WireInfo { path: path('a', "x").to_string(), nar_hash: vec![0; 32], ..WireInfo::default() };
    PathInfo::try_from(good.clone()).unwrap();
    let wrong = [
        (WireInfo { path: "../x".into(), ..good.clone() }, "`../x` is no store path"),
        (WireInfo { nar_hash: vec![0; 31], ..good.clone() }, "`31 bytes` is no NAR hash"),
        (WireInfo { references: vec!["y".into()], ..good.clone() }, "`y` is no store path"),
        (WireInfo { signatures: vec!["z".into()], ..good.clone() }, "`z` is no signature"),
        (WireInfo { ca: "fixed".into(), ..good.clone() }, "`fixed` is no content address"),
    ];
    for (message, why) in wrong {
        assert_eq!(PathInfo::try_from(message).unwrap_err().to_string(), why);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(message) = WireInfo::decode(&*bytes) {
            let _ = PathInfo::try_from(message);
        }
        if let Ok(message) = WireLayer::decode(&*bytes) {
            let _ = ToldLayer::try_from(message);
        }
    }
}

fn told(compression: LayerCompression) -> ToldLayer {
    ToldLayer { key: [1; 32], diff_id: [2; 32], diff_size: Some(9), digest: [2; 32], size: 9, compression }
}

#[test]
fn a_layer_is_the_same_on_the_other_side() {
    for compression in [LayerCompression::None, LayerCompression::Gzip, LayerCompression::Zstd] {
        for diff_size in [None, Some(9)] {
            let layer = ToldLayer { diff_size, ..told(compression) };
            let bytes = WireLayer::from(&layer).encode_to_vec();
            assert_eq!(WireLayer::decode(&*bytes).unwrap().try_into(), Ok(layer));
        }
    }
}

#[test]
fn what_no_layer_can_be_is_refused() {
    let good = WireLayer::from(&told(LayerCompression::None));
    let wrong = [
        (WireLayer { key: vec![0; 31], ..good.clone() }, LayerError::Hash("key")),
        (WireLayer { diff_id: vec![], ..good.clone() }, LayerError::Hash("diff id")),
        (WireLayer { digest: vec![0; 33], ..good.clone() }, LayerError::Hash("digest")),
        (WireLayer { size: 0, ..good.clone() }, LayerError::Size),
        (WireLayer { diff_size: Some(u64::MAX), ..good.clone() }, LayerError::Size),
        (WireLayer { compression: 0, ..good.clone() }, LayerError::Compression),
        (WireLayer { compression: 4, ..good.clone() }, LayerError::Compression),
        (WireLayer { digest: vec![3; 32], ..good.clone() }, LayerError::Differs),
        (WireLayer { diff_size: Some(8), ..good.clone() }, LayerError::Differs),
    ];
    for (message, why) in wrong {
        assert_eq!(ToldLayer::try_from(message), Err(why));
    }
}
