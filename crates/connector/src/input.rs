//! Answers to a manifest's inputs, checked.

use std::{collections::BTreeMap, fmt};

use base::SecretString;
use regex::RegexBuilder;
use url::{Host, Url};

use crate::{Input, InputKind, Manifest, template};

/// How large a compiled pattern may be, in bytes.
pub(crate) const MOST_PATTERN: usize = 256 * 1024;

/// Checked answers, defaults filled in. Secrets are kept apart and do not print.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    open: BTreeMap<String, String>,
    secrets: BTreeMap<String, SecretString>,
}

impl Inputs {
    /// The answers that are no secrets.
    pub fn as_map(&self) -> &BTreeMap<String, String> {
        &self.open
    }

    /// The secret of this name.
    pub fn secret(&self, name: &str) -> Option<&SecretString> {
        self.secrets.get(name)
    }
}

/// An answer that can't be used; says what to write instead. Never holds the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputError {
    /// The input's name.
    pub input: String,
    message: String,
}

impl InputError {
    pub(crate) fn new(input: &str, message: impl Into<String>) -> Self {
        Self { input: input.chars().take(64).collect(), message: message.into() }
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.input, self.message)
    }
}

impl std::error::Error for InputError {}

/// Checks all answers. An empty one counts as left out. Secrets may be missing: after linking they are
/// in the credential, and only there.
pub(crate) fn check_all(
    manifest: &Manifest,
    answers: &BTreeMap<String, String>,
) -> Result<Inputs, InputError> {
    if let Some(name) = answers.keys().find(|name| manifest.input(name).is_none()) {
        let known: Vec<_> = manifest.inputs.iter().map(|input| input.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let message = format!("{} has no such input; it has: {known}", manifest.display_name);
        return Err(InputError::new(name, message));
    }
    let mut inputs = Inputs::default();
    for input in &manifest.inputs {
        let given = answers.get(&input.name).filter(|answer| !answer.is_empty());
        if let Some(answer) = given {
            check_one(input, answer)?;
        }
        if input.secret {
            if let Some(answer) = given {
                inputs.secrets.insert(input.name.clone(), SecretString::from(answer.clone()));
            }
            continue;
        }
        match given.or(input.default.as_ref()) {
            Some(answer) => {
                inputs.open.insert(input.name.clone(), bare(input, answer).to_owned());
            }
            None if input.required => return Err(missing(input)),
            None => {}
        }
    }
    Ok(inputs)
}

pub(crate) fn missing(input: &Input) -> InputError {
    let help = input.help.as_deref().map(|help| format!(" ({help})")).unwrap_or_default();
    InputError::new(&input.name, format!("give the {}{help}", input.label))
}

/// The answer alone, where a whole address was given: `ana` of `https://ana.example.com/`.
fn bare<'a>(input: &Input, value: &'a str) -> &'a str {
    let Some(suffix) = &input.suffix else { return value };
    let address = value.strip_prefix("https://").unwrap_or(value);
    let address = address.strip_suffix('/').unwrap_or(address);
    address.strip_suffix(suffix.as_str()).filter(|rest| !rest.is_empty()).unwrap_or(value)
}

/// Checks one answer.
pub(crate) fn check_one(input: &Input, value: &str) -> Result<(), InputError> {
    let value = bare(input, value);
    let wrong = |message: String| Err(InputError::new(&input.name, message));
    if value.is_empty() {
        return Err(missing(input));
    }
    let most = input.most_chars();
    if value.chars().count() > most {
        return wrong(format!("write at most {most} characters"));
    }
    let lines = input.kind == InputKind::PrivateKey;
    if value.chars().any(|c| c.is_control() && !(lines && c.is_ascii_whitespace())) {
        let form = if lines { "write it" } else { "write it on one line," };
        return wrong(format!("{form} without control characters"));
    }
    if !input.secret && template::is_dots(value) {
        return wrong("write more than dots".to_owned());
    }
    if !input.one_of.is_empty() && !input.one_of.iter().any(|allowed| allowed == value) {
        return wrong(format!("write one of: {}", input.one_of.join(", ")));
    }
    if let Some(pattern) = &input.pattern
        && !fits(pattern, value)
    {
        return wrong(format!("write it in the form {pattern}"));
    }
    match input.kind {
        InputKind::Url if !is_plain_url(value) => wrong(
            "write a whole https:// URL, without user, query or fragment, such as https://id.example.com"
                .to_owned(),
        ),
        InputKind::Host if !is_host(value) => {
            wrong("write a host name alone, such as shop.example.com".to_owned())
        }
        _ => Ok(()),
    }
}

