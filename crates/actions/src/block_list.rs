//! Azure's Put Block List: which blocks make a blob, in which order.
//!
//! The order comes from this list alone: every client makes block ids in its own way, and some are random.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use quick_xml::Reader;
use quick_xml::events::Event;

use crate::limits::BLOCKS;

/// The longest block id in bytes, before it is written as base64. Source: Azure's Put Block.
pub const MAX_ID_BYTES: usize = 64;

/// Bytes of a list at the most: [`BLOCKS`] ids with the longest tag names around them, and some white space.
pub const MAX_LIST_BYTES: usize = 8 << 20;

/// Text of one id at the most, white space and all.
const MAX_ID_TEXT: usize = 512;

/// Base64 as any client writes it, with padding or without; but no two texts for the same bytes beyond that, lest
/// two blocks of a careless client become one.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// A block's id: bytes that mean nothing. Clients use texts, numbers and UUIDs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BlockId(Vec<u8>);

impl BlockId {
    /// Reads an id from its base64, as a query or a block list has it.
    pub fn from_base64(text: &str) -> Result<Self, BlockListError> {
        let text = text.trim_ascii();
        let engine = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
        if text.len() > MAX_ID_TEXT {
            return Err(BlockListError::Id);
        }
        let bytes = engine.decode(text).map_err(|_| BlockListError::Id)?;
        if bytes.is_empty() || bytes.len() > MAX_ID_BYTES { Err(BlockListError::Id) } else { Ok(Self(bytes)) }
    }

