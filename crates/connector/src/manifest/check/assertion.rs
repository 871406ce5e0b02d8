//! Clients that have a private key: for a signed assertion, or for a certificate.

use super::{Checked, line, must};
use crate::{
    Manifest,
    manifest::{AuthKind, CallbackVerify, ClientAuth, RevokeAuth},
    template,
};

/// What templates may name besides the inputs.
const OURS: [&str; 2] = ["client_id", "issuer"];

/// The longest life of an assertion: the half year that Apple takes.
const LONGEST_S: u32 = 15_777_000;

pub(super) fn check(manifest: &Manifest) -> Checked {
    let place = "client.assertion";
    let signs = manifest.client.auth == ClientAuth::PrivateKeyJwt;
    let known =
        matches!(manifest.auth.kind, AuthKind::Oauth2Code | AuthKind::Oauth2ClientCredentials);
    let keeps = manifest.client.auth.keeps_its_key();
    let text =
        "only a client of OAuth 2.0 has a private key, and this auth.kind has none: leave it out";
    must(known || !keeps, "client.auth", text)?;
    let text = "a client of OAuth 2.0 that signs no assertions can show a certificate";
    must(!manifest.client.certificate || (known && !signs), "client.certificate", text)?;
    let text = "say with what: client.certificate = true";
    must(
        manifest.client.auth != ClientAuth::Mtls || manifest.client.certificate,
        "client.auth",
        text,
    )?;
    if keeps {
        the_key_stays(manifest)?;
    } else {
        no_one_request_has_a_key(manifest)?;
    }
    let Some(spec) = &manifest.client.assertion else {
        let text = "say how it is signed: { algorithm = \"RS256\" }";
        return must(!signs, place, text);
    };
    must(signs, place, "it belongs to client.auth = \"private_key_jwt\"")?;
    for (name, template) in spec.templates() {
        let place = format!("{place}.{name}");
        line(&place, template, 500)?;
        template::names(template).into_iter().try_for_each(|name| named(manifest, &place, name))?;
    }
    lifetime(place, spec.lifetime_s)
}

pub(super) fn lifetime(place: &str, seconds: u32) -> Checked {
    let sound = (10..=LONGEST_S).contains(&seconds);
    let text = format!("write seconds, from 10 to {LONGEST_S}; a few minutes are enough");
    must(sound, &format!("{place}.lifetime_s"), text)
}

fn named(manifest: &Manifest, place: &str, name: &str) -> Checked {
    let input = manifest.input(name);
    if name == "issuer" && input.is_none() {
        let text = "`issuer` is discovered, and this manifest has none";
        return must(manifest.issuer.is_some(), place, text);
    }
    // What is missing would stop every request: so it can't be left out.
    let known = input.map_or(OURS.contains(&name), |input| {
        !input.secret && (input.required || input.default.is_some())
    });
    let text = format!("`{name}` is no required open input; `client_id` may stand there too");
    must(known, place, text)
}

/// A private key is never sent: no other way of identifying the client may take it for a secret.
fn the_key_stays(manifest: &Manifest) -> Checked {
    let text = "the client has a private key, which is never sent, and no secret";
    let revoke = &manifest.revoke;
    let shown = revoke
        .header
        .as_ref()
        .is_some_and(|spec| template::names(&spec.template).contains(&"client_secret"));
    must(revoke.auth != RevokeAuth::Basic && !shown, "revoke", text)?;
    let verify = manifest.callback.verify;
    must(verify == CallbackVerify::None, "callback.verify", "a private key is no key for an HMAC")?;
    exchanges(manifest).try_for_each(|(place, auth)| {
        let same = auth.is_none_or(|auth| auth == ClientAuth::None || auth == manifest.client.auth);
        must(same, place, text)
    })
}

fn no_one_request_has_a_key(manifest: &Manifest) -> Checked {
    exchanges(manifest).try_for_each(|(place, auth)| {
        let text = "a client with a private key has it for every request: client.auth";
        must(!auth.is_some_and(ClientAuth::keeps_its_key), place, text)
    })
}

