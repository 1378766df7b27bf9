//! The scanner: a state machine over the blocks of an archive.

use super::header::{Header, Kind};
use super::pax::{self, Size};
use super::{BLOCK, MAX_FILE, MAX_META, MAX_TRAILING, TarError};

/// Headers about one file that may come before its own; GNU tar and pax need at most three.
const MAX_META_HEADERS: u32 = 8;

/// How far the scanner went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Bytes that it took from the front of the data; at least one.
    pub len: usize,
    /// Whether a file of its own chunks begins or ends right behind them.
    pub cut: bool,
}

enum State {
    /// Within a header block, so many bytes of which are in `block`.
    Header { filled: usize },
    /// Within the content of a file, so many bytes before its end.
    Content { left: u64, padding: u64, cut: bool },
    /// Within PAX records, gathered in `meta`.
    Records { left: u64, padding: u64, global: bool },
    /// Within bytes of no interest, a long name or what fills the last block.
    Skip { left: u64 },
    /// Behind a first block of zeros, so many bytes.
    End { zeros: u64 },
}

/// Follows an archive and says where files of at least a threshold begin and end.
pub struct Scanner {
    threshold: u64,
    state: State,
    block: [u8; BLOCK],
    /// PAX records until they are complete; at most [`MAX_META`] bytes.
    meta: Vec<u8>,
    /// The size that the next entry has by its extended header.
    next: Size,
    /// The size that all entries have by the last global header.
    global: Option<u64>,
    meta_headers: u32,
    extended: bool,
}

impl Scanner {
    /// A scanner at the beginning of an archive that tells of files of at least `threshold` bytes.
    #[must_use]
    pub fn new(threshold: u64) -> Self {
        Self {
            threshold,
            state: State::Header { filled: 0 },
            block: [0; BLOCK],
            meta: Vec::new(),
            next: Size::Silent,
            global: None,
            meta_headers: 0,
            extended: false,
        }
    }

    /// Goes on over `data`, which must not be empty, to the next place of interest or to its end.
    ///
    /// # Errors
    /// When the stream is no acceptable tar; the scanner is then of no more use.
    pub fn advance(&mut self, data: &[u8]) -> Result<Step, TarError> {
        let mut at = 0;
        while at < data.len() {
            let rest = &data[at..];
            match &mut self.state {
                State::Header { filled } => {
                    let count = rest.len().min(BLOCK - *filled);
                    self.block[*filled..*filled + count].copy_from_slice(&rest[..count]);
                    *filled += count;
                    at += count;
                    if *filled == BLOCK && self.header()? {
                        return Ok(Step { len: at, cut: true });
                    }
                }
                State::Content { left, padding, cut } => {
                    at += take(rest, left);
                    if *left == 0 {
                        let cut = *cut;
                        self.state = skip(*padding);
                        if cut {
                            return Ok(Step { len: at, cut });
                        }
                    }
                }
                State::Records { left, padding, global } => {
                    let count = take(rest, left);
                    self.meta.extend_from_slice(&rest[..count]);
                    at += count;
                    if *left == 0 {
                        let (padding, global) = (*padding, *global);
                        self.records(global)?;
                        self.state = skip(padding);
                    }
                }
                State::Skip { left } => {
                    at += take(rest, left);
                    if *left == 0 {
                        self.state = State::Header { filled: 0 };
                    }
                }
                State::End { zeros } => {
                    *zeros += rest.len() as u64;
                    // The second block of zeros belongs to the end; what fills the record follows.
                    if *zeros > BLOCK as u64 + MAX_TRAILING || rest.iter().any(|&byte| byte != 0) {
                        return Err(TarError::Trailing);
                    }
                    at = data.len();
                }
            }
        }
        Ok(Step { len: at, cut: false })
    }

    /// Says whether the archive may end here.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn finish(self) -> Result<(), TarError> {
        match self.state {
            State::End { zeros } if zeros.is_multiple_of(BLOCK as u64) => Ok(()),
            _ => Err(TarError::Truncated),
        }
    }

    /// Takes the complete header block. True when a file of its own chunks follows.
    fn header(&mut self) -> Result<bool, TarError> {
        if self.block.iter().all(|&byte| byte == 0) {
            if self.meta_headers > 0 {
                return Err(TarError::StrayMeta);
            }
            self.state = State::End { zeros: 0 };
            return Ok(false);
        }
        let header = Header::parse(&self.block)?;
        match header.kind {
            Kind::File => return self.file(header.size),
            Kind::Bare => self.bare(&header)?,
            Kind::Extended | Kind::Global | Kind::LongName => self.meta(&header)?,
        }
        Ok(false)
    }

    fn file(&mut self, size_by_header: u64) -> Result<bool, TarError> {
        let size = match self.next {
            Size::Is(size) => size,
            Size::Unset => size_by_header,
            Size::Silent => self.global.unwrap_or(size_by_header),
        };
        if size > MAX_FILE {
            return Err(TarError::FileTooLarge(size));
        }
        self.begin_entry();
        let cut = size > 0 && size >= self.threshold;
        self.state = if size == 0 {
            State::Header { filled: 0 }
        } else {
            State::Content { left: size, padding: padding(size), cut }
        };
        Ok(cut)
    }

    fn bare(&mut self, header: &Header) -> Result<(), TarError> {
        if header.size > 0 || matches!(self.next, Size::Is(1..)) {
            return Err(TarError::UnexpectedContent(header.flag));
        }
        self.begin_entry();
        self.state = State::Header { filled: 0 };
        Ok(())
    }

    fn meta(&mut self, header: &Header) -> Result<(), TarError> {
        if header.size > MAX_META {
            return Err(TarError::MetaTooLarge(header.size));
        }
        let (left, padding) = (header.size, padding(header.size));
        if header.kind == Kind::Global {
            self.state = State::Records { left, padding, global: true };
        } else {
            self.meta_headers += 1;
            let twice = header.kind == Kind::Extended && std::mem::replace(&mut self.extended, true);
            if self.meta_headers > MAX_META_HEADERS || twice {
                return Err(TarError::StrayMeta);
            }
            self.state = match header.kind {
                Kind::Extended => State::Records { left, padding, global: false },
                _ => skip(left + padding),
            };
        }
        if left == 0 {
            self.state = State::Header { filled: 0 };
        }
        Ok(())
    }

    /// Takes the complete records of an extended header.
    fn records(&mut self, global: bool) -> Result<(), TarError> {
        let size = pax::size(&self.meta)?;
        self.meta = Vec::new();
        match (global, size) {
            (false, size) => self.next = size,
            (true, Size::Silent) => {}
            (true, Size::Is(size)) => self.global = Some(size),
            (true, Size::Unset) => self.global = None,
        }
        Ok(())
    }

    fn begin_entry(&mut self) {
        self.next = Size::Silent;
        self.meta_headers = 0;
        self.extended = false;
    }
}

/// Counts as much of `data` as is `left`.
fn take(data: &[u8], left: &mut u64) -> usize {
    let count = usize::try_from(*left).map_or(data.len(), |left| left.min(data.len()));
    *left -= count as u64;
    count
}

fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64) - size
}

fn skip(left: u64) -> State {
    if left == 0 { State::Header { filled: 0 } } else { State::Skip { left } }
}
