//! The catalog's recipe pages as the content store wants to read them.

use std::sync::Arc;

use async_trait::async_trait;
use snowbank_cas::assemble::{Measure, PageSource};
use snowbank_cas::index::IndexError;
use snowbank_cas::recipe::RecipePage;
use snowbank_catalog::Catalog;
use snowbank_catalog::ids::RecipeId;
use snowbank_catalog::rooms;

/// The pages of one recipe.
#[derive(Clone)]
pub(super) struct RecipePages {
    pub(super) catalog: Arc<dyn Catalog>,
    pub(super) recipe: RecipeId,
}

#[async_trait]
impl PageSource for RecipePages {
    async fn page_at(&self, measure: Measure, offset: u64) -> Result<Option<RecipePage>, IndexError> {
        let measure = match measure {
            Measure::Raw => rooms::Measure::Raw,
            Measure::Stored => rooms::Measure::Stored,
        };
        let page = self.catalog.page_at(self.recipe, measure, offset).await.map_err(IndexError::new)?;
        Ok(page.map(|numbered| numbered.page))
    }
}
