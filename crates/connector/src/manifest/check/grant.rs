//! The assertion in the place of a code (RFC 7523, section 2.1).

use super::{Checked, assertion::lifetime, at_most, line, must, parts, word};
use crate::{
    AuthKind, InputKind, Manifest,
    manifest::{
        Authorize, Callback, GrantSpec, Pkce, RedirectUri, Revoke, SessionSpec, UrlSpec, Urls,
    },
    template,
};

const PLACE: &str = "assertion";

/// Claims that only the hub sets (RFC 7523, section 3).
const OURS: [&str; 7] = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];

/// Parameters that only the hub sets.
const SENT: [&str; 2] = ["assertion", "scope"];

pub(super) fn check(manifest: &Manifest) -> Checked {
    let is_grant = manifest.auth.kind == AuthKind::JwtBearer;
    let Some(spec) = &manifest.assertion else {
        let text = "say what is signed: { algorithm = \"RS256\", key = \"private_key\", issuer = \"{client_email}\" }";
        must(!is_grant, PLACE, text)?;
        return key_inputs(manifest);
    };
    must(is_grant, PLACE, "it belongs to auth.kind = \"jwt_bearer\"")?;
    key(manifest, spec)?;
    key_inputs(manifest)?;
    claims(manifest, spec)?;
    lifetime(PLACE, spec.lifetime_s)?;
    parameters(manifest)?;
    endpoints(&manifest.urls)?;
    nobody_is_sent_anywhere(manifest)
}

/// A private key is read by nothing else.
fn key_inputs(manifest: &Manifest) -> Checked {
    let key = manifest.assertion.as_ref().map(|spec| spec.key.as_str());
    let other = manifest
        .inputs
        .iter()
        .find(|input| input.kind == InputKind::PrivateKey && key != Some(input.name.as_str()));
    let place = format!("inputs.{}", other.map_or("", |input| &input.name));
    must(
        other.is_none(),
        &place,
        "kind = \"private_key\" is for the input that assertion.key names",
    )
}

fn key(manifest: &Manifest, spec: &GrantSpec) -> Checked {
    let place = "assertion.key";
    let text = format!("`{}` is no input; name the one that is the private key", spec.key);
    must(manifest.input(&spec.key).is_some(), place, text)?;
    let sound = manifest
        .input(&spec.key)
        .is_some_and(|input| input.secret && input.required && input.kind == InputKind::PrivateKey);
    let text = format!(
        "write for the input `{}`: kind = \"private_key\", secret = true, required = true",
        spec.key
    );
    must(sound, place, text)?;
    let sent = manifest.session.iter().flat_map(SessionSpec::templates);
    let sent = sent.flat_map(template::names).any(|name| name == spec.key);
    must(!sent, "session", format!("`{}` is a private key, which is never sent", spec.key))
}

fn claims(manifest: &Manifest, spec: &GrantSpec) -> Checked {
    for (name, text, always) in [
        ("issuer", Some(&spec.issuer), true),
        ("audience", spec.audience.as_ref(), true),
        ("subject", spec.subject.as_ref(), false),
        ("key_id", spec.key_id.as_ref(), false),
    ] {
        let place = format!("{PLACE}.{name}");
        text.map_or(Ok(()), |text| one(manifest, &place, text, always))?;
    }
    at_most("assertion.claims", spec.claims.len(), super::MOST_ENTRIES)?;
    for (name, text) in &spec.claims {
        claim("assertion.claims", name)?;
        one(manifest, "assertion.claims", text, false)?;
    }
    let Some(name) = &spec.scope_claim else { return Ok(()) };
    let place = "assertion.scope_claim";
    claim(place, name)?;
    must(!spec.claims.contains_key(name), place, "assertion.claims has this name too")?;
    let text = "authorize.scopes_on_app sends no scopes, so nothing would stand there";
    must(!manifest.authorize.scopes_on_app, place, text)
}

fn claim(place: &str, name: &str) -> Checked {
    word(place, name)?;
    must(!OURS.contains(&name), place, format!("`{name}` is set by the hub"))
}

/// A template over the open inputs; `always` = none of them can be left out.
fn one(manifest: &Manifest, place: &str, text: &str, always: bool) -> Checked {
    line(place, text, 500)?;
    parts::closed(place, text)?;
    template::names(text).into_iter().try_for_each(|name| {
        let input = manifest.input(name).filter(|input| !input.secret);
        must(input.is_some(), place, format!("`{name}` is no open input"))?;
        let given = input.is_some_and(|input| input.required || input.default.is_some());
        must(given || !always, place, format!("`{name}` can be left out: write required = true"))
    })
}

