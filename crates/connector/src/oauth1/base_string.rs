//! What is signed (RFC 5849, section 3.4.1).

use http::Method;
use percent_encoding::utf8_percent_encode;
use url::Url;

use crate::template::UNRESERVED;

/// Encoded as the RFC's section 3.6 says: all but letters, digits and `-._~`.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// The signature base string. `said` is what OAuth says in the request but the signature.
pub(super) fn of(
    method: &Method,
    url: &Url,
    form: &[(String, String)],
    said: &[(&str, &str)],
) -> String {
    let query = url.query_pairs().into_owned();
    let said = said.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut all: Vec<_> = query
        .chain(form.iter().cloned())
        .chain(said)
        .map(|(name, value)| (encode(&name), encode(&value)))
        .collect();
    // By the encoded names, then by the encoded values (section 3.4.1.3.2).
    all.sort();
    let all: Vec<_> = all.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{method}&{}&{}", encode(&place(url)), encode(&all.join("&")))
}

/// The URL without query and fragment. Scheme and host are in lower case and the scheme's own port is left
/// out, as in every parsed URL.
fn place(url: &Url) -> String {
    let mut place = url.clone();
    place.set_query(None);
    place.set_fragment(None);
    place.into()
}
