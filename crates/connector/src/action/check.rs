//! Bounds of any action's input.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Error;

/// The longest text, in bytes.
const MOST_TEXT: usize = 32 * 1024;
/// The most entries of a list or object.
const MOST_ENTRIES: usize = 100;
/// How deep it goes.
const MOST_DEPTH: usize = 8;

/// Nothing too long, too many, too deep.
pub(super) fn bounds(input: &Value) -> Result<(), Error> {
    fn within(value: &Value, depth: usize) -> Result<(), Error> {
        let wrong = |what: &str| Err(Error::input("input", what));
        if depth > MOST_DEPTH {
            return wrong("it is nested too deeply");
        }
        match value {
            Value::String(text) if text.len() > MOST_TEXT => {
                wrong("one of its texts has more than 32 KiB")
            }
            Value::String(text) if text.contains('\0') => wrong("one of its texts has a NUL in it"),
            Value::Array(list) if list.len() > MOST_ENTRIES => {
                wrong("one of its lists has more than 100 entries")
            }
            Value::Array(list) => list.iter().try_for_each(|value| within(value, depth + 1)),
            Value::Object(map) => map.values().try_for_each(|value| within(value, depth + 1)),
            _ => Ok(()),
        }
    }
    within(input, 0)
}

/// The input as what the action takes.
pub(super) fn read<T: DeserializeOwned>(input: &Value) -> Result<T, Error> {
    T::deserialize(input).map_err(|error| Error::input("input", &error.to_string()))
}