fn parameters(manifest: &Manifest) -> Checked {
    let session = manifest.session.iter().flat_map(|spec| spec.params.keys());
    let ours = manifest.token.params.keys().chain(session);
    let ours = ours.map(String::as_str).find(|name| SENT.contains(name));
    let text = format!("`{}` is set by the hub", ours.unwrap_or_default());
    must(ours.is_none(), "token.params", text)
}

fn endpoints(urls: &Urls) -> Checked {
    let there = |of: fn(&crate::manifest::Alternative) -> &Option<UrlSpec>| {
        urls.alternatives.iter().any(|other| of(other).is_some())
    };
    for (place, there) in [
        ("urls.authorize", there(|other| &other.authorize)),
        ("urls.refresh", urls.refresh.is_some() || there(|other| &other.refresh)),
        ("urls.revoke", urls.revoke.is_some() || there(|other| &other.revoke)),
        ("urls.userinfo", urls.userinfo.is_some() || there(|other| &other.userinfo)),
    ] {
        must(!there, place, "with jwt_bearer everything is had at urls.token: leave it out")?;
    }
    Ok(())
}

/// A key that would be read by nobody is refused.
fn nobody_is_sent_anywhere(manifest: &Manifest) -> Checked {
    let authorize = &manifest.authorize;
    let usual = Authorize::default();
    let (token, reply) = (&manifest.token, &manifest.token.reply);
    let text = "it says nothing with jwt_bearer: leave it out";
    for (place, plain) in [
        ("authorize.params", authorize.params.is_empty()),
        ("authorize.rename", authorize.rename.is_empty()),
        ("authorize.omit", authorize.omit.is_empty()),
        ("authorize.consent_params", authorize.consent_params.is_empty()),
        ("authorize.offline_scopes", authorize.offline_scopes.is_empty()),
        ("authorize.user_scope_param", authorize.user_scope_param.is_none()),
        ("authorize.scope_param", authorize.scope_param == usual.scope_param),
        ("authorize.pkce", authorize.pkce == Pkce::default()),
        ("callback", manifest.callback == Callback::default()),
        ("token.redirect_uri", token.redirect_uri == RedirectUri::default()),
        ("token.from_callback", token.from_callback.is_empty()),
        ("refresh.params", manifest.refresh.params.is_empty()),
        ("revoke", manifest.revoke == Revoke::default()),
    ] {
        must(plain, place, text)?;
    }
    let ends = manifest.lifetime.refresh_s.is_none() && manifest.lifetime.refresh_idle_s.is_none();
    must(
        ends,
        "lifetime",
        "a private key ends when its owner says so: leave refresh_s and refresh_idle_s out",
    )?;
    must(!reply.access.is_empty(), "token.reply.access", "give the path to the access token")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
slug = "x"
display_name = "X"
category = "crm"
auth.kind = "jwt_bearer"
urls.token = "https://x.example/token"
refresh.class = "static"
assertion = { algorithm = "RS256", key = "key", issuer = "{email}", subject = "{user}", scope_claim = "scope" }
[[inputs]]
name = "email"
label = "E-mail"
required = true
[[inputs]]
name = "user"
label = "User"
[[inputs]]
name = "key"
label = "Private key"
kind = "private_key"
secret = true
required = true
"#;

    fn refused(from: &str, to: &str, says: &str) {
        assert!(WHOLE.contains(from), "{from}");
        let error = Manifest::parse(&WHOLE.replace(from, to)).expect_err(to).to_string();
        assert!(error.contains(says), "{to}: {error}");
    }

    /// What is refused beside a whole one.
    fn refused_too(more: &str, says: &str) {
        refused("refresh.class", &format!("{more}\nrefresh.class"), says);
    }

    #[test]
    fn an_assertion_says_how_it_is_signed_and_goes_to_the_token_endpoint() {
        let spec = Manifest::parse(WHOLE).unwrap().assertion.unwrap();
        assert_eq!((spec.lifetime_s, spec.audience), (300, None));
        let line = WHOLE.lines().find(|line| line.starts_with("assertion")).unwrap();
        refused(line, "", "say what is signed");
        refused(
            "\"jwt_bearer\"",
            "\"session_exchange\"",
            "it belongs to auth.kind = \"jwt_bearer\"",
        );
        refused("urls.token = \"https://x.example/token\"", "", "jwt_bearer needs `token`");
        refused_too("issuer = \"https://x.example\"", "jwt_bearer needs `token`, and no");
        refused("refresh.class = \"static\"", "", "static");
        refused("issuer = \"{email}\", ", "", "missing field `issuer`");
        refused("scope_claim", "scopes_claim", "line 8, column");
        refused("\"RS256\"", "\"HS256\"", "HS256");
        refused("subject", "lifetime_s = 5, subject", "from 10");
    }

    #[test]
    fn the_key_is_a_secret_of_its_own_kind_that_is_never_sent() {
        refused("key = \"key\"", "key = \"kye\"", "`kye` is no input");
        refused("secret = true\n", "", "with secret = true");
        refused("kind = \"private_key\"\n", "", "kind = \"private_key\"");
        refused("key = \"key\"", "key = \"email\"", "write for the input `email`");
        let other = "label = \"User\"\nkind = \"private_key\"";
        refused("label = \"User\"", other, "is for the input that assertion.key names");
        refused_too("session = { params = { secret = \"{key}\" } }", "never sent");
        refused_too(
            "api.credential = { in = \"header\", name = \"X\", template = \"{key}\" }",
            "`key`",
        );
        refused("secret = true\nrequired = true", "secret = true", "required = true");
        let pin = "secret = true\nrequired = true\n[[inputs]]\nname = \"pin\"\nlabel = \"PIN\"\nsecret = true\n";
        refused("secret = true\nrequired = true\n", pin, "`pin` is sent nowhere");
        let sent = WHOLE.replace("secret = true\nrequired = true\n", pin);
        let params = "session.params = { pin = \"{pin}\" }\nrefresh.class";
        assert!(Manifest::parse(&sent.replace("refresh.class", params)).is_ok());
    }

    #[test]
    fn claims_name_open_inputs_and_none_that_the_hub_sets() {
        refused("{email}", "{key}", "`key` is no open input");
        refused("{email}", "{user}", "`user` can be left out");
        refused("{user}", "{user", "brace");
        refused("scope_claim = \"scope\"", "claims = { aud = \"x\" }", "`aud` is set by the hub");
        refused("scope_claim = \"scope\"", "scope_claim = \"exp\"", "`exp` is set by the hub");
        refused("scope_claim", "claims = { scope = \"x\" }, scope_claim", "has this name too");
        refused_too("authorize.scopes_on_app = true", "sends no scopes");
        let on_app = WHOLE.replace(", scope_claim = \"scope\"", "");
        let on_app =
            on_app.replace("refresh.class", "authorize.scopes_on_app = true\nrefresh.class");
        assert!(Manifest::parse(&on_app).is_ok());
        let narrow = on_app.replace("refresh.class", "refresh.accepts_scope = true\nrefresh.class");
        let error = Manifest::parse(&narrow).unwrap_err().to_string();
        assert!(error.contains("`refresh.accepts_scope`: no scopes are sent"), "{error}");
        let more =
            WHOLE.replace("scope_claim", "claims = { box_sub_type = \"user\" }, scope_claim");
        assert!(Manifest::parse(&more).is_ok());
    }

    #[test]
    fn what_would_say_nothing_is_refused() {
        for (more, says) in [
            ("urls.revoke = \"https://x.example/r\"", "urls.revoke"),
            ("urls.refresh = \"https://x.example/r\"", "urls.refresh"),
            ("authorize.pkce = \"required\"", "authorize.pkce"),
            ("authorize.offline_scopes = [\"offline\"]", "authorize.offline_scopes"),
            ("callback.code_param = \"c\"", "callback"),
            ("refresh.params = { a = \"b\" }", "refresh.params"),
            ("lifetime.refresh_s = 60", "its owner"),
            ("token.params = { assertion = \"x\" }", "`assertion` is set by the hub"),
            ("client.auth = \"basic\"", "without a client"),
            (
                "client.auth = \"private_key_jwt\"\nclient.assertion = { algorithm = \"RS256\" }",
                "`client.auth`",
            ),
        ] {
            refused_too(more, says);
        }
    }

    #[test]
    fn a_private_key_has_lines_and_anything_else_has_one() {
        let manifest = Manifest::parse(WHOLE).unwrap();
        let key = manifest.input("key").unwrap();
        assert!(key.check(&"-----BEGIN\r\nAAAA\n".repeat(200)).is_ok());
        assert!(key.check(&"A".repeat(8193)).unwrap_err().to_string().contains("8192"));
        assert!(key.check("A\0B").is_err());
        assert!(manifest.input("user").unwrap().check("a\nb").is_err());
    }
}
