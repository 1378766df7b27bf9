//! A recipe's pages, fetched as they are needed.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, Stream};
use tokio_util::task::AbortOnDropHandle;

use super::AssembleError;
use crate::index::IndexError;
use crate::recipe::RecipePage;

/// Which sum of a page a place is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Bytes of the stream, uncompressed.
    Raw,
    /// Bytes of the row of frames.
    Stored,
}

/// Where the pages of one recipe come from.
#[async_trait]
pub trait PageSource: Send + Sync + 'static {
    /// The page that holds the byte at `offset`; the last page for an offset at or after the end.
    async fn page_at(&self, measure: Measure, offset: u64) -> Result<Option<RecipePage>, IndexError>;
}

#[async_trait]
impl<T: PageSource + ?Sized> PageSource for Arc<T> {
    async fn page_at(&self, measure: Measure, offset: u64) -> Result<Option<RecipePage>, IndexError> {
        (**self).page_at(measure, offset).await
    }
}

/// All pages of a recipe in memory.
#[async_trait]
impl PageSource for Vec<RecipePage> {
    async fn page_at(&self, measure: Measure, offset: u64) -> Result<Option<RecipePage>, IndexError> {
        let after = self.partition_point(|page| extent(page, measure).start <= offset);
        Ok(self.get(after.saturating_sub(1)).cloned())
    }
}

/// The page's place in the stream.
pub(super) fn extent(page: &RecipePage, measure: Measure) -> Range<u64> {
    match measure {
        Measure::Raw => page.raw_start..page.raw_start + page.raw_len(),
        Measure::Stored => page.stored_start..page.stored_start + page.stored_len(),
    }
}

type Ahead = AbortOnDropHandle<Result<Option<RecipePage>, IndexError>>;

struct Pages {
    source: Arc<dyn PageSource>,
    measure: Measure,
    rest: Range<u64>,
    ahead: Option<Ahead>,
}

impl Pages {
    async fn next(&mut self) -> Result<Option<RecipePage>, AssembleError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let offset = self.rest.start;
        let page = match self.ahead.take() {
            Some(ahead) => ahead.await.map_err(IndexError::new)??,
            None => self.source.page_at(self.measure, offset).await?,
        };
        let page = page.filter(|page| extent(page, self.measure).contains(&offset));
        let page = page.ok_or(AssembleError::NoPage(offset))?;
        self.rest.start = extent(&page, self.measure).end;
        if !self.rest.is_empty() {
            let (source, measure, offset) = (Arc::clone(&self.source), self.measure, self.rest.start);
            let ahead = tokio::spawn(async move { source.page_at(measure, offset).await });
            self.ahead = Some(AbortOnDropHandle::new(ahead));
        }
        Ok(Some(page))
    }
}

/// The pages that hold `range`, in order; the next one is fetched while one is used.
pub(crate) fn page_stream(
    source: Arc<dyn PageSource>,
    measure: Measure,
    range: Range<u64>,
) -> impl Stream<Item = Result<RecipePage, AssembleError>> + Send + 'static {
    let pages = Pages { source, measure, rest: range, ahead: None };
    stream::try_unfold(pages, |mut pages| async move { Ok(pages.next().await?.map(|page| (page, pages))) })
}
