//! Reading values out of replies by path: `a.b.0.c`.

use serde_json::Value;

use crate::{
    Error, ErrorKind,
    model::{Date, DateTime, Id},
};

/// The value at a dotted path; numbers index lists.
pub fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, step| match value {
        Value::Object(map) => map.get(step),
        Value::Array(list) => step.parse::<usize>().ok().and_then(|index| list.get(index)),
        _ => None,
    })
}

/// A value as text; numbers and booleans are written out.
pub fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// The text at a path.
pub fn text_at(value: &Value, path: &str) -> Option<String> {
    text_of(at(value, path)?)
}

/// The first text that any of the paths leads to; an empty one counts as none.
pub fn first_text(value: &Value, paths: &[String]) -> Option<String> {
    paths.iter().find_map(|path| text_at(value, path).filter(|text| !text.is_empty()))
}

/// The text at a path, where it is not empty.
pub fn filled(value: &Value, path: &str) -> Option<String> {
    text_at(value, path).filter(|text| !text.trim().is_empty())
}

/// The id at a path; without one the answer can't be used.
pub fn id_at(value: &Value, path: &str) -> Result<Id, Error> {
    maybe_id(value, path).ok_or_else(|| {
        let text = format!("the API's answer has no id where it should be, at `{path}`");
        Error::new(ErrorKind::Unavailable, text)
    })
}

/// The id at a path, if there is one.
pub fn maybe_id(value: &Value, path: &str) -> Option<Id> {
    Id::new(filled(value, path)?)
}

/// The moment at a path: a text as [`DateTime::parse`] reads it.
pub fn time_at(value: &Value, path: &str) -> Option<DateTime> {
    DateTime::parse(at(value, path)?.as_str()?)
}

/// The moment at a path: a number of seconds since 1970.
pub fn secs_at(value: &Value, path: &str) -> Option<DateTime> {
    DateTime::from_secs(text_at(value, path)?.parse().ok()?)
}

/// The moment at a path: a number of milliseconds since 1970.
pub fn millis_at(value: &Value, path: &str) -> Option<DateTime> {
    DateTime::from_millis(text_at(value, path)?.parse().ok()?)
}

/// The day at a path.
pub fn date_at(value: &Value, path: &str) -> Option<Date> {
    Date::parse(at(value, path)?.as_str()?)
}

/// The list at a path; empty where there is none.
pub fn list_at<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    at(value, path).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Each entry of the list at a path, as what `one` makes of it.
pub fn each<T>(
    value: &Value,
    path: &str,
    one: impl Fn(&Value) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    list_at(value, path).iter().map(one).collect()
}

/// An object without the fields that are null: what is not given is not sent.
#[must_use]
pub fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let given = map.into_iter().filter(|(_, value)| !value.is_null());
            given.map(|(name, value)| (name, without_nulls(value))).collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_through_objects_and_lists() {
        let value = json!({"a": [{"b": 7}, {"b": "x"}]});
        assert_eq!(text_at(&value, "a.0.b").as_deref(), Some("7"));
        assert_eq!(text_at(&value, "a.1.b").as_deref(), Some("x"));
        assert_eq!(at(&value, "a.2.b"), None);
        assert_eq!(text_at(&value, "a"), None);
    }

    #[test]
    fn an_empty_text_gives_way_to_the_next_path() {
        let value = json!({"email": "", "name": "Ana"});
        let paths = ["email".to_owned(), "name".to_owned()];
        assert_eq!(first_text(&value, &paths).as_deref(), Some("Ana"));
    }
}
