//! Values that may lie in several rows and objects.

use std::{io, sync::Arc};

use atelier_entities::RunId;
use serde_json::{Map, Value};

use crate::{
    runs::{Stored, store::Place},
    workflows::versions::LoadedVersion,
};

/// What each part costs beside its text, so that many small ones end too.
const PART_BYTES: usize = 16;
/// How deep values of nodes may lie in each other: half of what a JSON parser reads again.
const MAX_DEPTH: usize = 64;

/// A value, or where its parts are. Cheap to clone: one part may occur many times.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// The value.
    Value(Arc<Value>),
    /// An object of the store.
    Object {
        /// Its key.
        key: Arc<str>,
        /// The bytes that it is known to have; 0 if they are not known.
        bytes: u64,
    },
    /// An element of a list that is an object of the store.
    Element {
        /// The key of the list.
        key: Arc<str>,
        /// The number of the element, from 0.
        index: usize,
    },
    /// The input of a run.
    Input(RunId),
    /// What the child run of an attempt gave.
    Child {
        /// The parent.
        parent: RunId,
        /// The attempt of the parent's node.
        attempt: Arc<str>,
    },
    /// The output of a loop whose items were not read.
    Loop(Arc<LoopAt>),
    /// Several values in order.
    List(Arc<[Self]>),
    /// Several values by name.
    Map(Arc<[(String, Self)]>),
}

/// A loop of a run.
#[derive(Debug)]
pub(crate) struct LoopAt {
    pub(super) run: RunId,
    pub(super) version: Arc<LoadedVersion>,
    pub(super) place: Place,
}

impl Piece {
    /// A value.
    pub(crate) fn of(value: impl Into<Value>) -> Self {
        Self::Value(Arc::new(value.into()))
    }

    /// Nothing.
    pub(super) fn null() -> Self {
        Self::of(Value::Null)
    }

    /// A value that a row holds, or names in the object store. None if it has none.
    pub(crate) fn of_columns(value: Option<&Value>, object: Option<&str>, bytes: i64) -> Option<Self> {
        match (object, value) {
            (Some(key), _) => {
                Some(Self::Object { key: key.into(), bytes: u64::try_from(bytes).unwrap_or_default() })
            }
            (None, value) => value.cloned().map(Self::of),
        }
    }

    /// The value, if all of it is in rows that were read and the budget allows it.
    pub(crate) fn to_value(&self, budget: &mut Budget) -> Option<Value> {
        match self {
            Self::Value(value) => {
                budget.spend(json_bytes(value))?;
                Some(Value::clone(value))
            }
            Self::List(parts) => {
                budget.enter()?;
                let values = parts.iter().map(|part| part.to_value(budget)).collect::<Option<Vec<_>>>()?;
                budget.leave();
                Some(Value::Array(values))
            }
            Self::Map(parts) => {
                budget.enter()?;
                let fields = parts.iter().map(|(name, part)| Some((name.clone(), part.to_value(budget)?)));
                let fields = fields.collect::<Option<Map<_, _>>>()?;
                budget.leave();
                Some(Value::Object(fields))
            }
            Self::Object { .. }
            | Self::Element { .. }
            | Self::Input(_)
            | Self::Child { .. }
            | Self::Loop(_) => None,
        }
    }

    /// The value as it can be stored with another row, if it is one object, or all of it was read and it has at
    /// most `max_inline` bytes.
    pub(crate) fn to_stored(&self, max_inline: usize) -> Option<Stored> {
        match self {
            Self::Object { key, bytes } => {
                Some(Stored { shared: true, ..Stored::object(key.to_string(), *bytes) })
            }
            Self::Value(value) => {
                let bytes = json_bytes(value);
                let value = || Some(Value::clone(value));
                let stored = || Stored { value: value(), object: None, bytes: bytes as u64, shared: false };
                (bytes <= max_inline).then(stored)
            }
            _ => self.to_value(&mut Budget::new(max_inline)).map(Stored::inline),
        }
    }
}

/// How much may still be put together. Without it, values that occur in each other several times would grow
/// beyond all bounds.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: usize,
    depth: usize,
}

impl Budget {
    /// A budget of about so many bytes as JSON.
    pub(crate) const fn new(bytes: usize) -> Self {
        Self { bytes, depth: MAX_DEPTH }
    }

    /// Takes the bytes of a part. None if there are too few.
    pub(super) fn spend(&mut self, bytes: usize) -> Option<()> {
        self.bytes = self.bytes.checked_sub(bytes.saturating_add(PART_BYTES))?;
        Some(())
    }

    /// Begins a list or an object. None if it lies too deep.
    pub(super) fn enter(&mut self) -> Option<()> {
        self.depth = self.depth.checked_sub(1)?;
        self.spend(2)
    }

    /// Ends a list or an object.
    pub(super) const fn leave(&mut self) {
        self.depth += 1;
    }

    /// The bytes that are left.
    pub(super) const fn left(&self) -> usize {
        self.bytes
    }

    /// A part of the budget, of at most so many bytes.
    pub(super) fn part(&self, bytes: usize) -> Self {
        Self { bytes: self.bytes.min(bytes), depth: self.depth }
    }
}

/// The bytes of a value as JSON.
pub(super) fn json_bytes(value: &Value) -> usize {
    struct Counter(usize);
    impl io::Write for Counter {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0 += text.len();
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    serde_json::to_writer(&mut counter, value).map_or(usize::MAX, |()| counter.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_of_many_equal_parts_is_given_up_beyond_its_budget() {
        let mut piece = Piece::of(json!("x"));
        for _ in 0..60 {
            piece = Piece::List(Arc::from([piece.clone(), piece]));
        }

        assert_eq!(piece.to_value(&mut Budget::new(100_000)), None);
        let mut deep = Piece::null();
        for _ in 0..=MAX_DEPTH {
            deep = Piece::Map(Arc::from([("in".to_owned(), deep)]));
        }
        assert_eq!(deep.to_value(&mut Budget::new(100_000)), None);
        let small = Piece::Map(Arc::from([("a".to_owned(), Piece::of(1)), ("b".to_owned(), Piece::null())]));
        let stored = small.to_stored(1_000).expect("a value");
        assert_eq!((stored.value, stored.bytes), (Some(json!({"a": 1, "b": null})), 16));
        assert!(small.to_stored(20).is_none() && Piece::Input(RunId::new()).to_stored(1_000).is_none());
    }

    #[test]
    fn the_bytes_of_a_value_are_those_of_its_text() {
        for value in [json!(null), json!("é\n"), json!({"a": [1, 2.5, true]})] {
            assert_eq!(json_bytes(&value), value.to_string().len());
        }
    }
}
