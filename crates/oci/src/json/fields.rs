//! Objects whose field names are matched as Go matches them, and whose other fields are noted.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

/// Unknown names kept of one object, and characters kept of each: enough to tell a person.
const MOST_UNKNOWN: usize = 8;
const MOST_CHARS: usize = 64;

/// An object of which `T` knows the fields. Names are matched exactly, else without regard to the case of ASCII letters,
/// as Go's `encoding/json` does; other fields are skipped and their names kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields<T> {
    /// What is known.
    pub(crate) known: T,
    /// Names of other fields.
    pub(crate) unknown: Vec<String>,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Fields<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object(PhantomData))
    }
}

struct Object<T>(PhantomData<T>);

impl<'de, T: DeserializeOwned> Visitor<'de> for Object<T> {
    type Value = Fields<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Fields<T>, A::Error> {
        let mut unknown = Vec::new();
        let known = T::deserialize(Matched { map, names: &[], unknown: &mut unknown })?;
        Ok(Fields { known, unknown })
    }
}

struct Matched<'a, A> {
    map: A,
    names: &'static [&'static str],
    unknown: &'a mut Vec<String>,
}

impl<'de, A: MapAccess<'de>> Deserializer<'de> for Matched<'_, A> {
    type Error = A::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.names = names;
        visitor.visit_map(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_map(self.map)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Matched<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<Cow<'de, str>>()? {
            let exact = self.names.iter().find(|name| **name == key);
            if let Some(name) =
                exact.or_else(|| self.names.iter().find(|name| name.eq_ignore_ascii_case(&key)))
            {
                return seed.deserialize(StrDeserializer::new(name)).map(Some);
            }
            self.map.next_value::<IgnoredAny>()?;
            if self.unknown.len() < MOST_UNKNOWN {
                self.unknown.push(key.chars().take(MOST_CHARS).collect());
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// A field that may be `null`, which Go writes for what is not there and reads as nothing.
///
/// # Errors
/// When it is neither `null` nor what it should be.
pub(crate) fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq, Eq)]
    #[serde(default, rename_all = "PascalCase")]
    struct Sample {
        working_dir: String,
        #[serde(deserialize_with = "nullable")]
        cmd: Vec<String>,
    }

    fn read(text: &str) -> Fields<Sample> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn names_are_matched_in_any_letter_case() {
        let expected = Sample { working_dir: "/a".to_owned(), cmd: vec!["b".to_owned()] };
        for text in [
            r#"{"WorkingDir":"/a","Cmd":["b"]}"#,
            r#"{"workingdir":"/a","cmd":["b"]}"#,
            r#"{"WORKINGDIR":"/a","cMD":["b"]}"#,
        ] {
            assert_eq!(read(text), Fields { known: Sample { ..read(text).known }, unknown: vec![] });
            assert_eq!(read(text).known, expected, "{text}");
        }
    }

    #[test]
    fn other_fields_are_noted_and_null_is_nothing() {
        let read = read(r#"{"Cmd":null,"Memory":{"deep":[1,{"x":2}]},"Größe":1}"#);
        assert_eq!(read.known, Sample::default());
        assert_eq!(read.unknown, ["Memory", "Größe"]);
    }

    #[test]
    fn few_and_short_names_are_kept() {
        let text = format!(
            "{{{}}}",
            (0..100).map(|n| format!("\"{n}{}\":0", "x".repeat(200))).collect::<Vec<_>>().join(",")
        );
        let unknown = read(&text).unknown;
        assert_eq!(unknown.len(), MOST_UNKNOWN);
        assert!(unknown.iter().all(|name| name.len() == MOST_CHARS));
    }
}
