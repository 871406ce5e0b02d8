//! A session that is begun with what a person fills in.

use super::{Checked, at_most, header, line, must, parts, word};
use crate::{AuthKind, Manifest, RefreshClass, template};

const PLACE: &str = "session";

pub(super) fn check(manifest: &Manifest) -> Checked {
    let is_session = manifest.auth.kind == AuthKind::SessionExchange;
    let Some(spec) = &manifest.session else {
        let text =
            "say what is exchanged: params = { user = \"{user}\", password = \"{password}\" }";
        return must(!is_session, PLACE, text);
    };
    must(is_session, PLACE, "it belongs to auth.kind = \"session_exchange\"")?;
    must(
        manifest.refresh.class == RefreshClass::Static,
        "refresh.class",
        "write \"static\": what was filled in stays as it is",
    )?;
    at_most(PLACE, spec.params.len() + spec.headers.len(), 50)?;
    spec.params.keys().try_for_each(|name| word("session.params", name))?;
    spec.headers.keys().try_for_each(|name| header("session.headers", name, "x"))?;
    for text in spec.templates() {
        if !text.is_empty() {
            line(PLACE, text, 1000)?;
        }
        parts::closed(PLACE, text)?;
        let stranger =
            template::names(text).into_iter().find(|name| manifest.input(name).is_none());
        let message = format!("`{}` is no input", stranger.unwrap_or_default());
        must(stranger.is_none(), PLACE, message)?;
    }
    let is_secret = |name: &&str| manifest.input(name).is_some_and(|input| input.secret);
    let names: Vec<&str> = spec.templates().flat_map(template::names).collect();
    must(names.iter().any(is_secret), PLACE, "no template names a secret input")?;
    let unused =
        manifest.inputs.iter().find(|input| input.secret && !names.contains(&&*input.name));
    let message = format!("the secret `{}` is sent nowhere", unused.map_or("", |it| &it.name));
    must(unused.is_none(), "inputs", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
slug = "x"
display_name = "X"
category = "crm"
auth.kind = "session_exchange"
urls.token = "https://x.example/login"
session = { params = { user = "{user}", password = "p {password}" } }
refresh.class = "static"
api.base = "https://x.example"
[[inputs]]
name = "user"
label = "User"
[[inputs]]
name = "password"
label = "Password"
secret = true
"#;

    fn refused(from: &str, to: &str, says: &str) {
        assert!(WHOLE.contains(from));
        let error = Manifest::parse(&WHOLE.replace(from, to)).expect_err(to).to_string();
        assert!(error.contains(says), "{error}");
    }

    #[test]
    fn a_session_says_what_is_sent_and_where() {
        assert!(Manifest::parse(WHOLE).is_ok());
        refused("urls.token = \"https://x.example/login\"", "", "token");
        refused("refresh.class = \"static\"", "", "static");
        let line = WHOLE.lines().find(|line| line.starts_with("session")).unwrap();
        refused(line, "", "say what is exchanged");
        refused("p {password}", "no secret", "no template names a secret");
        refused("\"{user}\"", "\"{stranger}\"", "is no input");
        refused("\"{user}\"", "\"{user\"", "brace");
        refused("\"session_exchange\"", "\"oauth2_client_credentials\"", "secret inputs");
        let more = "secret = true\n[[inputs]]\nname = \"pin\"\nlabel = \"PIN\"\nsecret = true\n";
        refused("secret = true\n", more, "sent nowhere");
    }

    #[test]
    fn headers_and_basic_are_taken_and_none_that_the_hub_sets() {
        let basic = "session = { basic = { user = \"{user}\", password = \"{password}\" } }";
        let params = WHOLE.lines().find(|line| line.starts_with("session")).unwrap();
        assert!(Manifest::parse(&WHOLE.replace(params, basic)).is_ok());
        let own = "session = { headers = { X-Key = \"{password}\" } }";
        assert!(Manifest::parse(&WHOLE.replace(params, own)).is_ok());
        refused(params, "session = { headers = { Host = \"{password}\" } }", "set by the hub");
    }
}
