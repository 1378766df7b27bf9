//! The habits of a stand-in.

/// Who is let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Door {
    /// Everybody.
    #[default]
    Open,
    /// Who has this name and password.
    Basic(String, String),
    /// Who has a token, which is given to whoever has this name and password.
    Token(String, String),
    /// Who has a token, which is given for this other token.
    Identity(String),
}

/// Where sessions are said to lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Location {
    /// At an absolute address.
    #[default]
    Absolute,
    /// At a path.
    Relative,
    /// At another server, which must not be told who asks.
    Elsewhere,
}

/// What is made of a mount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mount {
    /// The blob is taken over if it is there, else a session is opened.
    #[default]
    Takes,
    /// A session is opened.
    Opens,
    /// It is refused with this status.
    Refuses(u16),
}

/// A connection that breaks while a blob is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// After so many bytes of a body.
    pub after: usize,
    /// Whether they are kept.
    pub keeps: bool,
}

/// What comes instead of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Garbage {
    /// Another manifest than was asked for.
    OtherBytes,
    /// More than a manifest may have.
    LongBody,
    /// More than headers may have.
    LongHeaders,
}

/// All habits. What counts down does so with each request that it is used on.
#[derive(Clone, Debug, Default)]
pub struct Modes {
    /// Who is let in.
    pub door: Door,
    /// Requests that a token lets in before it expires.
    pub token_uses: Option<u32>,
    /// Repositories that no token is given for: the whole request for one is refused.
    pub refused_scopes: Vec<String>,
    /// Where sessions lie.
    pub location: Location,
    /// What is made of mounts.
    pub mount: Mount,
    /// Bytes of a range at the most; more are refused in GHCR's words.
    pub most_range: Option<u64>,
    /// Bytes of every range but the last at the least, which is said, and enforced when the upload is closed.
    pub least_range: Option<u64>,
    /// Bytes of any body at the most; more are refused with 413, as by a proxy.
    pub most_body: Option<u64>,
    /// Ranges are refused with 400, as by Google's registry.
    pub no_ranges: bool,
    /// Blobs lie at another server, where they may be read and nothing else.
    pub blobs_elsewhere: bool,
    /// HEAD is refused with 405.
    pub no_head: bool,
    /// So many requests are answered with 429, in GHCR's words.
    pub busy: u32,
    /// So many requests are answered with 503.
    pub unwell: u32,
    /// Bodies of blobs that break off, the next one first.
    pub cuts: Vec<Cut>,
    /// So many sessions are forgotten when bytes come to them.
    pub forgets: u32,
    /// So many uploads are closed without an answer.
    pub silent_closes: u32,
    /// So many bodies of blobs are taken and never answered.
    pub hangs: u32,
    /// A blob that was put is said to be another one.
    pub wrong_digest: bool,
    /// Blobs that are gone when the next manifest that needs them comes.
    pub vanishing: Vec<String>,
    /// Whether all blobs are gone whenever a manifest comes.
    pub loses: bool,
    /// Whether the answer to that leaves out which.
    pub no_detail: bool,
    /// Tags are not listed.
    pub no_list: bool,
    /// What comes instead of a manifest.
    pub garbage: Option<Garbage>,
    /// Whether referrers are kept by the registry itself.
    pub referrers: bool,
    /// Whether a question for referrers leads to a page elsewhere, as at GHCR.
    pub referrers_elsewhere: bool,
    /// Whether a tag that looks like a digest is read as one, as at GitLab.
    pub digests_for_tags: bool,
}
