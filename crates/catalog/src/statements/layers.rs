//! What is known of layers of images.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use async_trait::async_trait;

use super::codes;
use super::kept::texts;
use crate::Result;
use crate::ids::CacheId;
use crate::rooms::{KnownLayer, Layer, LayerKey, Layers};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, Table, Value, args, millis, signed, sql};

/// SQLite takes a cross join in the order in which it is written.
const FIND: Sql = sql!(
    "SELECT layers.key, layers.diff_id, layers.diff_size, layers.digest, layers.size, layers.compression, layers.used FROM"
    ranked_blobs("$2")
    "CROSS JOIN layers WHERE layers.cache = $1 AND layers.view = listed.value AND layers.key" in_blobs("$3")
    " ORDER BY listed.rank"
);
const KEEP: Sql = sql!(
    "INSERT INTO layers (cache, view, key, diff_id, diff_size, digest, size, compression, used) SELECT $1, $2,"
    bytes_at("0") "," bytes_at("1") "," int_at("2") "," bytes_at("3") "," int_at("4") "," int_at("5") ", $4 FROM"
    rows("$3")
    "WHERE TRUE ON CONFLICT (cache, view, key) DO UPDATE SET diff_id = excluded.diff_id,
       diff_size = excluded.diff_size, digest = excluded.digest, size = excluded.size,
       compression = excluded.compression, used = excluded.used"
);
const COUNT: Sql = sql!("SELECT count(*) FROM layers WHERE cache = $1");
/// What goes first: of other views than the cache itself, then the longest unused.
const CROWDED_OUT: Sql = sql!(
    "DELETE FROM layers WHERE cache = $1 AND (view, key) IN (
         SELECT crowd.view, crowd.key FROM layers AS crowd WHERE crowd.cache = $1
         ORDER BY CASE WHEN crowd.view = $2 THEN 1 ELSE 0 END, crowd.used, crowd.view, crowd.key LIMIT $3
     )"
);
const TOUCH: Sql = sql!(
    "UPDATE layers SET used = $4 WHERE cache = $1 AND view" in_blobs("$2") " AND key" in_blobs("$3")
    " AND used < $4"
);
const SWEEP: Sql = sql!("DELETE FROM layers WHERE cache = $1 AND used <= $2");

impl Read for KnownLayer {
    const NOUN: &'static str = "layer";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        let layer = Layer {
            key: columns.read::<Vec<u8>>()?.try_into().ok()?,
            diff_id: columns.read::<Vec<u8>>()?.try_into().ok()?,
            diff_size: columns.read()?,
            digest: columns.read::<Vec<u8>>()?.try_into().ok()?,
            size: columns.read()?,
            compression: columns.read()?,
        };
        Some(Self { layer, used: columns.read()? })
    }
}

fn row(layer: &Layer) -> [Value<'_>; 6] {
    [
        Value::from(&layer.key),
        Value::from(&layer.diff_id),
        Value::from(layer.diff_size.map(signed)),
        Value::from(&layer.digest),
        Value::from(signed(layer.size)),
        Value::from(codes::compression(layer.compression)),
    ]
}

fn listed(keys: &[LayerKey]) -> Vec<Vec<u8>> {
    keys.iter().map(|key| key.to_vec()).collect()
}

#[async_trait]
impl<D: Driver> Layers for Database<D> {
    async fn keep_layers(&self, cache: CacheId, view: &str, layers: &[Layer], most: u64) -> Result<()> {
        // By rising key, so that two writers lock rows in one order; PostgreSQL changes no row twice.
        let layers: BTreeMap<LayerKey, &Layer> = layers.iter().map(|layer| (layer.key, layer)).collect();
        if layers.is_empty() {
            return Ok(());
        }
        let rows = Table::of(layers.into_values().map(row));
        self.retry(|| async {
            let mut tx = self.write("note layers").await?;
            let now = tx.now().await?;
            tx.run(&KEEP, args![cache, view, &rows, now]).await?;
            let over = tx.one::<i64>(&COUNT, args![cache]).await?.saturating_sub(signed(most));
            if over > 0 {
                tx.run(&CROWDED_OUT, args![cache, "", over]).await?;
            }
            tx.commit().await
        })
        .await
    }

    async fn layers(&self, cache: CacheId, views: &[String], keys: &[LayerKey]) -> Result<Vec<KnownLayer>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let mut session = self.read("find layers").await?;
        let mut found = session.all::<KnownLayer>(&FIND, args![cache, &texts(views), &listed(keys)]).await?;
        let mut seen = HashSet::new();
        found.retain(|known| seen.insert(known.layer.key));
        Ok(found)
    }

    async fn touch_layers(&self, cache: CacheId, views: &[String], keys: &[LayerKey]) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let (views, keys) = (texts(views), listed(keys));
        self.retry(|| async {
            let mut tx = self.write("note the use of layers").await?;
            let now = tx.now().await?;
            tx.run(&TOUCH, args![cache, &views, &keys, now]).await?;
            tx.commit().await
        })
        .await
    }

    async fn sweep_layers(&self, cache: CacheId, idle: Duration) -> Result<u64> {
        self.retry(|| async {
            let mut tx = self.write("sweep layers").await?;
            let until = tx.now().await? - millis(idle);
            let swept = tx.run(&SWEEP, args![cache, until]).await?;
            tx.commit().await?;
            Ok(swept)
        })
        .await
    }
}
