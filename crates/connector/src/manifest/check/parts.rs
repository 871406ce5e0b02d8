//! Requests and replies.

use std::collections::BTreeMap;

use super::{
    Checked, MOST_ENTRIES, ManifestError, anchored, at_most, credential, header, line, must,
    requests, signals, variable, word,
};
use crate::{
    Manifest,
    manifest::{CallbackVerify, Capture, ClientAuth, HeaderSpec, Matcher},
    matcher, template,
};

/// Parameters of the authorization request that only the hub sets.
const OURS: [&str; 7] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
];

/// Parameters that only the hub sends with a code.
const WITH_A_CODE: [&str; 6] =
    ["grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret"];

/// Those that a provider may call otherwise.
const RENAMED: [&str; 3] = ["client_id", "redirect_uri", "response_type"];

/// Those that a provider may do without.
const OMITTED: [&str; 2] = ["redirect_uri", "response_type"];

pub(super) fn check(manifest: &Manifest) -> Checked {
    authorize(manifest)?;
    callback(manifest)?;
    client(manifest)?;
    token(manifest)?;
    requests::check(manifest)?;
    signals::check(manifest)?;
    table("refresh.params", &manifest.refresh.params)?;
    let errors = &manifest.errors;
    for (place, matchers) in [
        ("errors.dead", &errors.dead),
        ("errors.transient", &errors.transient),
        ("errors.config", &errors.config),
    ] {
        at_most(place, matchers.len(), MOST_ENTRIES)?;
        matchers.iter().try_for_each(|matcher| one_matcher(place, matcher))?;
    }
    let errors = &manifest.api.errors;
    at_most("api.errors.matchers", errors.matchers.len(), MOST_ENTRIES)?;
    errors
        .matchers
        .iter()
        .try_for_each(|known| one_matcher("api.errors.matchers", &known.matcher()))?;
    paths("api.errors.message", &errors.message)?;
    paths("api.errors.code", &errors.code)?;
    identity(manifest)?;
    headers("api.headers", &manifest.api.headers)?;
    credential::check(manifest)
}

/// Fixed headers.
pub(super) fn headers(place: &str, entries: &BTreeMap<String, String>) -> Checked {
    at_most(place, entries.len(), MOST_ENTRIES)?;
    entries.iter().try_for_each(|(name, value)| header(place, name, value))
}

/// The name of a header.
pub(super) fn header_name(place: &str, name: &str) -> Checked {
    let sound = name.len() <= 100 && http::HeaderName::try_from(name).is_ok();
    must(sound, place, "this is no header's name")
}

/// A header with a template over these names.
pub(super) fn header_spec(place: &str, spec: &HeaderSpec, known: &[&str]) -> Checked {
    if !spec.name.eq_ignore_ascii_case("authorization") {
        header(place, &spec.name, "x")?;
    }
    line(place, &spec.template, 500)?;
    closed(place, &spec.template)?;
    let names = template::names(&spec.template);
    must(!names.is_empty(), place, "the template names nothing secret")?;
    let stranger = names.into_iter().find(|name| !known.contains(name));
    let message = format!("`{}`: a template names {}", stranger.unwrap_or(""), known.join(", "));
    must(stranger.is_none(), place, message)
}

/// Whether every brace is closed.
pub(super) fn closed(place: &str, text: &str) -> Checked {
    let names = template::names(text).len();
    let closed = names == text.matches('{').count() && names == text.matches('}').count();
    must(closed, place, format!("`{text}`: a brace is not closed, or closes nothing"))
}

/// Fixed parameters.
pub(super) fn table(place: &str, entries: &BTreeMap<String, String>) -> Checked {
    at_most(place, entries.len(), MOST_ENTRIES)?;
    entries.iter().try_for_each(|(name, value)| {
        word(place, name)?;
        must(value.len() <= 1000, place, format!("`{name}` has more than 1000 bytes"))
    })
}

