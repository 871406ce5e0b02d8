//! How requests to the OAuth server are written, and how a grant is ended.

use super::{Checked, must, parts, word};
use crate::{
    AuthKind, Manifest,
    manifest::{Encoding, RevokeAuth, RevokeMethod, TokenExchange, TokenMethod},
    template,
};

/// What the header of a revocation may name.
const OF_A_GRANT: [&str; 4] = ["token", "access_token", "client_id", "client_secret"];

pub(super) fn check(manifest: &Manifest) -> Checked {
    let token = &manifest.token;
    must(
        token.method == TokenMethod::Post || token.encoding == Encoding::Query,
        "token.method",
        "a GET has no body: write token.encoding = \"query\"",
    )?;
    for (place, spec) in
        [("token.exchange", &token.exchange), ("refresh.exchange", &manifest.refresh.exchange)]
    {
        spec.as_ref().map_or(Ok(()), |spec| exchange(manifest, place, spec))?;
    }
    must(
        manifest.urls.exchange.is_none() || token.exchange.is_some(),
        "urls.exchange",
        "say in token.exchange what is sent there",
    )?;
    must(
        manifest.refresh.exchange.is_none() || !manifest.refresh.accepts_scope,
        "refresh.accepts_scope",
        "an access token that is exchanged for another keeps its scopes",
    )?;
    written_otherwise(manifest)?;
    introspect(manifest)?;
    revoke(manifest)
}

/// How a refresh is written, where that is not as codes are exchanged.
fn written_otherwise(manifest: &Manifest) -> Checked {
    let spec = &manifest.refresh;
    let place = "refresh";
    let said = spec.method.is_some() || spec.encoding.is_some() || spec.client_auth.is_some();
    must(
        !said || (manifest.auth.kind == AuthKind::Oauth2Code && spec.exchange.is_none()),
        place,
        "`method`, `encoding` and `client_auth` are of a refresh by refresh token: with \
         refresh.exchange they stand there, and otherwise only auth.kind = \"oauth2_code\" has one",
    )?;
    has_a_body(manifest, place, spec.method, spec.encoding)
}

/// Whether what is sent has a place: a `GET` has its query only.
fn has_a_body(
    manifest: &Manifest,
    place: &str,
    method: Option<TokenMethod>,
    encoding: Option<Encoding>,
) -> Checked {
    let method = method.unwrap_or(manifest.token.method);
    must(
        method == TokenMethod::Post || matches!(encoding, None | Some(Encoding::Query)),
        place,
        "a GET has no body: write encoding = \"query\", or leave it out",
    )
}

/// A token is shown to nobody but the server that made it.
fn introspect(manifest: &Manifest) -> Checked {
    let urls = &manifest.urls;
    let by_client =
        matches!(manifest.auth.kind, AuthKind::Oauth2Code | AuthKind::Oauth2ClientCredentials);
    let moves = urls.alternatives.iter().any(|other| other.token.is_some());
    must(
        urls.introspect.is_none() || (by_client && !moves),
        "urls.introspect",
        "it is for oauth2_code and oauth2_client_credentials, where no alternative moves `token`",
    )
}

fn exchange(manifest: &Manifest, place: &'static str, spec: &TokenExchange) -> Checked {
    let text = "it belongs to auth.kind = \"oauth2_code\"";
    must(manifest.auth.kind == AuthKind::Oauth2Code, place, text)?;
    word(place, &spec.grant_type)?;
    word(place, &spec.token_param)?;
    let client = [&manifest.client.id_param, &manifest.client.secret_param];
    let ours = spec.token_param == "grant_type" || client.contains(&&spec.token_param);
    must(!ours, place, format!("`{}` is set by the hub", spec.token_param))?;
    has_a_body(manifest, place, spec.method, spec.encoding)
}

fn revoke(manifest: &Manifest) -> Checked {
    let revoke = &manifest.revoke;
    parts::table("revoke.params", &revoke.params)?;
    revoke.params.values().try_for_each(|text| param(manifest, text))?;
    parts::headers("revoke.headers", &revoke.headers)?;
    if !revoke.token_param.is_empty() {
        word("revoke.token_param", &revoke.token_param)?;
        must(
            !revoke.params.contains_key(&revoke.token_param),
            "revoke.params",
            "one of them has the name of revoke.token_param",
        )?;
    }
    must(
        revoke.method != RevokeMethod::Get
            || matches!(revoke.encoding, None | Some(Encoding::Query)),
        "revoke.encoding",
        "a GET has no body: write \"query\", or leave it out",
    )?;
    let place = "revoke.header";
    match (&revoke.header, revoke.auth) {
        (Some(spec), RevokeAuth::Header) => parts::header_spec(place, spec, &OF_A_GRANT)?,
        (None, RevokeAuth::Header) => {
            must(false, place, "say which: { name = \"X-Token\", template = \"{access_token}\" }")?;
        }
        (Some(_), _) => must(false, place, "it belongs to revoke.auth = \"header\"")?,
        (None, _) => {}
    }
    names_the_grant(manifest)
}

/// Whether a parameter names only what was captured.
fn param(manifest: &Manifest, text: &str) -> Checked {
    let place = "revoke.params";
    parts::closed(place, text)?;
    let stranger = template::names(text).into_iter().find(|name| !is_captured(manifest, name));
    let message = format!("`{}` is no captured value", stranger.unwrap_or_default());
    must(stranger.is_none(), place, message)
}

