//! What scopes open: a method and a path, and the fields of GraphQL.

use std::collections::HashMap;

use apollo_parser::{
    Parser,
    cst::{Definition, OperationType, Selection, SelectionSet},
};
use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The most words of a GraphQL request, and how deep it goes.
const MOST_TOKENS: usize = 10_000;
const MOST_DEPTH: usize = 100;

/// How many sets of fields are looked at: of one request, all fragments in one another included.
const MOST_SETS: usize = 200;

/// What may be asked of a provider's API.
#[derive(Clone, Debug)]
pub struct Opens(Option<Vec<String>>);

impl Opens {
    /// All of it.
    pub fn everything() -> Self {
        Self(None)
    }

    /// Whether nothing is closed.
    pub(crate) fn is_everything(&self) -> bool {
        self.0.is_none()
    }

    /// What these patterns open. One is `GET /contacts/*`: a method or `*`, and a path under the API's
    /// base in which `*` stands for exactly one step. For GraphQL the operation and its fields follow:
    /// `POST /graphql query:orders,order`.
    pub fn these<'a>(patterns: impl IntoIterator<Item = &'a String>) -> Self {
        Self(Some(patterns.into_iter().cloned().collect()))
    }

    /// Whether this may be asked. `path` is below the API's base, as in the URL.
    pub fn allow(&self, method: &Method, path: &str, body: &[u8]) -> bool {
        let Some(patterns) = &self.0 else { return true };
        let steps: Vec<&str> = path.split('/').collect();
        if steps.iter().any(|step| leads_elsewhere(step)) {
            return false;
        }
        let mut fitting =
            patterns.iter().filter_map(|pattern| fields(pattern, method, &steps)).peekable();
        if fitting.peek().is_none() {
            return false;
        }
        let mut listed = Vec::new();
        for fields in fitting {
            match fields {
                "" => return true,
                fields => listed.extend(Field::read(fields)),
            }
        }
        asked(body).is_some_and(|asked| {
            !asked.is_empty()
                && asked.iter().all(|asked| listed.iter().any(|field| field.covers(asked)))
        })
    }
}

/// Whether a step of a path may mean another place to whoever reads it.
fn leads_elsewhere(step: &str) -> bool {
    let decoded = percent_decode_str(step).decode_utf8_lossy();
    matches!(&*decoded, "." | "..") || decoded.contains(['/', '\\', '\0'])
}

/// What follows method and path in a pattern that fits them: fields, or an empty text.
fn fields<'a>(pattern: &'a str, method: &Method, steps: &[&str]) -> Option<&'a str> {
    let mut words = pattern.split(' ');
    let (wanted, path) = (words.next()?, words.next()?);
    let method_fits = wanted == "*" || wanted == method.as_str();
    let mut pattern_steps = path.split('/');
    let fits = method_fits
        && steps.iter().all(|step| {
            pattern_steps
                .next()
                .is_some_and(|wanted| wanted == *step || (wanted == "*" && !step.is_empty()))
        })
        && pattern_steps.next().is_none();
    fits.then(|| words.next().unwrap_or_default())
}

/// A field at the top of a GraphQL operation.
#[derive(Debug, PartialEq, Eq)]
struct Field {
    operation: &'static str,
    name: String,
}

impl Field {
    fn read(text: &str) -> Vec<Self> {
        let Some((operation, names)) = text.split_once(':') else { return Vec::new() };
        let operation = match operation {
            "query" => "query",
            "mutation" => "mutation",
            _ => return Vec::new(),
        };
        names.split(',').map(|name| Self { operation, name: name.to_owned() }).collect()
    }

    fn covers(&self, asked: &Self) -> bool {
        self == asked || (asked.name == "__typename" && self.operation == asked.operation)
    }
}

/// The fields that a GraphQL request asks for; none where it is no such request, or asks for more than
/// can be told.
fn asked(body: &[u8]) -> Option<Vec<Field>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let parser = Parser::new(body.get("query")?.as_str()?);
    let tree = parser.recursion_limit(MOST_DEPTH).token_limit(MOST_TOKENS).parse();
    if tree.errors().len() != 0 {
        return None;
    }
    let (mut operations, mut fragments) = (Vec::new(), HashMap::new());
    for definition in tree.document().definitions() {
        match definition {
            Definition::OperationDefinition(operation) => {
                operations.push((kind(operation.operation_type())?, operation.selection_set()?));
            }
            Definition::FragmentDefinition(fragment) => {
                let name = fragment.fragment_name()?.name()?.text().to_string();
                fragments.insert(name, fragment.selection_set()?);
            }
            _ => return None,
        }
    }
    let (mut fields, mut left) = (Vec::new(), MOST_SETS);
    for (operation, set) in operations {
        collect(&fragments, &set, operation, &mut left, &mut fields)?;
    }
    Some(fields)
}