fn authorize(manifest: &Manifest) -> Checked {
    let authorize = &manifest.authorize;
    word("authorize.scope_param", &authorize.scope_param)?;
    let separator = &authorize.scope_separator;
    must(
        (1..=5).contains(&separator.len()),
        "authorize.scope_separator",
        "write one character, such as \",\"",
    )?;
    at_most("authorize.offline_scopes", authorize.offline_scopes.len(), MOST_ENTRIES)?;
    at_most("authorize.default_scopes", authorize.default_scopes.len(), super::MOST_SCOPES)?;
    for (place, params) in [
        ("authorize.params", &authorize.params),
        ("authorize.consent_params", &authorize.consent_params),
    ] {
        table(place, params)?;
        let ours = params.keys().find(|name| {
            OURS.contains(&name.as_str())
                || **name == authorize.scope_param
                || Some(*name) == authorize.user_scope_param.as_ref()
        });
        if let Some(name) = ours {
            return Err(ManifestError::at(place, format!("`{name}` is set by the hub")));
        }
    }
    user_scopes(manifest)?;
    at_most("authorize.omit", authorize.omit.len(), OMITTED.len())?;
    for name in &authorize.omit {
        let message = format!("`{name}` can't be left out; {} can", OMITTED.join(", "));
        must(OMITTED.contains(&name.as_str()), "authorize.omit", message)?;
    }
    table("authorize.rename", &authorize.rename)?;
    authorize.rename.iter().try_for_each(|(from, to)| {
        word("authorize.rename", to)?;
        let message = format!("`{from}` can't be renamed; {} can", RENAMED.join(", "));
        must(RENAMED.contains(&from.as_str()), "authorize.rename", message)
    })
}

fn user_scopes(manifest: &Manifest) -> Checked {
    let place = "authorize.user_scope_param";
    let marked = manifest.scopes.iter().any(|scope| scope.user);
    let Some(param) = &manifest.authorize.user_scope_param else {
        return must(!marked, place, "a scope says `user = true`: name the parameter it goes to");
    };
    word(place, param)?;
    must(*param != manifest.authorize.scope_param, place, "this is authorize.scope_param")?;
    must(marked, place, "no scope says `user = true`, so nothing would stand there")
}

fn client(manifest: &Manifest) -> Checked {
    let client = &manifest.client;
    word("client.id_param", &client.id_param)?;
    word("client.secret_param", &client.secret_param)?;
    must(client.id_param != client.secret_param, "client", "id and secret need two names")?;
    let place = "client.header";
    match (&client.header, client.auth) {
        (Some(spec), ClientAuth::Header) => {
            header_spec(place, spec, &["client_id", "client_secret"])?;
            let secret = template::names(&spec.template).contains(&"client_secret");
            must(secret, place, "the template names no `client_secret`")
        }
        (None, ClientAuth::Header) => {
            must(false, place, "say which: { name = \"X-Client\", template = \"{client_secret}\" }")
        }
        (Some(_), _) => must(false, place, "it belongs to client.auth = \"header\""),
        (None, _) => Ok(()),
    }
}

fn callback(manifest: &Manifest) -> Checked {
    word("callback.code_param", &manifest.callback.code_param)?;
    captured("callback.capture", &manifest.callback.capture)?;
    must(
        manifest.callback.verify == CallbackVerify::None
            || manifest.client.auth != ClientAuth::None,
        "callback.verify",
        "it needs the client's secret, and client.auth = \"none\" has none",
    )?;
    let twice =
        manifest.callback.capture.keys().find(|name| manifest.token.capture.contains_key(*name));
    must(twice.is_none(), "callback.capture", "token.capture has one of its names too")
}

fn captured(place: &str, entries: &BTreeMap<String, Capture>) -> Checked {
    at_most(place, entries.len(), MOST_ENTRIES)?;
    entries.iter().try_for_each(|(name, capture)| {
        variable(place, name)?;
        must(name != "token", place, "`token` is the access token's name")?;
        word(place, capture.from())?;
        capture.pattern().map_or(Ok(()), |pattern| anchored(place, pattern))
    })
}

