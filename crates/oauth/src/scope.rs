//! Scopes as they are sent.

use connector::{ErrorKind, Manifest};

use crate::Error;

/// Stands for the access of a provider that has no scopes; never sent.
const WHOLE: &str = "*";
/// The most in one request.
const MOST: usize = 200;
/// The longest, in bytes.
const LONGEST: usize = 500;

/// The scopes to send, each once and in the order given.
pub(crate) fn wanted<'a>(
    manifest: &Manifest,
    scopes: impl Iterator<Item = &'a String>,
) -> Result<Vec<&'a str>, Error> {
    let separator = manifest.authorize.scope_separator.as_str();
    let mut wanted: Vec<&str> = Vec::new();
    for scope in scopes.map(String::as_str).filter(|scope| *scope != WHOLE) {
        // A separator inside would make two scopes of one that was decided about.
        let whole = !scope.is_empty()
            && scope.len() <= LONGEST
            && scope.bytes().all(|byte| byte.is_ascii_graphic())
            && (separator.is_empty() || !scope.contains(separator));
        if !whole {
            return Err(Error::unsent(ErrorKind::Invalid, "a scope is not one that can be sent"));
        }
        if !wanted.contains(&scope) {
            wanted.push(scope);
        }
    }
    if wanted.len() > MOST {
        let text = format!("at most {MOST} scopes can be asked for at once");
        return Err(Error::unsent(ErrorKind::Invalid, text));
    }
    Ok(wanted)
}

/// The scopes as one text; none where there are none.
pub(crate) fn joined(manifest: &Manifest, scopes: &[String]) -> Result<Option<String>, Error> {
    let wanted = wanted(manifest, scopes.iter())?;
    Ok((!wanted.is_empty()).then(|| wanted.join(&manifest.authorize.scope_separator)))
}
