//! Names of rows, one type each, and the catalog's time.

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub i64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

row_id!(
    /// A repository, `owner/name`.
    RepoId
);
row_id!(
    /// A domain: those who share chunks. One an owner, or one for all where sharing is switched on.
    DomainId
);
row_id!(
    /// A reservation and what has been uploaded under it.
    UploadId
);
row_id!(
    /// A cache entry, visible to lookups.
    EntryId
);
row_id!(
    /// One immutable form in which an entry's bytes can be fetched.
    RepresentationId
);
row_id!(
    /// A recipe.
    RecipeId
);
row_id!(
    /// A job.
    JobId
);
row_id!(
    /// A Nix binary cache.
    CacheId
);
row_id!(
    /// A NAR, kept once for a domain.
    NarId
);
row_id!(
    /// A path of a binary cache in one of its views.
    PathId
);

/// Milliseconds since 1970, read from the database's clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(pub i64);
