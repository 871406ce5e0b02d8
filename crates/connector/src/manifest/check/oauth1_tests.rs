//! What a sound manifest of OAuth 1.0a is, by what is wrong with others.

use super::*;

const HEAD: &str = "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\n";
const OAUTH2: &str = "auth.kind = \"oauth2_code\"\nurls.authorize = \"https://x.example/a\"\nurls.token = \"https://x.example/t\"\n";
const OAUTH1: &str = "auth.kind = \"oauth1\"\nurls.request_token = \"https://x.example/r\"\n\
    urls.authorize = \"https://x.example/a\"\nurls.token = \"https://x.example/t\"\n";

fn refused(result: Result<Manifest, ManifestError>) -> String {
    result.map(|manifest| panic!("accepted: {}", manifest.slug)).unwrap_err().to_string()
}

fn oauth1(more: &str) -> Result<Manifest, ManifestError> {
    Manifest::parse(&format!("{HEAD}{OAUTH1}{more}"))
}

#[test]
fn oauth_1_needs_its_three_addresses_and_signs_with_hmac_sha1_unless_it_says_otherwise() {
    let plain = oauth1("").unwrap();
    assert_eq!(plain.oauth1().signature.name(), "HMAC-SHA1");
    assert!(!plain.can_revoke() && !plain.can_narrow());
    let other = oauth1("oauth1 = { signature = \"hmac_sha256\", token_method = \"GET\" }\n");
    assert_eq!(other.unwrap().oauth1().signature.name(), "HMAC-SHA256");
    for missing in ["request_token", "authorize", "token"] {
        let others = |line: &&str| !line.starts_with(&format!("urls.{missing}"));
        let text = OAUTH1.lines().filter(others).collect::<Vec<_>>().join("\n");
        let error = refused(Manifest::parse(&format!("{HEAD}{text}")));
        assert!(error.contains("request_token"), "{missing}: {error}");
    }
    assert!(
        oauth1(
            "authorize.params = { expiration = \"never\" }\nauthorize.scope_separator = \",\"\n"
        )
        .is_ok()
    );
    assert!(
        oauth1("token.capture = { user = \"user_nsid\" }\ntoken.headers = { X-A = \"b\" }\n")
            .is_ok()
    );
}

#[test]
fn a_token_may_be_placed_as_a_key_is_and_then_nothing_is_signed() {
    assert!(oauth1("").unwrap().signs_requests());
    let placed =
        "api.credential = { in = \"header\", name = \"X-T\", template = \"{token_secret}\" }\n";
    assert!(!oauth1(placed).unwrap().signs_requests());
    let of_oauth2 = Manifest::parse(&format!("{HEAD}{OAUTH2}{placed}"));
    assert!(refused(of_oauth2).contains("token_secret"));
}

#[test]
fn what_says_nothing_with_oauth_1_is_refused() {
    for (more, place) in [
        ("issuer = \"https://x.example\"\n", "issuer"),
        ("urls.refresh = \"https://x.example/f\"\n", "urls.refresh"),
        ("urls.exchange = \"https://x.example/f\"\n", "urls.exchange"),
        ("urls.revoke = \"https://x.example/f\"\n", "urls.revoke"),
        ("urls.userinfo = \"https://x.example/f\"\n", "urls.userinfo"),
        ("authorize.pkce = \"never\"\n", "authorize.pkce"),
        ("authorize.rename = { client_id = \"a\" }\n", "authorize.rename"),
        ("authorize.omit = [\"redirect_uri\"]\n", "authorize.omit"),
        ("authorize.offline_scopes = [\"o\"]\n", "authorize.offline_scopes"),
        ("authorize.params = { oauth_callback = \"https://evil.example\" }\n", "authorize.params"),
        ("authorize.scope_param = \"oauth_token\"\n", "authorize.params"),
        ("callback.code_param = \"c\"\n", "callback"),
        ("client.auth = \"basic\"\n", "client"),
        ("token.encoding = \"json\"\n", "token"),
        ("token.reply.access = [\"a\"]\n", "token"),
        ("refresh.class = \"static\"\n", "refresh"),
        ("lifetime.access_s = 60\n", "lifetime"),
        ("revoke.token = \"access\"\n", "revoke"),
        ("errors.config = [{ status = 400 }]\n", "errors"),
        (
            "api.credential = { in = \"header\", name = \"X-T\", template = \"{other}\" }\n",
            "api.credential",
        ),
    ] {
        let error = refused(oauth1(more));
        assert!(error.starts_with(&format!("`{place}`")), "{more}: {error}");
    }
    let secret = "[[inputs]]\nname = \"k\"\nlabel = \"K\"\nsecret = true\n";
    assert!(refused(oauth1(secret)).contains("secret inputs"));
    assert!(
        refused(oauth1("[oauth1]\nsignature = \"rsa_sha1\"\n")).starts_with("line 9, column 13")
    );
    assert!(refused(oauth1("[oauth1]\nsigned = 1\n")).starts_with("line 9, column 1"));
    for more in ["urls.request_token = \"https://x.example/r\"\n", "[oauth1]\n"] {
        assert!(
            refused(Manifest::parse(&format!("{HEAD}{OAUTH2}{more}")))
                .contains("it belongs to auth.kind"),
            "{more}"
        );
    }
}

#[test]
fn secrets_that_are_not_hidden_by_a_signature_go_by_tls_alone() {
    let at = |url: &str| {
        Manifest::parse(&format!(
            "{HEAD}auth.kind = \"oauth1\"\nurls.request_token = \"{url}/r\"\nurls.authorize = \"{url}/a\"\n\
             urls.token = \"{url}/t\"\noauth1.signature = \"plaintext\"\n"
        ))
    };
    assert!(at("https://x.example").is_ok());
    assert!(refused(at("http://localhost:8090")).contains("plaintext"));
}