/// Requests that may say in a way of their own who the client is.
fn exchanges(manifest: &Manifest) -> impl Iterator<Item = (&'static str, Option<ClientAuth>)> + '_ {
    let refresh = &manifest.refresh;
    [("token.exchange", &manifest.token.exchange), ("refresh.exchange", &refresh.exchange)]
        .into_iter()
        .filter_map(|(place, spec)| Some((place, spec.as_ref()?.client_auth)))
        .chain([("refresh.client_auth", refresh.client_auth)])
}

#[cfg(test)]
mod tests {
    use crate::Manifest;

    const CODE: &str = r#"
        slug = "mine"
        display_name = "Mine"
        category = "crm"
        auth.kind = "oauth2_code"
        urls.authorize = "https://x.example/a"
        urls.token = "https://x.example/t"
        inputs = [{ name = "team", label = "Team", required = true }, { name = "note", label = "Note" }]
        "#;
    const SIGNED: &str = "client.auth = \"private_key_jwt\"\n";

    fn check(rest: &str) -> Result<Manifest, String> {
        Manifest::parse(&format!("{CODE}{rest}")).map_err(|error| error.to_string())
    }

    fn refused(rest: &str, why: &str) {
        let error = check(rest).expect_err(rest);
        assert!(error.contains(why), "{rest}: {error}");
    }

    #[test]
    fn an_assertion_belongs_to_a_client_that_signs_and_to_no_other() {
        let assertion = "client.assertion = { algorithm = \"ES256\" }\n";
        let spec = check(&format!("{SIGNED}{assertion}")).unwrap().client.assertion.unwrap();
        assert_eq!(spec.lifetime_s, 300);
        refused(SIGNED, "say how it is signed");
        refused(assertion, "private_key_jwt");
        refused(&format!("{SIGNED}client.assertion = {{ algorithm = \"HS256\" }}\n"), "HS256");
        refused(&format!("{SIGNED}client.assertion = {{ algorithm = \"none\" }}\n"), "none");
    }

    #[test]
    fn templates_name_what_is_known_before_anything_is_sent() {
        let of = |more: &str| {
            format!("{SIGNED}client.assertion = {{ algorithm = \"ES256\", {more} }}\n")
        };
        assert!(check(&of("issuer = \"{team}\", subject = \"{client_id}\"")).is_ok());
        refused(&of("issuer = \"{note}\""), "`note`");
        refused(&of("issuer = \"{client_secret}\""), "`client_secret`");
        refused(&of("audience = \"{issuer}\""), "discovered");
        refused(&of("lifetime_s = 0"), "from 10");
        let found = format!("{}issuer = \"https://x.example\"\n", of("audience = \"{issuer}\""));
        assert!(check(&found).is_ok());
    }

    #[test]
    fn no_other_request_takes_the_key_for_a_secret() {
        let of =
            |more: &str| format!("{SIGNED}client.assertion = {{ algorithm = \"RS256\" }}\n{more}");
        let exchange = |auth: &str| {
            format!("token.exchange = {{ grant_type = \"x\", client_auth = \"{auth}\" }}\n")
        };
        assert!(check(&of(&exchange("none"))).is_ok());
        refused(&of(&exchange("post")), "never sent");
        refused(&of(&exchange("basic")), "never sent");
        refused(&exchange("private_key_jwt"), "client.auth");
        let revoke = "urls.revoke = \"https://x.example/r\"\n";
        refused(&of(&format!("{revoke}revoke.auth = \"basic\"\n")), "never sent");
        let header = "revoke.header = { name = \"X\", template = \"{client_secret}\" }\n";
        refused(&of(&format!("{revoke}revoke.auth = \"header\"\n{header}")), "never sent");
        refused(&of("callback.verify = \"hmac_query\"\n"), "HMAC");
    }

    #[test]
    fn a_certificate_is_shown_by_a_client_of_oauth_2_0_that_signs_nothing() {
        let of = |more: &str| Manifest::parse(&format!("{CODE}{more}")).map_err(|e| e.to_string());
        for good in [
            "client = { certificate = true }",
            "client = { auth = \"mtls\", certificate = true }",
            "client = { auth = \"none\", certificate = true }",
        ] {
            assert!(of(good).is_ok(), "{good}");
        }
        let (alone, bare) = ("client = { auth = \"mtls\", certificate = true }\n", "\n");
        for (first, more, says) in [
            (bare, "client = { auth = \"mtls\" }", "client.certificate = true"),
            (
                bare,
                "client = { auth = \"private_key_jwt\", certificate = true, assertion = { algorithm = \"RS256\" } }",
                "signs no assertions",
            ),
            (alone, "revoke.auth = \"basic\"", "never sent"),
            (alone, "callback.verify = \"hmac_query\"", "no key for an HMAC"),
            (alone, "refresh.client_auth = \"post\"", "never sent"),
            (bare, "refresh.client_auth = \"mtls\"", "for every request"),
            (bare, "refresh.client_auth = \"private_key_jwt\"", "for every request"),
        ] {
            let error = of(&format!("{first}{more}")).expect_err(more);
            assert!(error.contains(says), "{more}: {error}");
        }
        let keyed = "slug = \"k\"\ndisplay_name = \"K\"\ncategory = \"crm\"\nauth.kind = \"api_key\"\n\
            api.credential = { in = \"header\", name = \"X-Key\" }\nclient.certificate = true\n\
            inputs = [{ name = \"key\", label = \"Key\", secret = true }]\n";
        let error = Manifest::parse(keyed).unwrap_err();
        assert!(error.to_string().contains("`client.certificate`"), "{error}");
    }
}
