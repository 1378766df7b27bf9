//! Image pushes.

use async_trait::async_trait;

use super::Bounds;
use crate::Result;
use crate::rooms::{EventFilter, ImagePush, ImagePushes, MAX_NOTED_TEXT, NewImagePush, Pusher, cut};
use crate::sql::{Cells, Columns, Database, Driver, Read, Sql, args, signed, sql};

const NOTE: Sql = sql!(
    "INSERT INTO image_pushes (repo, cache, moment, destination, tag, digest, layers_reused, layers_sent, bytes_sent,
       bytes_total, millis) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
);
const CROWDED_OUT: Sql = sql!(
    "DELETE FROM image_pushes WHERE repo = $1 AND cache = $2 AND id <= (
         SELECT kept.id FROM image_pushes AS kept WHERE kept.repo = $1 AND kept.cache = $2
         ORDER BY kept.id DESC LIMIT 1 OFFSET $3
     )"
);

macro_rules! columns {
    () => {
        "SELECT image_pushes.id, repositories.name, image_pushes.cache, image_pushes.moment, \
         image_pushes.destination, image_pushes.tag, image_pushes.digest, image_pushes.layers_reused, \
         image_pushes.layers_sent, image_pushes.bytes_sent, image_pushes.bytes_total, image_pushes.millis \
         FROM image_pushes LEFT JOIN repositories ON repositories.id = image_pushes.repo \
         WHERE image_pushes.id < $1 "
    };
}

const ALL: Sql = sql!(columns!() "ORDER BY image_pushes.id DESC LIMIT $2");
const OF_REPOSITORY: Sql =
    sql!(columns!() "AND image_pushes.repo = $3 ORDER BY image_pushes.id DESC LIMIT $2");

impl Read for ImagePush {
    const NOUN: &'static str = "image push";

    fn read<R: Cells>(columns: &mut Columns<'_, R>) -> Option<Self> {
        Some(Self {
            id: columns.read()?,
            repository: columns.read()?,
            cache: Some(columns.read::<String>()?).filter(|cache| !cache.is_empty()),
            moment: columns.read()?,
            push: NewImagePush {
                destination: columns.read()?,
                tag: columns.read()?,
                digest: columns.read()?,
                layers_reused: columns.read()?,
                layers_sent: columns.read()?,
                bytes_sent: columns.read()?,
                bytes_total: columns.read()?,
                millis: columns.read()?,
            },
        })
    }
}

#[async_trait]
impl<D: Driver> ImagePushes for Database<D> {
    async fn note_image_push(&self, pusher: &Pusher, push: &NewImagePush, most: u64) -> Result<()> {
        let (repo, cache) = match pusher {
            Pusher::Repository(repo) => (repo.0, ""),
            Pusher::Cache(cache) => (0, cache.as_str()),
        };
        let text = |text| cut(text, MAX_NOTED_TEXT);
        self.retry(|| async {
            let mut tx = self.write("note an image push").await?;
            let now = tx.now().await?;
            let values = args![
                repo,
                text(cache),
                now,
                text(&push.destination),
                text(&push.tag),
                text(&push.digest),
                signed(push.layers_reused),
                signed(push.layers_sent),
                signed(push.bytes_sent),
                signed(push.bytes_total),
                signed(push.millis)
            ];
            tx.run(&NOTE, values).await?;
            tx.run(&CROWDED_OUT, args![repo, text(cache), signed(most)]).await?;
            tx.commit().await
        })
        .await
    }

    async fn image_pushes(&self, filter: &EventFilter) -> Result<Vec<ImagePush>> {
        let mut session = self.read("list image pushes").await?;
        let Bounds { before, limit, .. } = Bounds::of(filter);
        match filter.repo {
            Some(repo) => session.all(&OF_REPOSITORY, args![before, limit, repo]).await,
            None => session.all(&ALL, args![before, limit]).await,
        }
    }
}