fn kind(operation: Option<OperationType>) -> Option<&'static str> {
    match operation {
        // `{ … }` alone.
        None => Some("query"),
        Some(word) if word.query_token().is_some() => Some("query"),
        Some(word) if word.mutation_token().is_some() => Some("mutation"),
        Some(_) => None,
    }
}

fn collect(
    fragments: &HashMap<String, SelectionSet>,
    set: &SelectionSet,
    operation: &'static str,
    left: &mut usize,
    fields: &mut Vec<Field>,
) -> Option<()> {
    *left = left.checked_sub(1)?;
    for selection in set.selections() {
        match selection {
            Selection::Field(field) => {
                fields.push(Field { operation, name: field.name()?.text().to_string() });
            }
            Selection::InlineFragment(fragment) => {
                collect(fragments, &fragment.selection_set()?, operation, left, fields)?;
            }
            Selection::FragmentSpread(spread) => {
                let name = spread.fragment_name()?.name()?.text().to_string();
                collect(fragments, fragments.get(&name)?, operation, left, fields)?;
            }
        }
    }
    Some(())
}

/// Whether a pattern is one, for the check of manifests.
pub(crate) fn is_pattern(pattern: &str) -> bool {
    let mut words = pattern.split(' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return false };
    let fields = words.next();
    let method = method == "*"
        || ((1..=20).contains(&method.len())
            && method.bytes().all(|byte| byte.is_ascii_uppercase()));
    let steps = !path.split('/').any(|step| matches!(step, "." | ".."));
    let name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let listed = |text: &str| {
        text.split_once(':').is_some_and(|(operation, names)| {
            matches!(operation, "query" | "mutation") && names.split(',').all(name)
        })
    };
    method
        && steps
        && words.next().is_none()
        && fields.is_none_or(listed)
        && pattern.len() <= 2000
        && path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opens(patterns: &[&str]) -> Opens {
        let patterns: Vec<_> = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
        assert!(patterns.iter().all(|pattern| is_pattern(pattern)));
        Opens::these(&patterns)
    }

    fn query(text: &str) -> Vec<u8> {
        serde_json::json!({ "query": text }).to_string().into_bytes()
    }

    #[test]
    fn a_star_is_one_step() {
        let opens = opens(&["GET /contacts", "GET /contacts/*", "* /notes"]);
        let get = |path| opens.allow(&Method::GET, path, b"");
        assert!(get("/contacts") && get("/contacts/7") && get("/notes"));
        for path in ["/", "/contacts/", "/contacts/7/deals", "/deals", "/contactsx", "contacts", ""]
        {
            assert!(!get(path), "{path}");
        }
        assert!(!opens.allow(&Method::POST, "/contacts", b""));
        assert!(opens.allow(&Method::DELETE, "/notes", b""));
    }

    #[test]
    fn a_step_that_leads_elsewhere_is_never_open() {
        let opens = opens(&["GET /contacts/*"]);
        for path in [
            "/contacts/..",
            "/contacts/%2e%2E",
            "/contacts/a%2Fb",
            "/contacts/%2e%2e%2fdeals",
            "/contacts/a%5Cb",
        ] {
            assert!(!opens.allow(&Method::GET, path, b""), "{path}");
        }
        assert!(opens.allow(&Method::GET, "/contacts/a%40b.example", b""));
    }

    #[test]
    fn of_graphql_only_the_listed_fields_are_open() {
        let opens = opens(&["POST /graphql query:orders,order", "POST /graphql query:shop"]);
        let allow = |text: &str| opens.allow(&Method::POST, "/graphql", &query(text));
        assert!(allow("{ orders { id } __typename }"));
        assert!(allow("query A { a: order(id: 1) { id } } query B { shop { name } }"));
        assert!(allow("query { ...f } fragment f on Query { orders { id } }"));
        assert!(!allow("{ orders { id } customers { id } }"));
        assert!(!allow("mutation { orders { id } }"));
        assert!(!allow("query { ...f } fragment f on Query { customers { id } }"));
        assert!(!allow("query { ... on Query { customers { id } } }"));
        assert!(!allow("query { ...f } fragment f on Query { ...f }"));
        assert!(!allow("subscription { orders { id } }"));
        assert!(!allow("no graphql at all {"));
        assert!(!allow(&"{a".repeat(100_000)), "too deep to be read");
        assert!(!opens.allow(&Method::POST, "/graphql", b"[]"));
    }

    #[test]
    fn without_patterns_nothing_is_open_and_without_scopes_everything() {
        assert!(!opens(&[]).allow(&Method::GET, "/", b""));
        assert!(Opens::everything().allow(&Method::DELETE, "/all", b""));
    }
}