fn token(manifest: &Manifest) -> Checked {
    let token = &manifest.token;
    table("token.params", &token.params)?;
    from_callback(manifest)?;
    headers("token.headers", &token.headers)?;
    captured("token.capture", &token.capture)?;
    let reply = &token.reply;
    must(!reply.access.is_empty(), "token.reply.access", "give the path to the access token")?;
    for list in [
        &reply.access,
        &reply.refresh,
        &reply.expires_in,
        &reply.expires_at,
        &reply.refresh_expires_in,
        &reply.scope,
        &reply.token_type,
    ] {
        paths("token.reply", list)?;
    }
    at_most("token.reply.tokens", reply.tokens.len(), 10)?;
    let mut inner = reply.tokens.iter().filter(|path| !path.is_empty());
    inner.try_for_each(|path| word("token.reply.tokens", path))?;
    reply.error_path.as_deref().map_or(Ok(()), |path| word("token.reply.error_path", path))?;
    reply.ok_path.as_deref().map_or(Ok(()), |path| word("token.reply.ok_path", path))?;
    header("token.reply.accept", "accept", &reply.accept)?;
    let separator = reply.scope_separator.as_deref();
    let sound = separator.is_none_or(|separator| (1..=5).contains(&separator.len()));
    must(sound, "token.reply.scope_separator", "write one character, such as \",\"")?;
    let lifetime = &manifest.lifetime;
    let all = [
        lifetime.access_s,
        lifetime.refresh_s,
        lifetime.refresh_idle_s,
        lifetime.margin_s,
        lifetime.min_refresh_interval_s,
    ];
    let sound = all.into_iter().flatten().all(|s| (1..=3_155_760_000).contains(&s));
    must(sound, "lifetime", "write seconds, from 1 to a hundred years")?;
    let rest = lifetime.min_refresh_interval_s;
    let in_time = rest.zip(lifetime.access_s).is_none_or(|(rest, life)| rest <= life / 2);
    must(
        in_time,
        "lifetime.min_refresh_interval_s",
        "it is at most half of lifetime.access_s: else a token could end before it may be renewed",
    )
}

fn from_callback(manifest: &Manifest) -> Checked {
    let place = "token.from_callback";
    let entries = &manifest.token.from_callback;
    at_most(place, entries.len(), MOST_ENTRIES)?;
    let client = [&manifest.client.id_param, &manifest.client.secret_param];
    entries.iter().try_for_each(|(name, from)| {
        word(place, name)?;
        let ours = WITH_A_CODE.contains(&name.as_str()) || client.contains(&name);
        must(!ours, place, format!("`{name}` is set by the hub"))?;
        let known = manifest.callback.capture.contains_key(from);
        must(known, place, format!("`{from}` is not in callback.capture"))
    })
}

fn paths(place: &str, list: &[String]) -> Checked {
    at_most(place, list.len(), 10)?;
    list.iter().try_for_each(|path| word(place, path))
}

pub(super) fn one_matcher(place: &str, matcher: &Matcher) -> Checked {
    must(
        matcher.status.is_some() || matcher.path.is_some(),
        place,
        "a matcher needs a `status` or a `path`",
    )?;
    let compares = matcher.equals.is_some() || matcher.matches.is_some();
    must(matcher.path.is_some() || !compares, place, "`equals` and `matches` need a `path`")?;
    must(
        matcher.status.is_none_or(|s| (100..600).contains(&s)),
        place,
        "a status is from 100 to 599",
    )?;
    // A success is no error by its status alone: every token would be lost.
    let any_success =
        matcher.path.is_none() && matcher.status.is_some_and(|s| (200..300).contains(&s));
    must(!any_success, place, "a 2xx status alone would fit good replies; add a `path`")?;
    matcher.path.as_deref().map_or(Ok(()), |path| word(place, path))?;
    matcher
        .equals
        .as_deref()
        .map_or(Ok(()), |text| must(text.len() <= 500, place, "at most 500 bytes"))?;
    let Some(pattern) = &matcher.matches else { return Ok(()) };
    must(pattern.len() <= 500, place, "a pattern has at most 500 bytes")?;
    matcher::compile(pattern)
        .map(drop)
        .map_err(|error| ManifestError::at(place, format!("`{pattern}` does not compile: {error}")))
}

fn identity(manifest: &Manifest) -> Checked {
    let Some(identity) = &manifest.identity else { return Ok(()) };
    let method = matches!(identity.method.as_deref(), None | Some("GET" | "POST"));
    must(method, "identity.method", "write GET or POST")?;
    must(
        !identity.account_path.is_empty(),
        "identity.account_path",
        "give a path to the account's id",
    )?;
    paths("identity.account_path", &identity.account_path)?;
    paths("identity.tenant_path", &identity.tenant_path)?;
    paths("identity.label_path", &identity.label_path)
}