    /// The bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// A block list, or an id, that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BlockListError {
    /// It is not XML.
    #[error("the block list is not well-formed XML")]
    Malformed(#[source] quick_xml::Error),
    /// It is not UTF-8.
    #[error("the block list is not UTF-8")]
    Encoding(#[source] std::str::Utf8Error),
    /// It is XML of another kind.
    #[error("the block list is not a `BlockList` of `Latest`, `Committed` and `Uncommitted`")]
    Shape,
    /// Larger than [`MAX_LIST_BYTES`].
    #[error("the block list has {0} bytes, and {MAX_LIST_BYTES} are the most it may have")]
    TooLarge(usize),
    /// More than [`BLOCKS`].
    #[error("the block list names more than {BLOCKS} blocks")]
    TooMany,
    /// An id is not base64 or too long.
    #[error("a block id is not 1 to {MAX_ID_BYTES} bytes written as base64")]
    Id,
}

/// Reads the body of a Put Block List.
///
/// `Latest`, `Committed` and `Uncommitted` are not told apart: an id names the block that was sent last under it.
pub fn parse(body: &[u8]) -> Result<Vec<BlockId>, BlockListError> {
    if body.len() > MAX_LIST_BYTES {
        return Err(BlockListError::TooLarge(body.len()));
    }
    let text = std::str::from_utf8(body).map_err(BlockListError::Encoding)?;
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut list = List::default();
    loop {
        match reader.read_event().map_err(BlockListError::Malformed)? {
            Event::Start(tag) => list.open(tag.name().as_ref())?,
            Event::Empty(tag) => {
                list.open(tag.name().as_ref())?;
                list.close()?;
            }
            Event::End(_) => list.close()?,
            Event::Text(text) => list.text(&text)?,
            Event::CData(text) => list.text(&text)?,
            Event::GeneralRef(reference) => {
                let named = quick_xml::escape::resolve_predefined_entity(&reference).map(str::to_owned);
                let numbered = || reference.resolve_char_ref().map_err(BlockListError::Malformed);
                let character = match named {
                    Some(character) => Some(character),
                    None => numbered()?.map(String::from),
                };
                list.text(&character.ok_or(BlockListError::Shape)?)?;
            }
            Event::Decl(_) | Event::Comment(_) => {}
            Event::PI(_) | Event::DocType(_) => return Err(BlockListError::Shape),
            Event::Eof => return list.finish(),
        }
    }
}

/// Writes a list as the npm client does.
#[must_use]
pub fn render(ids: &[BlockId]) -> String {
    let mut xml = String::from(r#"<?xml version="1.0" encoding="utf-8" standalone="yes"?><BlockList>"#);
    for id in ids {
        xml.push_str("<Latest>");
        BASE64_STANDARD.encode_string(&id.0, &mut xml);
        xml.push_str("</Latest>");
    }
    xml.push_str("</BlockList>");
    xml
}

/// What has been read so far. The tags are three deep at the most: document, list, block.
#[derive(Default)]
struct List {
    depth: u8,
    seen: bool,
    id: String,
    ids: Vec<BlockId>,
}

impl List {
    fn open(&mut self, name: &str) -> Result<(), BlockListError> {
        match (self.depth, name) {
            (0, "BlockList") if !self.seen => self.seen = true,
            (1, "Latest" | "Committed" | "Uncommitted") => self.id.clear(),
            _ => return Err(BlockListError::Shape),
        }
        self.depth += 1;
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), BlockListError> {
        match self.depth {
            2 if self.id.len() + text.len() > MAX_ID_TEXT => Err(BlockListError::Id),
            2 => {
                self.id.push_str(text);
                Ok(())
            }
            _ if text.trim_ascii().is_empty() => Ok(()),
            _ => Err(BlockListError::Shape),
        }
    }

    fn close(&mut self) -> Result<(), BlockListError> {
        if self.depth == 2 {
            if self.ids.len() == BLOCKS {
                return Err(BlockListError::TooMany);
            }
            self.ids.push(BlockId::from_base64(&self.id)?);
        }
        self.depth = self.depth.checked_sub(1).ok_or(BlockListError::Shape)?;
        Ok(())
    }

    fn finish(self) -> Result<Vec<BlockId>, BlockListError> {
        if self.seen && self.depth == 0 { Ok(self.ids) } else { Err(BlockListError::Shape) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(xml: &str) -> Vec<Vec<u8>> {
        parse(xml.as_bytes()).unwrap().into_iter().map(BlockId::into_bytes).collect()
    }

    #[test]
    fn the_order_is_that_of_the_list() {
        let xml = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- x -->\n<BlockList>\n  <Latest>Qg==</Latest>\n\
                   <Committed>QQ==</Committed><Uncommitted> Qw== </Uncommitted>\n</BlockList>\n";
        assert_eq!(ids(xml), [b"B", b"A", b"C"]);
    }

    #[test]
    fn an_empty_list_is_a_list() {
        assert!(ids("<BlockList/>").is_empty());
        assert!(ids("\u{feff}<BlockList></BlockList>").is_empty());
    }

    #[test]
    fn escaped_characters_of_an_id_are_read() {
        assert_eq!(ids("<BlockList><Latest>&#43;&#x2F;8&#61;</Latest></BlockList>"), [[0xfb, 0xff]]);
        assert_eq!(ids("<BlockList><Latest><![CDATA[+/8=]]></Latest></BlockList>"), [[0xfb, 0xff]]);
    }

    #[test]
    fn an_id_is_the_same_however_it_is_written() {
        let id = BlockId::from_base64("+/8=").unwrap();
        for text in ["+/8", "-_8=", "-_8", " +/8= "] {
            assert_eq!(BlockId::from_base64(text).unwrap(), id, "{text}");
        }
        let buildkit = BASE64_STANDARD.encode([0xff; 64]);
        assert_eq!(BlockId::from_base64(&buildkit).unwrap().into_bytes(), [0xff; 64]);
    }

    #[test]
    fn other_documents_are_refused() {
        for xml in [
            "",
            "   ",
            "<BlockList>",
            "<Blocks/>",
            "<BlockList/><BlockList/>",
            "<BlockList>text</BlockList>",
            "<BlockList><Oldest>QQ==</Oldest></BlockList>",
            "<BlockList><Latest><Latest>QQ==</Latest></Latest></BlockList>",
            "<BlockList><Latest>QQ==</Committed></BlockList>",
            "<BlockList><Latest/></BlockList>",
            "<BlockList><Latest>&unknown;</Latest></BlockList>",
            "<!DOCTYPE a [<!ENTITY b \"c\">]><BlockList/>",
            "<?php ?><BlockList/>",
            "QQ==<BlockList/>",
        ] {
            assert!(parse(xml.as_bytes()).is_err(), "{xml}");
        }
        assert!(matches!(parse(b"\xff"), Err(BlockListError::Encoding(_))));
    }

    #[test]
    fn ids_and_their_number_are_bounded() {
        let list = |n: usize| format!("<BlockList>{}</BlockList>", "<Latest>QQ==</Latest>".repeat(n));
        assert_eq!(parse(list(BLOCKS).as_bytes()).unwrap().len(), BLOCKS);
        assert!(matches!(parse(list(BLOCKS + 1).as_bytes()), Err(BlockListError::TooMany)));
        for text in [
            "",
            "====",
            "a b",
            "a",
            "b0",
            "b1",
            "\u{e9}",
            &BASE64_STANDARD.encode([7; 65]),
            &"A".repeat(1 << 20),
        ] {
            assert!(matches!(BlockId::from_base64(text), Err(BlockListError::Id)), "{text}");
        }
        assert!(matches!(parse(&vec![b' '; MAX_LIST_BYTES + 1]), Err(BlockListError::TooLarge(_))));
    }
}
