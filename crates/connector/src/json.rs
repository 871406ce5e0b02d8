//! Reading values out of replies by path: `a.b.0.c`.

use serde_json::Value;

/// The value at a dotted path; numbers index lists.
pub fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, step| match value {
        Value::Object(map) => map.get(step),
        Value::Array(list) => step.parse::<usize>().ok().and_then(|index| list.get(index)),
        _ => None,
    })
}

/// The text at a path; numbers and booleans are written out.
pub fn text_at(value: &Value, path: &str) -> Option<String> {
    match at(value, path)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// The first text that any of the paths leads to.
pub fn first_text(value: &Value, paths: &[String]) -> Option<String> {
    paths.iter().find_map(|path| text_at(value, path)).filter(|text| !text.is_empty())
}
