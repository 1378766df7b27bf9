//! Records as messages tell of them, and back.

use snowbank_binary_cache::bulk::{LayerCompression, ToldLayer};
use snowbank_oci::compression::Compression;
use snowbank_oci::digest::Digest;
use snowbank_oci::record::{LayerKey, LayerRecord};

pub(super) fn told(key: &LayerKey, record: &LayerRecord) -> ToldLayer {
    ToldLayer {
        key: *key.bytes(),
        diff_id: *record.diff_id.bytes(),
        diff_size: record.diff_size,
        digest: *record.digest.bytes(),
        size: record.size,
        compression: match record.compression {
            Compression::None => LayerCompression::None,
            Compression::Gzip => LayerCompression::Gzip,
            Compression::Zstd => LayerCompression::Zstd,
        },
    }
}

/// None where it does not tell all that a record has.
pub(super) fn record(layer: &ToldLayer) -> Option<(LayerKey, LayerRecord)> {
    let record = LayerRecord {
        diff_id: Digest::from_bytes(layer.diff_id),
        diff_size: layer.diff_size,
        digest: Digest::from_bytes(layer.digest),
        size: layer.size,
        compression: match layer.compression {
            LayerCompression::None => Compression::None,
            LayerCompression::Gzip => Compression::Gzip,
            LayerCompression::Zstd => Compression::Zstd,
            LayerCompression::Unknown => return None,
        },
    };
    Some((LayerKey::from_bytes(layer.key), record))
}
