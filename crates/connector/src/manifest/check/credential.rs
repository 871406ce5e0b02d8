//! How a credential is placed in a request.

use super::{Checked, at_most, header, line, must, parts::closed, word};
use crate::{
    Manifest,
    manifest::{AuthKind, CredentialSpec, Placement},
    template,
};

pub(super) fn check(manifest: &Manifest) -> Checked {
    let place = "api.credential";
    let is_key = matches!(manifest.auth.kind, AuthKind::ApiKey | AuthKind::Basic);
    let secrets: Vec<_> = manifest
        .inputs
        .iter()
        .filter(|input| input.secret)
        .map(|input| input.name.as_str())
        .collect();
    must(
        !manifest.auth.kind.is_filled_in() || !secrets.is_empty(),
        "inputs",
        "a key needs at least one input with secret = true",
    )?;
    let Some(spec) = &manifest.api.credential else {
        return must(
            !is_key,
            place,
            "say how the key is placed: { in = \"header\", name = \"X-Api-Key\" }",
        );
    };
    let basic = spec.place == Placement::Basic;
    must(
        manifest.auth.kind != AuthKind::Basic || basic,
        place,
        "auth.kind = \"basic\" is placed with in = \"basic\"",
    )?;
    shape(spec)?;
    more_headers(spec)?;
    let names = spec.names();
    must(!names.is_empty(), place, "no template names a secret, so nothing would be sent")?;
    for name in names {
        let token = name == "token" && (!is_key || secrets.len() == 1);
        let of_a_pair = manifest.auth.kind == AuthKind::Oauth1 && name == "token_secret";
        let known = if is_key {
            secrets.contains(&name)
        } else {
            manifest.token.capture.contains_key(name)
        };
        let message = format!(
            "`{name}` is no secret here; a template names `token` or inputs with secret = true"
        );
        must(token || of_a_pair || known, place, message)?;
    }
    Ok(())
}

/// Whether the other headers say something secret each, and none twice.
fn more_headers(spec: &CredentialSpec) -> Checked {
    let place = "api.credential.headers";
    at_most(place, spec.headers.len(), 10)?;
    let first = match spec.place {
        Placement::Header => spec.name.as_deref().unwrap_or("authorization"),
        Placement::Basic => "authorization",
        Placement::Query | Placement::Path => "",
    };
    for (name, text) in &spec.headers {
        header(place, name, "x")?;
        line(place, text, 500)?;
        closed(place, text)?;
        must(!template::names(text).is_empty(), place, "a template names a secret")?;
        let twice = name.eq_ignore_ascii_case(first);
        must(!twice, place, format!("`{name}` has its value already"))?;
    }
    Ok(())
}

/// Whether those keys are given, and only those, that this placement reads.
fn shape(spec: &CredentialSpec) -> Checked {
    let place = "api.credential";
    let texts = [&spec.template, &spec.user, &spec.password];
    for text in texts.into_iter().flatten() {
        must(text.len() <= 500, place, "a template has at most 500 bytes")?;
        closed(place, text)?;
    }
    if spec.place == Placement::Basic {
        must(spec.user.is_some(), place, "in = \"basic\" needs `user`")?;
        return must(
            spec.name.is_none() && spec.template.is_none(),
            place,
            "in = \"basic\" has `user` and `password` only",
        );
    }
    must(
        spec.user.is_none() && spec.password.is_none(),
        place,
        "`user` and `password` belong to in = \"basic\"",
    )?;
    match (&spec.name, spec.place) {
        (Some(_), Placement::Path) => must(false, place, "in = \"path\" has no `name`"),
        (None, Placement::Query) => {
            must(false, place, "in = \"query\" needs the parameter's `name`")
        }
        (Some(name), Placement::Header) if !name.eq_ignore_ascii_case("authorization") => {
            header(place, name, "x")
        }
        (Some(name), _) => word(place, name),
        (None, _) => Ok(()),
    }?;
    spec.template.as_deref().map_or(Ok(()), |text| line(place, text, 500))
}
