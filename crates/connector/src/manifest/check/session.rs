//! What a person fills in and the hub exchanges for a token: a session, and what goes with an assertion.

use super::{Checked, at_most, header, line, must, parts, word};
use crate::{
    AuthKind, Manifest, RefreshClass,
    manifest::{ClientSpec, SessionSpec},
    template,
};

const PLACE: &str = "session";

pub(super) fn check(manifest: &Manifest) -> Checked {
    let kind = manifest.auth.kind;
    if kind.is_exchanged() {
        let text = "what a person fills in is exchanged without a client: leave it out; what is sent belongs into `session`";
        must(manifest.client == ClientSpec::default(), "client", text)?;
        must(
            manifest.refresh.class == RefreshClass::Static,
            "refresh.class",
            "write \"static\": what was filled in stays as it is",
        )?;
    }
    // A whole token would be taken for a narrower one.
    let narrows = kind != AuthKind::SessionExchange && !manifest.authorize.scopes_on_app;
    must(
        narrows || !kind.is_exchanged() || !manifest.refresh.accepts_scope,
        "refresh.accepts_scope",
        "no scopes are sent, so none can be left out",
    )?;
    if let Some(spec) = &manifest.session {
        let text = "it belongs to auth.kind = \"session_exchange\" or \"jwt_bearer\"";
        must(kind.is_exchanged(), PLACE, text)?;
        parameters(manifest, spec)?;
    } else {
        let text =
            "say what is exchanged: params = { user = \"{user}\", password = \"{password}\" }";
        must(kind != AuthKind::SessionExchange, PLACE, text)?;
    }
    if kind.is_exchanged() { secrets(manifest) } else { Ok(()) }
}

fn parameters(manifest: &Manifest, spec: &SessionSpec) -> Checked {
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
    Ok(())
}

/// Whether each secret is of use. The key of an assertion is: `grant` says for what.
fn secrets(manifest: &Manifest) -> Checked {
    let names: Vec<&str> = manifest
        .session
        .iter()
        .flat_map(SessionSpec::templates)
        .flat_map(template::names)
        .collect();
    let is_secret = |name: &&str| manifest.input(name).is_some_and(|input| input.secret);
    let sent = names.iter().any(is_secret) || manifest.auth.kind == AuthKind::JwtBearer;
    must(sent, PLACE, "no template names a secret input")?;
    let key = manifest.assertion.as_ref().map(|spec| spec.key.as_str());
    let unused = manifest.inputs.iter().find(|input| {
        input.secret && !names.contains(&&*input.name) && key != Some(input.name.as_str())
    });
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
    fn a_session_has_no_client() {
        let signed = "client.auth = \"private_key_jwt\"\nrefresh.class";
        refused(
            "refresh.class",
            signed,
            "`client.auth`: only a client of OAuth 2.0 has a private key",
        );
        let assertion = "client.assertion = { algorithm = \"RS256\" }";
        refused("refresh.class", &format!("{assertion}\n{signed}"), "`client.auth`");
        refused("refresh.class", "client.auth = \"basic\"\nrefresh.class", "without a client");
        let key = "assertion = { algorithm = \"RS256\", key = \"password\", issuer = \"x\" }\nrefresh.class";
        refused("refresh.class", key, "it belongs to auth.kind = \"jwt_bearer\"");
    }

    #[test]
    fn a_session_is_never_taken_for_a_narrower_one() {
        let narrow = "refresh.accepts_scope = true\nrefresh.class";
        refused("refresh.class", narrow, "no scopes are sent");
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
