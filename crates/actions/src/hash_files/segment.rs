//! One part of a pattern between two slashes, as minimatch reads it without braces and extended forms.
//!
//! Characters are UTF-16 units, for those are what JavaScript's regular expressions count.

/// A part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// `**`: any number of names.
    Any,
    /// One name.
    Name { pieces: Vec<Piece>, magic: bool },
}

/// What one or more characters are compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Unit(u16),
    One,
    Star,
    Class { negated: bool, ranges: Vec<(u16, u16)> },
}

impl Segment {
    pub(super) fn parse(text: &str) -> Self {
        if text == "**" {
            return Self::Any;
        }
        let text: Vec<u16> = text.encode_utf16().collect();
        let (mut pieces, mut magic, mut at) = (Vec::new(), false, 0);
        while let Some(&unit) = text.get(at) {
            at += 1;
            let piece = match char::from_u32(unit.into()) {
                Some('\\') if at < text.len() => {
                    at += 1;
                    Piece::Unit(text[at - 1])
                }
                Some('?') => Piece::One,
                Some('*') => Piece::Star,
                // What is no class is a bracket, and the rest is read on.
                Some('[') => match class(&text[at..]) {
                    Some((class, length)) => {
                        at += length;
                        class
                    }
                    None => Piece::Unit(unit),
                },
                _ => Piece::Unit(unit),
            };
            magic |= !matches!(piece, Piece::Unit(_));
            if piece != Piece::Star || pieces.last() != Some(&Piece::Star) {
                pieces.push(piece);
            }
        }
        Self::Name { pieces, magic }
    }

    /// Whether it is `**` or matches this name.
    pub(super) fn matches(&self, name: &[u16]) -> bool {
        match self {
            Self::Any => true,
            Self::Name { pieces, magic } => {
                let line_end = |unit: &u16| matches!(unit, 0x0a | 0x0d | 0x2028 | 0x2029);
                if *magic && name.first().is_none_or(line_end) {
                    return false;
                }
                wild(pieces, name)
            }
        }
    }
}

/// Only the last star is ever gone back to, so the time is at most the product of the lengths.
fn wild(pieces: &[Piece], name: &[u16]) -> bool {
    let (mut piece, mut unit) = (0, 0);
    let mut star = None;
    while unit < name.len() {
        match pieces.get(piece) {
            Some(Piece::Star) => {
                star = Some((piece + 1, unit));
                piece += 1;
                continue;
            }
            Some(one) if one.takes(name[unit]) => {
                piece += 1;
                unit += 1;
                continue;
            }
            _ => {}
        }
        let Some((behind, taken)) = star else { return false };
        star = Some((behind, taken + 1));
        (piece, unit) = (behind, taken + 1);
    }
    pieces[piece..].iter().all(|piece| *piece == Piece::Star)
}

impl Piece {
    fn takes(&self, unit: u16) -> bool {
        match self {
            Self::Unit(own) => *own == unit,
            Self::One => true,
            Self::Star => false,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&unit)) != *negated
            }
        }
    }
}

/// A class behind its `[`, and its length with the `]`; none when it is not closed or a range runs backwards.
fn class(text: &[u16]) -> Option<(Piece, usize)> {
    const BACKSLASH: u16 = b'\\' as u16;
    const DASH: u16 = b'-' as u16;
    let negated = matches!(text.first(), Some(unit) if [u16::from(b'!'), u16::from(b'^')].contains(unit));
    let (mut units, mut at) = (Vec::new(), usize::from(negated));
    loop {
        let unit = *text.get(at)?;
        at += 1;
        match unit {
            BACKSLASH => {
                units.push(*text.get(at)?);
                at += 1;
            }
            // Right behind the opening it is one of the class.
            unit if unit == u16::from(b']') && at > 1 => break,
            unit => units.push(unit),
        }
    }
    let (mut ranges, mut rest) = (Vec::new(), units.as_slice());
    while let Some((&first, behind)) = rest.split_first() {
        if let [DASH, last, behind @ ..] = behind {
            if first > *last {
                return None;
            }
            ranges.push((first, *last));
            rest = behind;
        } else {
            ranges.push((first, first));
            rest = behind;
        }
    }
    Some((Piece::Class { negated, ranges }, at))
}

/// The name that a part of a pattern stands for, or nothing when it is a glob. This is the glob package's own
/// reading, which differs from minimatch's for classes of one character.
pub(super) fn literal(segment: &str) -> String {
    let text: Vec<char> = segment.chars().collect();
    let (mut name, mut at) = (String::new(), 0);
    while let Some(&c) = text.get(at) {
        match c {
            '\\' if at + 1 < text.len() => {
                at += 1;
                name.push(text[at]);
            }
            '*' | '?' => return String::new(),
            '[' => match one_of(&text[at + 1..]) {
                (set, Some(_)) if set.encode_utf16().count() > 1 => return String::new(),
                (set, Some(length)) if !set.is_empty() => {
                    name.push_str(&set);
                    at += length;
                }
                _ => name.push('['),
            },
            c => name.push(c),
        }
        at += 1;
    }
    name
}

/// What is between the brackets, and how long it is with the closing one.
fn one_of(text: &[char]) -> (String, Option<usize>) {
    let (mut set, mut at) = (String::new(), 0);
    while let Some(&c) = text.get(at) {
        match c {
            '\\' if at + 1 < text.len() => {
                at += 1;
                set.push(text[at]);
            }
            ']' => return (set, Some(at + 1)),
            c => set.push(c),
        }
        at += 1;
    }
    (set, None)
}