/// Whether the whole of a value fits; a pattern that does not compile fits nothing.
pub(crate) fn fits(pattern: &str, value: &str) -> bool {
    // Patterns are anchored, and `$` without the multi-line flag is the very end.
    RegexBuilder::new(pattern)
        .size_limit(MOST_PATTERN)
        .build()
        .ok()
        .and_then(|regex| regex.find(value).map(|found| found.as_str().len() == value.len()))
        .unwrap_or(false)
}

fn is_plain_url(value: &str) -> bool {
    // The parser mends what people would read otherwise: backslashes, spaces.
    let clean = value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let Some(url) = clean.then(|| Url::parse(value).ok()).flatten() else { return false };
    let bare = url.username().is_empty()
        && url.password().is_none()
        && !value.contains(['@', '?', '#', '{', '}']);
    bare && is_safe(&url)
}

/// Whether a URL is https, or http on this machine.
pub(crate) fn is_safe(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.host().is_some(),
        "http" => match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(v4)) => v4.octets() == [127, 0, 0, 1],
            Some(Host::Ipv6(v6)) => v6.is_loopback(),
            None => false,
        },
        _ => false,
    }
}

fn is_host(value: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    value.len() <= 253
        && value.split('.').all(label)
        // Not a number in disguise: 127.1 and 2130706433 are addresses to a URL parser.
        && matches!(Host::parse(value), Ok(Host::Domain(_)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn input(kind: &str, more: &str) -> Input {
        toml::from_str(&format!("name = \"it\"\nlabel = \"It\"\nkind = \"{kind}\"\n{more}"))
            .unwrap()
    }

    fn manifest(inputs: &str) -> Manifest {
        Manifest::parse(&format!(
            "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\n\
             auth.kind = \"api_key\"\napi.credential = {{ in = \"query\", name = \"k\" }}\n\
             [[inputs]]\nname = \"key\"\nlabel = \"API key\"\nsecret = true\n{inputs}"
        ))
        .unwrap()
    }

    fn answers(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_address_that_was_pasted_whole_is_taken_apart() {
        let manifest = manifest(
            "[[inputs]]\nname = \"site\"\nlabel = \"Site\"\npattern = '^[a-z0-9-]+$'\nsuffix = \".example.com\"\n",
        );
        for given in
            ["ana", "ana.example.com", "https://ana.example.com", "https://ana.example.com/"]
        {
            let inputs = manifest.check_inputs(&answers(&[("site", given)])).unwrap();
            assert_eq!(inputs.as_map()["site"], "ana", "{given}");
        }
        for bad in [
            "evil.com/",
            "evil.com/.example.com",
            "https://evil.com/ana.example.com",
            "http://ana.example.com",
            "ana.example.com.evil.com",
            "https://ana.example.com/path",
            "ana@evil.example.com",
            ".example.com",
            "https://.example.com",
        ] {
            assert!(manifest.check_inputs(&answers(&[("site", bad)])).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_url_is_whole_and_secure() {
        let url = input("url", "");
        for good in
            ["https://id.example.com", "https://id.example.com/realms/a", "http://localhost:8080"]
        {
            assert_eq!(check_one(&url, good), Ok(()), "{good}");
        }
        for bad in [
            "http://id.example.com",
            "https://user@id.example.com",
            "https://id.example.com/?a=b",
            "https://id.example.com/#a",
            "https://id.example.com\\@evil.example",
            "http://localhost.evil.example",
            "http://127.0.0.2",
            "ftp://id.example.com",
            "id.example.com",
            "javascript:alert(1)",
            "https://",
        ] {
            assert!(check_one(&url, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_host_is_a_name_alone() {
        let host = input("host", "");
        for good in ["shop.example.com", "localhost", "a-b.example"] {
            assert_eq!(check_one(&host, good), Ok(()), "{good}");
        }
        for bad in [
            "a.example/x",
            "a.example:80",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "-a.b",
            "a..b",
            "a b",
        ] {
            assert!(check_one(&host, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dots_alone_are_no_answer_but_may_be_a_secret() {
        let text = |more| input("text", more);
        for dots in [".", ".."] {
            assert!(check_one(&text(""), dots).is_err(), "{dots}");
            assert_eq!(check_one(&text("secret = true\n"), dots), Ok(()), "{dots}");
        }
        assert_eq!(check_one(&text(""), "a..b"), Ok(()));
    }

    #[test]
    fn a_pattern_fits_the_whole_answer() {
        let port = input("text", "pattern = '^[0-9]{2,5}$'");
        assert_eq!(check_one(&port, "8090"), Ok(()));
        for bad in ["8", "809012", "80a", "8090\n", ""] {
            assert!(check_one(&port, bad).is_err(), "{bad:?}");
        }
        // Alternatives without anchors of their own don't get past.
        let either = input("text", "pattern = '^a|b$'");
        assert!(check_one(&either, "a.evil").is_err());
    }

    #[test]
    fn only_listed_values_count() {
        let region = input("region", "enum = [\"eu\", \"us\"]");
        assert_eq!(check_one(&region, "eu"), Ok(()));
        let error = check_one(&region, "mars").unwrap_err();
        assert_eq!(error.to_string(), "`it`: write one of: eu, us");
    }

    #[test]
    fn an_unknown_name_is_refused_and_the_known_ones_are_told() {
        let error = manifest("").check_inputs(&answers(&[("kye", "v")])).unwrap_err();
        assert_eq!(error.input, "kye");
        assert!(error.to_string().contains("key"), "{error}");
    }

    #[test]
    fn defaults_are_filled_in_and_secrets_kept_apart() {
        let manifest = manifest("[[inputs]]\nname = \"a\"\nlabel = \"A\"\ndefault = \"d\"\n");
        let inputs = manifest.check_inputs(&answers(&[("key", "s3cret"), ("a", "")])).unwrap();
        assert_eq!(inputs.as_map(), &answers(&[("a", "d")]));
        assert!(inputs.secret("key").is_some());
        assert!(!format!("{inputs:?}").contains("s3cret"));
    }

    #[test]
    fn a_required_answer_is_asked_for_but_a_secret_only_when_it_becomes_a_credential() {
        let manifest = manifest("[[inputs]]\nname = \"a\"\nlabel = \"A\"\nrequired = true\n");
        assert_eq!(manifest.check_inputs(&answers(&[])).unwrap_err().input, "a");
        let inputs = manifest.check_inputs(&answers(&[("a", "1")])).unwrap();
        assert_eq!(manifest.credential_from(&inputs).unwrap_err().input, "key");
    }

    #[test]
    fn an_error_never_repeats_the_answer() {
        let manifest = manifest("");
        let error = manifest.check_inputs(&answers(&[("key", "s3cret\n")])).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }

    proptest! {
        #[test]
        fn whatever_passes_as_a_url_or_host_stays_in_its_place(value in "\\PC{0,40}|[a-z0-9.:/@?#-]{0,30}") {
            if check_one(&input("host", ""), &value).is_ok() {
                let url = Url::parse(&format!("https://{value}/x")).unwrap();
                prop_assert_eq!(url.host_str().unwrap(), value.to_ascii_lowercase());
            }
            if check_one(&input("url", ""), &value).is_ok() {
                let url = Url::parse(&value).unwrap();
                prop_assert!(is_safe(&url) && url.query().is_none() && url.fragment().is_none());
            }
        }

        #[test]
        fn no_answer_longer_than_the_bound_passes(extra in 1_usize..50) {
            prop_assert!(check_one(&input("text", ""), &"ü".repeat(2000 + extra)).is_err());
            prop_assert!(check_one(&input("text", ""), &"ü".repeat(2000)).is_ok());
        }
    }
}