fn is_captured(manifest: &Manifest, name: &str) -> bool {
    manifest.token.capture.contains_key(name) || manifest.callback.capture.contains_key(name)
}

/// Whether the provider can tell which grant is meant.
fn names_the_grant(manifest: &Manifest) -> Checked {
    let revoke = &manifest.revoke;
    let in_header = revoke.header.as_ref().is_some_and(|spec| {
        template::names(&spec.template).iter().any(|name| matches!(*name, "token" | "access_token"))
    });
    let urls = &manifest.urls;
    let others = urls.alternatives.iter().filter_map(|other| other.revoke.as_ref());
    let all: Vec<_> =
        urls.revoke.iter().chain(others).flat_map(super::super::UrlSpec::all).collect();
    let in_url = !all.is_empty() && all.iter().all(|url| template::names(url).contains(&"token"));
    let in_params = revoke
        .params
        .values()
        .any(|text| template::names(text).into_iter().any(|name| is_captured(manifest, name)));
    let named = in_header || in_url || in_params;
    must(
        !revoke.token_param.is_empty() || revoke.auth == RevokeAuth::Bearer || named,
        "revoke.token_param",
        "nothing would say which grant is to end",
    )
}

#[cfg(test)]
mod tests {
    use crate::Manifest;

    fn check(rest: &str) -> Result<Manifest, String> {
        let head = "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\n";
        Manifest::parse(&format!("{head}{rest}")).map_err(|error| error.to_string())
    }

    fn refused(rest: &str, says: &str) {
        let error = check(rest).err().unwrap_or_else(|| panic!("taken: {rest}"));
        assert!(error.contains(says), "{error}");
    }

    const CODE: &str = "auth.kind = \"oauth2_code\"\nurls.authorize = \"https://x.example/a\"\n\
                        urls.token = \"https://x.example/t\"\n";

    #[test]
    fn an_access_token_is_traded_as_can_be_sent() {
        let of = |exchange: &str| format!("{CODE}token.exchange = {{ {exchange} }}\n");
        assert!(check(&of("grant_type = \"longer\", method = \"GET\"")).is_ok());
        refused(&of("token_param = \"t\""), "grant_type");
        refused(&of("grant_type = \"a b\""), "token.exchange");
        refused(&of("grant_type = \"x\", token_param = \"client_secret\""), "set by the hub");
        refused(&of("grant_type = \"x\", token_param = \"grant_type\""), "set by the hub");
        refused(&of("grant_type = \"x\", method = \"GET\", encoding = \"form\""), "no body");
        refused(&of("grant_type = \"x\", grant = \"y\""), "grant");
        let nowhere = format!("{CODE}urls.exchange = \"https://x.example/e\"\n");
        refused(&nowhere, "token.exchange");
    }

    #[test]
    fn what_is_renewed_so_belongs_to_a_person_and_is_not_narrowed() {
        let exchange = "refresh.exchange = { grant_type = \"again\" }\n";
        assert!(check(&format!("{CODE}{exchange}")).is_ok());
        let narrowed =
            format!("{CODE}{exchange}refresh.class = \"static\"\nrefresh.accepts_scope = true\n");
        refused(&narrowed, "keeps its scopes");
        let client =
            "auth.kind = \"oauth2_client_credentials\"\nurls.token = \"https://x.example/t\"\n";
        refused(&format!("{client}{exchange}"), "oauth2_code");
    }

    #[test]
    fn a_refresh_may_be_written_otherwise() {
        let of = |refresh: &str| format!("{CODE}[refresh]\n{refresh}\n");
        assert!(check(&of("method = \"GET\"")).is_ok());
        assert!(check(&of("encoding = \"json\"\nclient_auth = \"basic\"")).is_ok());
        refused(&of("method = \"GET\"\nencoding = \"json\""), "no body");
        refused(&of("encoding = \"json\"\nexchange = { grant_type = \"x\" }"), "refresh.exchange");
        let client =
            "auth.kind = \"oauth2_client_credentials\"\nurls.token = \"https://x.example/t\"\n";
        refused(&format!("{client}refresh.encoding = \"json\"\n"), "oauth2_code");
    }

    #[test]
    fn a_token_is_shown_to_the_server_that_made_it_alone() {
        let asked = "urls.introspect = \"https://x.example/i\"\n";
        assert!(check(&format!("{CODE}{asked}")).is_ok());
        let region = "[[inputs]]\nname = \"r\"\nlabel = \"R\"\nkind = \"region\"\nenum = [\"us\", \"eu\"]\n\
            [[urls.alternatives]]\nwhen = { r = \"eu\" }\n";
        let moved =
            |name: &str| format!("{CODE}{asked}{region}{name} = \"https://eu.x.example/t\"\n");
        assert!(check(&moved("userinfo")).is_ok());
        refused(&moved("token"), "moves `token`");
        refused(
            &format!("auth.kind = \"api_key\"\napi.base = \"https://x.example\"\n{asked}"),
            "urls",
        );
    }

    #[test]
    fn a_token_may_be_renewed_before_it_ends() {
        let of = |lifetime: &str| format!("{CODE}[lifetime]\n{lifetime}\n");
        assert!(check(&of("access_s = 100\nmin_refresh_interval_s = 50")).is_ok());
        refused(&of("access_s = 100\nmin_refresh_interval_s = 51"), "half");
        refused(&of("margin_s = 0"), "from 1");
    }
}
