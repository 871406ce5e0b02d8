//! Limits, the check of a credential, and events.

use super::{Checked, MOST_ENTRIES, at_most, must, parts, word};
use crate::{Manifest, manifest::WebhookSpec, template};

/// What is signed of an event.
const SIGNED: [&str; 5] = ["body", "timestamp", "id", "method", "url"];

pub(super) fn check(manifest: &Manifest) -> Checked {
    rate(manifest)?;
    verify(manifest)?;
    manifest.webhook.as_ref().map_or(Ok(()), webhook)
}

fn statuses(place: &str, list: &[u16]) -> Checked {
    at_most(place, list.len(), MOST_ENTRIES)?;
    must(list.iter().all(|s| (100..600).contains(s)), place, "a status is from 100 to 599")
}

fn rate(manifest: &Manifest) -> Checked {
    let rate = &manifest.api.rate;
    let named = [&rate.remaining, &rate.limit, &rate.reset];
    for name in named.into_iter().flatten().chain([&rate.retry_after]) {
        parts::header_name("api.rate", name)?;
    }
    statuses("api.rate.statuses", &rate.statuses)?;
    let refusals = rate.statuses.iter().all(|status| *status >= 400);
    must(
        refusals,
        "api.rate.statuses",
        "a refusal has a status from 400; for others there is body_match",
    )?;
    at_most("api.rate.body_match", rate.body_match.len(), MOST_ENTRIES)?;
    rate.body_match.iter().try_for_each(|known| parts::one_matcher("api.rate.body_match", known))
}

fn verify(manifest: &Manifest) -> Checked {
    let Some(verify) = &manifest.api.verify else { return Ok(()) };
    let place = "api.verify";
    must(
        manifest.identity.is_none(),
        place,
        "`identity` shows already whether a credential is good",
    )?;
    let method = matches!(verify.method.as_deref(), None | Some("GET" | "POST" | "HEAD"));
    must(method, "api.verify.method", "write GET, POST or HEAD")?;
    must(
        verify.path.starts_with('/'),
        "api.verify.path",
        "write a path of the API, such as `/me`",
    )?;
    must(manifest.api.base.is_some(), place, "a path needs api.base")?;
    statuses("api.verify.ok_status", &verify.ok_status)
}

fn webhook(spec: &WebhookSpec) -> Checked {
    let place = "webhook";
    let names = [Some(&spec.header), spec.id_header.as_ref(), spec.timestamp_header.as_ref()];
    names.into_iter().flatten().try_for_each(|name| parts::header_name(place, name))?;
    let short = |text: &str| text.len() <= 50 && text.bytes().all(|b| (b' '..=b'~').contains(&b));
    let separator = spec.separator.as_deref();
    must(
        separator.is_none_or(|text| !text.is_empty() && short(text)),
        "webhook.separator",
        "write what stands between the parts, such as \",\"",
    )?;
    for text in [Some(&spec.prefix), Some(&spec.key_prefix), spec.timestamp_prefix.as_ref()] {
        must(
            text.is_none_or(|text| short(text)),
            place,
            "a prefix has at most 50 ASCII characters",
        )?;
    }
    if let Some(prefix) = &spec.timestamp_prefix {
        word("webhook.timestamp_prefix", prefix)?;
        must(
            separator.is_some(),
            place,
            "`timestamp_prefix` tells one of several parts: give `separator`",
        )?;
        must(
            spec.timestamp_header.is_none(),
            place,
            "the time stands in timestamp_header or behind timestamp_prefix, not in both",
        )?;
    }
    must(
        (1..=86_400).contains(&spec.tolerance_s),
        "webhook.tolerance_s",
        "write 1 to 86400 seconds",
    )?;
    signed(spec)
}

fn signed(spec: &WebhookSpec) -> Checked {
    let place = "webhook.signed_template";
    let text = &spec.signed_template;
    must(text.len() <= 200, place, "it has at most 200 bytes")?;
    parts::closed(place, text)?;
    let names = template::names(text);
    let stranger = names.iter().find(|name| !SIGNED.contains(name));
    let message = format!("`{}`: write {}", stranger.unwrap_or(&""), SIGNED.join(", "));
    must(stranger.is_none(), place, message)?;
    must(names.contains(&"body"), place, "without `{body}` anyone could change it")?;
    // A time that is not signed could be changed, and one that is not told can't be checked.
    let timed = spec.timestamp_header.is_some() || spec.timestamp_prefix.is_some();
    must(
        timed == names.contains(&"timestamp"),
        place,
        "`{timestamp}` goes with timestamp_header or timestamp_prefix",
    )?;
    must(spec.id_header.is_some() == names.contains(&"id"), place, "`{id}` goes with id_header")
}
