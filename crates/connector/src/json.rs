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
