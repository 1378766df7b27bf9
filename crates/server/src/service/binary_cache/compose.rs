//! Making NARs of frames that are here: named in packs that their pusher has sent, and in NARs that he may read.

use std::collections::HashMap;

use snowbank_binary_cache::NarName;
use snowbank_cas::id::ObjectHash;
use snowbank_cas::ingest::{RecipeWriter, Written};
use snowbank_cas::recipe::{FrameRef, PAGE_FRAMES, RecipePage};
use snowbank_catalog::ids::RecipeId;
use snowbank_catalog::rooms::{KeptNar, NewNar};
use snowbank_nix::hash::NarHash;
use snowbank_nix::nar::{NarError, Parser};

use super::CacheView;
use super::keep::{MOST, gone};
use super::offer::FrameSource;
use super::parcel::unwritten;
use super::sieve::{Inspection, Sieved};
use crate::service::worker::causes;
use crate::service::{Kind, Result, ServiceError};

/// A NAR that is to be made.
#[derive(Clone, Debug)]
pub struct NarMade {
    /// What its hash has to be.
    pub hash: NarHash,
    /// Its frames.
    pub runs: Vec<FrameRun>,
}

/// Frames that follow each other.
#[derive(Clone, Copy, Debug)]
pub struct FrameRun {
    /// Which of the sources they are in.
    pub source: usize,
    /// The first.
    pub first: u32,
    /// How many.
    pub count: u32,
}

impl CacheView {
    /// Makes NARs of frames, one after the other, reads each of them once through, and has them wait for the infos that name
    /// them. Those before one that cannot be made are made.
    ///
    /// # Errors
    /// When frames are named that the pusher may not name, or that do not make what they should; or nothing may be pushed.
    pub async fn make_nars(&self, sources: &[FrameSource], nars: &[NarMade]) -> Result<()> {
        self.may_push()?;
        let recipes = self.recipes(sources).await?;
        for nar in nars {
            self.make_nar(&recipes, nar).await?;
        }
        Ok(())
    }

    /// What the sources are made of, in their order.
    async fn recipes(&self, sources: &[FrameSource]) -> Result<Vec<RecipeId>> {
        let catalog = &self.service.0.catalog;
        let (mut packs, mut nars): (Vec<ObjectHash>, Vec<NarHash>) = (Vec::new(), Vec::new());
        for source in sources {
            match source {
                FrameSource::Pack(hash) => packs.push(*hash),
                FrameSource::Nar(hash) => nars.push(*hash),
            }
        }
        let parcels = catalog.find_parcels(self.sender(), &packs).await?;
        let parcels = parcels.into_iter().map(|parcel| (FrameSource::Pack(parcel.hash), parcel.recipe));
        let nars = catalog.nar_places(self.cache.id, &self.views, &nars).await?;
        let nars = nars.into_iter().map(|(hash, nar)| (FrameSource::Nar(hash), nar.recipe));
        let here: HashMap<FrameSource, RecipeId> = parcels.chain(nars).collect();
        let missing = |source: &FrameSource| {
            let what = match source {
                FrameSource::Pack(hash) => format!("the pack {hash}"),
                FrameSource::Nar(hash) => format!("the NAR {hash}"),
            };
            let message = format!("{what} is not here, or waited too long: push again");
            ServiceError::new(Kind::FailedPrecondition, message)
        };
        sources.iter().map(|source| here.get(source).copied().ok_or_else(|| missing(source))).collect()
    }

    async fn make_nar(&self, recipes: &[RecipeId], made: &NarMade) -> Result<()> {
        let catalog = &self.service.0.catalog;
        let recipe = catalog.begin_recipe(self.cache.domain, self.lease()).await?;
        let written = self.join(recipes, made, recipe).await?;
        let sieved = match self.inspect(recipe, written.raw_size).await? {
            Ok(sieved) if sieved.hash == made.hash => sieved,
            Ok(sieved) => return Err(unlike(&made.hash, format!("they make one of hash {}", sieved.hash))),
            Err(error) => return Err(unlike(&made.hash, causes(&error))),
        };
        let nar = NewNar {
            recipe,
            hash: sieved.hash,
            size: sieved.size,
            stored: written.stored_size,
            mentions: sieved.mentions.map(|mentions| mentions.to_bytes()),
        };
        let stage = self.stage(&NarName(made.hash).to_string());
        let staying = self.service.settings().times.push.0;
        match catalog.keep_nar(&stage, &nar, None, staying).await? {
            KeptNar::New(_) | KeptNar::Known(_) => Ok(()),
            KeptNar::Gone => Err(gone()),
        }
    }

    /// Writes the frames down as a recipe. Holds two pages.
    async fn join(&self, recipes: &[RecipeId], made: &NarMade, to: RecipeId) -> Result<Written> {
        let index = self.service.index(self.cache.domain, Some(to));
        let (mut writer, mut size) = (RecipeWriter::new(&index), 0u64);
        let mut cursor = Cursor { view: self, page: None };
        for run in &made.runs {
            let nowhere = || unlike(&made.hash, "they are named where there are none");
            let recipe = *recipes.get(run.source).ok_or_else(nowhere)?;
            for at in 0..run.count {
                let at = run.first.checked_add(at).ok_or_else(nowhere)?;
                let frame = cursor.frame(recipe, at).await?.ok_or_else(nowhere)?;
                size += u64::from(frame.raw_len);
                if size > MOST {
                    return Err(unlike(&made.hash, format!("they make more than {MOST} bytes")));
                }
                writer.push(frame).await.map_err(unwritten)?;
            }
        }
        writer.finish().await.map_err(unwritten)
    }

    /// Reads what was written down once through.
    async fn inspect(&self, recipe: RecipeId, size: u64) -> Result<std::result::Result<Sieved, NarError>> {
        let take = |(parser, inspection): &mut (Parser, Inspection), mut piece: &[u8]| {
            inspection.update(piece);
            while parser.next_event(&mut piece)?.is_some() {}
            Ok(())
        };
        let read =
            self.service.over(recipe, size, false, (Parser::new(), Inspection::default()), take).await?;
        Ok(read.and_then(|(parser, inspection)| parser.finish().map(|()| inspection.finish())))
    }
}

/// Reads frames of recipes, mostly in their order. Holds a page.
struct Cursor<'a> {
    view: &'a CacheView,
    page: Option<(RecipeId, u32, RecipePage)>,
}

impl Cursor<'_> {
    async fn frame(&mut self, recipe: RecipeId, at: u32) -> Result<Option<FrameRef>> {
        let (number, place) = (at / PAGE_FRAMES as u32, at as usize % PAGE_FRAMES);
        if !matches!(&self.page, Some((of, held, _)) if (*of, *held) == (recipe, number)) {
            let page = self.view.service.0.catalog.page(recipe, number).await?;
            self.page = page.map(|page| (recipe, number, page.page));
        }
        Ok(self.page.as_ref().and_then(|(.., page)| page.frames.get(place).copied()))
    }
}

fn unlike(nar: &NarHash, why: impl std::fmt::Display) -> ServiceError {
    ServiceError::new(Kind::InvalidArgument, format!("the frames of the NAR {nar} do not make it: {why}"))
}
