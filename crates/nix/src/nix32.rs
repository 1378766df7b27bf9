//! Nix's base 32: the alphabet without e, o, u and t; the last bits first, so not a reversed RFC 4648.

/// The thirty-two digits, by value.
const DIGITS: &[u8; 32] = b"0123456789abcdfghijklmnpqrsvwxyz";

/// Why a text is not bytes in nix32.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Nix32Error {
    /// A character outside the alphabet, such as `e`, `o`, `u`, `t` or an upper-case letter.
    #[error("it holds a character that is no nix32 digit")]
    Digit,
    /// A length that no number of whole bytes has.
    #[error("no number of bytes is written with {0} nix32 digits")]
    Length(usize),
    /// A first digit that says more than the bytes hold.
    #[error("its first digit is too large for the bytes that it stands for")]
    Overflow,
}

/// Digits that `bytes` bytes are written with: 32 for 20 bytes, 52 for 32.
#[must_use]
pub const fn encoded_len(bytes: usize) -> usize {
    (bytes * 8).div_ceil(5)
}

/// Whether `byte` is a digit.
#[must_use]
pub fn is_digit(byte: u8) -> bool {
    value(byte).is_some()
}

/// Writes `bytes`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    (0..encoded_len(bytes.len()))
        .rev()
        .map(|digit| {
            let (at, shift) = (digit * 5 / 8, digit * 5 % 8);
            let pair = u16::from(bytes[at]) | bytes.get(at + 1).map_or(0, |&byte| u16::from(byte) << 8);
            char::from(DIGITS[usize::from(pair >> shift & 31)])
        })
        .collect()
}

/// Reads the bytes that `text` stands for; there is one text for any bytes.
///
/// # Errors
/// When another text than what [`encode`] writes.
pub fn decode(text: &str) -> Result<Vec<u8>, Nix32Error> {
    let digits = text.as_bytes();
    let len = digits.len() * 5 / 8;
    if encoded_len(len) != digits.len() {
        return Err(Nix32Error::Length(digits.len()));
    }
    let mut bytes = vec![0; len];
    for (place, &digit) in digits.iter().rev().enumerate() {
        let (at, shift) = (place * 5 / 8, place * 5 % 8);
        let [low, high] = (u16::from(value(digit).ok_or(Nix32Error::Digit)?) << shift).to_le_bytes();
        bytes[at] |= low;
        match bytes.get_mut(at + 1) {
            Some(next) => *next |= high,
            None if high > 0 => return Err(Nix32Error::Overflow),
            None => {}
        }
    }
    Ok(bytes)
}

/// The value of every byte as a digit, for a scan that asks often; `other` for those that are none.
pub(crate) const fn values(other: u8) -> [u8; 256] {
    let mut values = [other; 256];
    let mut value = 0;
    while value < DIGITS.len() {
        values[DIGITS[value] as usize] = value as u8;
        value += 1;
    }
    values
}

fn value(digit: u8) -> Option<u8> {
    Some(match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'd' => digit - b'a' + 10,
        b'f'..=b'n' => digit - b'f' + 14,
        b'p'..=b's' => digit - b'p' + 23,
        b'v'..=b'z' => digit - b'v' + 27,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_digit_has_its_value() {
        for (at, &digit) in DIGITS.iter().enumerate() {
            assert_eq!(value(digit).map(usize::from), Some(at));
        }
        let digits = (0..=u8::MAX).filter(|&byte| is_digit(byte)).count();
        assert_eq!(digits, 32);
    }

    #[test]
    fn the_digest_of_nothing_is_written_as_nix_does() {
        let text = "0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73";
        let bytes = hex::decode("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855").unwrap();
        assert_eq!(encode(&bytes), text);
        assert_eq!(decode(text).unwrap(), bytes);
    }

    #[test]
    fn the_edges_of_each_length_come_back() {
        for (bytes, text) in [
            (&[][..], ""),
            (&[0], "00"),
            (&[1], "01"),
            (&[0x1f], "0z"),
            (&[0x20], "10"),
            (&[0xff], "7z"),
            (&[0xff, 0xff], "1zzz"),
            (&[0xff; 3], "gzzzz"),
            (&[0xff; 4], "3zzzzzz"),
            (&[0xff; 5], "zzzzzzzz"),
            (&[1, 0, 0, 0, 0], "00000001"),
            (&[0, 0, 0, 0, 0x80], "h0000000"),
            (&[0xff; 20], "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"),
            (&[0xff; 32], "1zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"),
        ] {
            assert_eq!(encode(bytes), text, "{bytes:?}");
            assert_eq!(decode(text).as_deref(), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_says_more_than_its_bytes_is_refused() {
        for text in ["8z", "zz", "2000", "h0000", "4000000"] {
            assert_eq!(decode(text), Err(Nix32Error::Overflow), "{text}");
        }
        let text = "20000000000000000000000000000000000000000000000000000";
        assert_eq!(decode(&text[..52]), Err(Nix32Error::Overflow));
    }

    #[test]
    fn a_length_that_no_bytes_have_is_refused() {
        for length in [1, 3, 6, 9, 11, 14, 54] {
            assert_eq!(decode(&"0".repeat(length)), Err(Nix32Error::Length(length)));
        }
    }

    #[test]
    fn other_characters_are_refused() {
        for text in ["0e", "o0", "0u", "t0", "0A", "0 ", "-0", "é"] {
            assert_eq!(decode(text), Err(Nix32Error::Digit), "{text}");
        }
    }

    proptest! {
        #[test]
        fn bytes_come_back(bytes: Vec<u8>) {
            prop_assert_eq!(decode(&encode(&bytes)), Ok(bytes));
        }

        #[test]
        fn there_is_one_text_for_any_bytes(text in "[0-9a-z]{0,60}") {
            if let Ok(bytes) = decode(&text) {
                prop_assert_eq!(encode(&bytes), text);
            }
        }
    }
}
