//! Bytes in, events out.

use super::{Event, MAGIC, MAX_NAME, MAX_TARGET, NarError, grammar::Grammar, padding, token::Token};

/// Bytes of the longest string that is neither a name nor a target nor content; Nix reads as many.
const MAX_TAG: usize = 32;

/// What the next bytes must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Magic,
    Open,
    Type,
    Kind,
    /// `executable` or `contents`.
    Regular,
    ExecutableValue,
    ContentsTag,
    Size {
        executable: bool,
    },
    Contents,
    Padding {
        left: u64,
    },
    TargetTag,
    Target,
    Close,
    /// `entry` or the end of the directory.
    Entry,
    EntryOpen,
    NameTag,
    Name,
    NodeTag,
    EntryClose,
    Nothing,
}

/// An event without its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Found {
    Directory,
    /// The name is the last token.
    Entry,
    DirectoryEnd,
    File {
        executable: bool,
        size: u64,
    },
    /// The last so many bytes that were taken.
    Contents(usize),
    /// The target is the last token.
    Symlink,
}

/// Makes events of a NAR that comes in pieces. Holds one name or link target, and one name for each open directory;
/// never content.
#[derive(Debug)]
pub struct Parser {
    expect: Expect,
    token: Token,
    grammar: Grammar,
    /// Padding of the file under way.
    padding: u64,
    offset: u64,
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

impl Parser {
    /// A parser at the beginning of a NAR.
    #[must_use]
    pub const fn new() -> Self {
        Self { expect: Expect::Magic, token: Token::new(), grammar: Grammar::new(), padding: 0, offset: 0 }
    }

    /// Takes from the front of `input` what the next event needs. `None`: all of it was taken, and more is needed, or
    /// the NAR is at its end.
    ///
    /// # Errors
    /// When it is no NAR; the parser is then of no more use.
    pub fn next_event<'a, 'd: 'a>(&'a mut self, input: &mut &'d [u8]) -> Result<Option<Event<'a>>, NarError> {
        Ok(self.next_event_at(input)?.map(|(event, _)| event))
    }

    /// [`next_event`](Self::next_event), and the [`offset`](Self::offset) behind it.
    ///
    /// # Errors
    /// When it is no NAR; the parser is then of no more use.
    pub fn next_event_at<'a, 'd: 'a>(
        &'a mut self,
        input: &mut &'d [u8],
    ) -> Result<Option<(Event<'a>, u64)>, NarError> {
        let before = *input;
        let found = self.advance(input)?;
        let taken = &before[..before.len() - input.len()];
        Ok(found.map(|found| (self.event(found, taken), self.offset)))
    }

    /// Bytes that were taken so far. Behind [`Event::File`] it is where the content begins.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Whether the NAR is complete, so that not one byte may follow.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.expect == Expect::Nothing
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// When the NAR is not complete.
    pub fn finish(self) -> Result<(), NarError> {
        if self.is_complete() { Ok(()) } else { Err(NarError::Truncated) }
    }
}

impl Parser {
    /// What [`next_event`](Self::next_event) does, without the event's bytes.
    pub(super) fn advance(&mut self, input: &mut &[u8]) -> Result<Option<Found>, NarError> {
        let before = input.len();
        let found = self.step(input);
        self.offset += (before - input.len()) as u64;
        found
    }

    /// The event that was found at the end of `taken`.
    pub(super) fn event<'a>(&'a self, found: Found, taken: &'a [u8]) -> Event<'a> {
        match found {
            Found::Directory => Event::Directory,
            Found::Entry => Event::Entry(self.token.text()),
            Found::DirectoryEnd => Event::DirectoryEnd,
            Found::File { executable, size } => Event::File { executable, size },
            Found::Contents(len) => Event::Contents(&taken[taken.len() - len..]),
            Found::Symlink => Event::Symlink(self.token.text()),
        }
    }

