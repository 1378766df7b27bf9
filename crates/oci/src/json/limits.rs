//! How much a JSON text may hold before it is looked at in earnest.

/// The most that a text may have. What is made of it takes at most some 200 bytes a value beside the text itself, so this
/// bounds the memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes.
    pub(crate) bytes: usize,
    /// Objects.
    pub(crate) objects: usize,
    /// Fields and elements.
    pub(crate) values: usize,
}

/// A text that holds more than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooLarge {
    /// In bytes.
    #[error("it has {has} bytes and may have {most}")]
    Bytes {
        /// What it has.
        has: usize,
        /// What it may have.
        most: usize,
    },
    /// In objects, or in fields and elements.
    #[error("it holds more than {0} objects, or fields and elements")]
    Values(usize),
}

impl Limits {
    /// Checks a text. Braces and commas in strings count, too: the bound is rough and errs to the strict side.
    ///
    /// # Errors
    /// When it holds more.
    pub(crate) fn check(&self, text: &[u8]) -> Result<(), TooLarge> {
        if text.len() > self.bytes {
            return Err(TooLarge::Bytes { has: text.len(), most: self.bytes });
        }
        let (mut objects, mut values) = (0, 0);
        for byte in text {
            objects += usize::from(*byte == b'{');
            values += usize::from(*byte == b',');
        }
        if objects > self.objects {
            return Err(TooLarge::Values(self.objects));
        }
        if values > self.values {
            return Err(TooLarge::Values(self.values));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_holds() {
        let limits = Limits { bytes: 10, objects: 2, values: 3 };
        for (text, result) in [
            ("[1,2,3,4]", Ok(())),
            ("[1,2,3,4,5]", Err(TooLarge::Bytes { has: 11, most: 10 })),
            ("[,,,,]", Err(TooLarge::Values(3))),
            ("[{},{},{}]", Err(TooLarge::Values(2))),
        ] {
            assert_eq!(limits.check(text.as_bytes()), result, "{text}");
        }
    }
}