    fn step(&mut self, input: &mut &[u8]) -> Result<Option<Found>, NarError> {
        loop {
            match self.expect {
                Expect::Nothing if input.is_empty() => return Ok(None),
                Expect::Nothing => return Err(NarError::Trailing),
                Expect::Contents if input.is_empty() => return Ok(None),
                Expect::Contents => {
                    let bytes = take(input, self.grammar.left());
                    self.grammar.accept(&Event::Contents(bytes))?;
                    if self.grammar.left() == 0 {
                        self.expect = Expect::Padding { left: self.padding };
                    }
                    return Ok(Some(Found::Contents(bytes.len())));
                }
                Expect::Padding { left: 0 } => self.expect = Expect::Close,
                Expect::Padding { .. } if input.is_empty() => return Ok(None),
                Expect::Padding { left } => {
                    let zeros = take(input, left);
                    if zeros.iter().any(|&byte| byte != 0) {
                        return Err(NarError::Padding);
                    }
                    self.expect = Expect::Padding { left: left - zeros.len() as u64 };
                }
                Expect::Size { executable } => {
                    let Some(size) = self.token.take_number(input) else { return Ok(None) };
                    self.grammar.accept(&Event::File { executable, size })?;
                    self.padding = padding(size);
                    self.expect = if size > 0 { Expect::Contents } else { Expect::Close };
                    return Ok(Some(Found::File { executable, size }));
                }
                expect => {
                    let most = expect.most();
                    let taken = self.token.take(input, most);
                    if !taken
                        .map_err(|error| if expect == Expect::Magic { NarError::Magic } else { error })?
                    {
                        return Ok(None);
                    }
                    let (next, found) = self.string(expect)?;
                    self.expect = next;
                    if found.is_some() {
                        return Ok(found);
                    }
                }
            }
        }
    }

    /// What a complete string means, and what must come next.
    fn string(&mut self, expect: Expect) -> Result<(Expect, Option<Found>), NarError> {
        let text = self.token.text();
        let next = match (expect, text) {
            (Expect::Magic, MAGIC) | (Expect::NodeTag, b"node") => Expect::Open,
            (Expect::Open, b"(") => Expect::Type,
            (Expect::Type, b"type") => Expect::Kind,
            (Expect::Kind, b"regular") => Expect::Regular,
            (Expect::Kind, b"symlink") => Expect::TargetTag,
            (Expect::Kind, b"directory") => {
                self.grammar.accept(&Event::Directory)?;
                return Ok((Expect::Entry, Some(Found::Directory)));
            }
            (Expect::Regular, b"executable") => Expect::ExecutableValue,
            (Expect::Regular, b"contents") => Expect::Size { executable: false },
            (Expect::ExecutableValue, _) => Expect::ContentsTag,
            (Expect::ContentsTag, b"contents") => Expect::Size { executable: true },
            (Expect::TargetTag, b"target") => Expect::Target,
            (Expect::Target, target) => {
                self.grammar.accept(&Event::Symlink(target))?;
                return Ok((Expect::Close, Some(Found::Symlink)));
            }
            (Expect::Entry, b"entry") => Expect::EntryOpen,
            (Expect::Entry, b")") => {
                self.grammar.accept(&Event::DirectoryEnd)?;
                return Ok((self.closed(), Some(Found::DirectoryEnd)));
            }
            (Expect::EntryOpen, b"(") => Expect::NameTag,
            (Expect::NameTag, b"name") => Expect::Name,
            (Expect::Name, name) => {
                self.grammar.accept(&Event::Entry(name))?;
                return Ok((Expect::NodeTag, Some(Found::Entry)));
            }
            (Expect::Close, b")") => self.closed(),
            (Expect::EntryClose, b")") => Expect::Entry,
            _ => return Err(expect.missing()),
        };
        Ok((next, None))
    }

    /// What follows the end of a file, link or directory.
    fn closed(&self) -> Expect {
        if self.grammar.complete() { Expect::Nothing } else { Expect::EntryClose }
    }
}

impl Expect {
    /// Bytes of the longest string that may stand here.
    const fn most(self) -> usize {
        match self {
            Self::Magic => MAGIC.len(),
            Self::ExecutableValue => 0,
            Self::Name => MAX_NAME,
            Self::Target => MAX_TARGET,
            _ => MAX_TAG,
        }
    }

    /// The error when another string stands here.
    const fn missing(self) -> NarError {
        NarError::Tag(match self {
            Self::Magic => return NarError::Magic,
            Self::Open | Self::EntryOpen => "(",
            Self::Type => "type",
            Self::Kind => "regular, symlink or directory",
            Self::Regular => "executable or contents",
            Self::ContentsTag => "contents",
            Self::TargetTag => "target",
            Self::Entry => "entry or )",
            Self::NameTag => "name",
            Self::NodeTag => "node",
            _ => ")",
        })
    }
}

/// Takes up to `most` bytes.
fn take<'a>(input: &mut &'a [u8], most: u64) -> &'a [u8] {
    let len = usize::try_from(most).map_or(input.len(), |most| most.min(input.len()));
    let (taken, rest) = input.split_at(len);
    *input = rest;
    taken
}
