//! What a sound manifest is, by what is wrong with others.

use proptest::prelude::*;

use super::*;

mod addresses;

use addresses::at;

const HEAD: &str = "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\n";
const OAUTH: &str = "auth.kind = \"oauth2_code\"\nurls.authorize = \"https://x.example/a\"\nurls.token = \"https://x.example/t\"\n";
const KEY: &str = "auth.kind = \"api_key\"\napi.base = \"https://x.example\"\n";
const KEY_INPUT: &str = "[[inputs]]\nname = \"key\"\nlabel = \"Key\"\nsecret = true\n";

fn oauth(more: &str) -> Result<Manifest, ManifestError> {
    Manifest::parse(&format!("{HEAD}{OAUTH}{more}"))
}

fn refused(result: Result<Manifest, ManifestError>) -> String {
    result.map(|manifest| panic!("accepted: {}", manifest.slug)).unwrap_err().to_string()
}

#[test]
fn a_small_manifest_is_enough() {
    let manifest = oauth("").unwrap();
    assert_eq!(manifest.authorize.scope_separator, " ");
    assert!(!manifest.has_free_host() && !manifest.can_revoke() && !manifest.can_narrow());
}

#[test]
fn a_mistake_is_told_with_its_line_and_column() {
    let error = refused(Manifest::parse(&format!("{HEAD}{OAUTH}\n[api]\nbaze = \"x\"\n")));
    assert!(error.starts_with("line 9, column 1: ") && error.contains("baze"), "{error}");
    let error = refused(Manifest::parse("slug = \n"));
    assert!(error.starts_with("line 1, column "), "{error}");
    let error = refused(Manifest::parse(&" ".repeat(Manifest::MOST + 1)));
    assert!(error.contains("64 KiB"), "{error}");
}

#[test]
fn a_kind_of_getting_in_has_what_it_needs() {
    let of = |text: &str| Manifest::parse(&format!("{HEAD}{text}"));
    refused(of("auth.kind = \"oauth2_code\"\nurls.token = \"https://x.example/t\"\n"));
    assert!(of("auth.kind = \"oauth2_code\"\nissuer = \"https://x.example\"\n").is_ok());
    refused(of("auth.kind = \"oauth2_client_credentials\"\n"));
    assert!(
        of("auth.kind = \"oauth2_client_credentials\"\nurls.token = \"https://x.example/t\"\n")
            .is_ok()
    );
    let header = "api.credential = { in = \"header\", name = \"X-Key\" }\n";
    assert!(of(&format!("{KEY}{header}{KEY_INPUT}")).is_ok());
    refused(of(&format!("{KEY}{KEY_INPUT}")));
    refused(of(&format!("{KEY}{header}")));
    refused(of(&format!("{KEY}{header}issuer = \"https://x.example\"\n{KEY_INPUT}")));
    refused(oauth(KEY_INPUT));
    let basic = "auth.kind = \"basic\"\napi.credential = { in = \"basic\", user = \"{key}\" }\n";
    assert!(of(&format!("{basic}{KEY_INPUT}")).is_ok());
    refused(of(&format!("auth.kind = \"basic\"\n{header}{KEY_INPUT}")));
}

#[test]
fn several_secrets_stand_in_headers_that_are_each_their_own() {
    let of = |headers: &str| {
        let credential = format!("in = \"header\", name = \"X-Key\", headers = {{ {headers} }}");
        Manifest::parse(&format!("{HEAD}{KEY}api.credential = {{ {credential} }}\n{KEY_INPUT}"))
    };
    assert!(of("X-App = \"app {key}\"").is_ok());
    refused(of("X-App = \"no secret\""));
    refused(of("x-key = \"{key}\""));
    refused(of("Authorization = \"{key}\""));
    refused(of("Host = \"{key}\""));
    refused(of("X-App = \"{stranger}\""));
    refused(of("X-App = \"{key\""));
}

#[test]
fn a_credential_is_placed_by_names_that_exist() {
    let of = |credential: &str| {
        Manifest::parse(&format!("{HEAD}{KEY}api.credential = {{ {credential} }}\n{KEY_INPUT}"))
    };
    for good in [
        "in = \"header\"",
        "in = \"header\", name = \"X-Key\", template = \"k {key}\"",
        "in = \"query\", name = \"key\"",
        "in = \"basic\", user = \"{key}\", password = \"x\"",
    ] {
        assert!(of(good).is_ok(), "{good}: {:?}", of(good).err());
    }
    for bad in [
        "in = \"header\", template = \"k {kye}\"",
        "in = \"header\", template = \"k\"",
        "in = \"header\", template = \"{key\"",
        "in = \"header\", name = \"Host\"",
        "in = \"header\", name = \"a b\"",
        "in = \"query\"",
        "in = \"basic\"",
        "in = \"basic\", user = \"{key}\", name = \"x\"",
        "in = \"header\", user = \"{key}\"",
        "in = \"body\"",
    ] {
        refused(of(bad));
    }
}

#[test]
fn inputs_are_anchored_and_their_own_values_fit() {
    let of = |input: &str| oauth(&format!("[[inputs]]\nname = \"a\"\nlabel = \"A\"\n{input}"));
    assert!(of("pattern = '^[a-z]+$'\ndefault = \"x\"\n").is_ok());
    for bad in [
        "pattern = '[a-z]+'\n",
        "pattern = '^[a-z]+'\n",
        "pattern = '^a\\$'\n",
        "pattern = '^($'\n",
        "pattern = '^(a{1000}){1000}$'\n",
        "pattern = '^[a-z]+$'\ndefault = \"7\"\n",
        "enum = [\"a\"]\ndefault = \"b\"\n",
        "kind = \"region\"\n",
        "kind = \"url\"\ndefault = \"http://x.example\"\n",
    ] {
        refused(of(bad));
    }
    refused(oauth("[[inputs]]\nname = \"A\"\nlabel = \"A\"\n"));
    refused(oauth(
        "[[inputs]]\nname = \"a\"\nlabel = \"A\"\n[[inputs]]\nname = \"a\"\nlabel = \"A\"\n",
    ));
    refused(oauth(&"[[inputs]]\nname = \"a\"\nlabel = \"A\"\n".repeat(21)));
}

#[test]
fn scopes_are_unique_and_open_paths() {
    let scope = |name: &str, allows: &str| {
        format!(
            "[[scopes]]\nname = \"{name}\"\ntitle = \"See it\"\naccess = \"read\"\nallows = [{allows}]\n"
        )
    };
    assert!(oauth(&scope("a", "\"GET /a/*\", \"* /b\"")).is_ok());
    for bad in [
        scope("a", "").repeat(2),
        scope("a b", ""),
        scope("", ""),
        scope("a", "\"/a\""),
        scope("a", "\"get /a\""),
        scope("a", "\"GET a\""),
        scope("a", "\"GET /a b\""),
        scope("a", "\"GET /a?b\""),
        scope("a", "\"GET /a/../b\""),
        format!("authorize.default_scopes = [\"b\"]\n{}", scope("a", "")),
    ] {
        refused(oauth(&bad));
    }
}

#[test]
fn a_matcher_says_something_and_spares_good_replies() {
    let of = |matcher: &str| oauth(&format!("errors.dead = [{{ {matcher} }}]\n"));
    assert!(of("status = 410").is_ok());
    assert!(of("status = 200, path = \"ok\", equals = \"false\"").is_ok());
    for bad in [
        "",
        "status = 200",
        "equals = \"a\"",
        "status = 7",
        "path = \"a\", matches = \"(\"",
        "path = \"\"",
    ] {
        refused(of(bad));
    }
}

#[test]
fn what_the_hub_sets_the_manifest_does_not() {
    for bad in [
        "authorize.params.state = \"x\"\n",
        "authorize.params.scope = \"x\"\n",
        "authorize.consent_params.redirect_uri = \"x\"\n",
        "authorize.rename.state = \"s\"\n",
        "authorize.scope_separator = \"\"\n",
        "api.headers.Authorization = \"x\"\n",
        "token.headers.Host = \"x\"\n",
        "token.headers.X-A = \"a\\nb\"\n",
        "token.capture.token = \"x\"\n",
        "callback.capture.c = \"c\"\ntoken.from_callback.code = \"c\"\n",
        "callback.capture.c = \"c\"\ntoken.from_callback.client_secret = \"c\"\n",
        "client.secret_param = \"app_secret\"\ncallback.capture.c = \"c\"\ntoken.from_callback.app_secret = \"c\"\n",
    ] {
        refused(oauth(bad));
    }
    assert!(
        oauth("authorize.rename.client_id = \"client_key\"\napi.headers.X-Version = \"7\"\n")
            .is_ok()
    );
}

#[test]
fn requests_repeat_only_what_was_captured() {
    let captured = "callback.capture.c = \"c\"\n";
    assert!(oauth(&format!("{captured}token.from_callback.store = \"c\"\n")).is_ok());
    assert!(refused(oauth("token.from_callback.store = \"c\"\n")).contains("callback.capture"));
    let named = "urls.revoke = \"https://x.example/r\"\nrevoke.token_param = \"\"\n";
    let user = "revoke.params.user = \"{c}\"\n";
    assert!(oauth(&format!("token.capture.c = \"c\"\n{named}{user}")).is_ok());
    assert!(refused(oauth(&format!("{named}{user}"))).contains("`c` is no captured value"));
    assert!(refused(oauth("revoke.params.user = \"{c\"\n")).contains("brace"));
    let fixed = "revoke.params.user = \"x\"\n";
    assert!(refused(oauth(&format!("{named}{fixed}"))).contains("nothing would say"));
}

proptest! {
    #[test]
    fn any_text_is_refused_without_a_panic(text in "\\PC{0,200}") {
        let _ = Manifest::parse(&text);
    }

    #[test]
    fn any_url_template_is_judged_without_a_panic(url in "[a-z{}:/.@#?\\[\\]0-9 ]{0,40}") {
        let _ = at(&url, "name = \"a\"\nkind = \"url\"\n");
        let _ = at(&format!("https://{url}"), "name = \"a\"\nkind = \"host\"\n");
    }

    #[test]
    fn whatever_a_one_label_pattern_takes_has_no_dot_and_no_slash(pattern in "\\^[a-c0-9.\\[\\]+*/^-]{1,12}\\$", value in "[a-c0-9./]{1,6}") {
        let input: Input = toml::from_str(&format!("name = \"a\"\nlabel = \"A\"\npattern = '{pattern}'")).unwrap();
        if is_one_label(&input) && input.check(&value).is_ok() {
            prop_assert!(!value.contains(['.', '/']), "{} {}", pattern, value);
        }
    }
}

#[test]
fn a_client_of_the_providers_own_way_has_all_that_it_needs() {
    assert!(oauth("client = { auth = \"header\", header = { name = \"X-C\", template = \"{client_secret}\" } }\n").is_ok());
    for bad in [
        "client = { auth = \"header\" }\n",
        "client = { header = { name = \"X-C\", template = \"{client_secret}\" } }\n",
        "client = { auth = \"header\", header = { name = \"X-C\", template = \"{client_id}\" } }\n",
        "client = { auth = \"header\", header = { name = \"X-C\", template = \"{secret}\" } }\n",
        "client = { auth = \"header\", header = { name = \"Host\", template = \"{client_secret}\" } }\n",
        "client = { id_param = \"a\", secret_param = \"a\" }\n",
        "authorize.omit = [\"state\"]\n",
        "authorize.user_scope_param = \"user_scope\"\n",
        "token.method = \"GET\"\n",
        "token.method = \"PUT\"\n",
        "token.redirect_uri = \"sometimes\"\n",
        "token.reply.accept = \"a\\nb\"\n",
    ] {
        refused(oauth(bad));
    }
}

#[test]
fn a_revocation_says_which_grant_is_to_end() {
    let at = |url: &str, revoke: &str| {
        oauth(&format!("urls.revoke = \"{url}\"\nrevoke = {{ {revoke} }}\n"))
    };
    let plain = "https://x.example/r";
    for (url, revoke) in [
        (plain, ""),
        ("https://x.example/r/{client_id}/{token}", "method = \"DELETE\", token_param = \"\""),
        ("https://x.example/r?t={token}", "method = \"GET\""),
        (plain, "auth = \"bearer\", token_param = \"\""),
        (plain, "auth = \"header\", header = { name = \"X-T\", template = \"{token}\" }"),
        (plain, "method = \"DELETE\", auth = \"basic\", encoding = \"json\""),
    ] {
        assert!(at(url, revoke).is_ok(), "{url} {revoke}: {:?}", at(url, revoke).err());
    }
    for (url, revoke) in [
        (plain, "token_param = \"\""),
        (plain, "auth = \"header\""),
        (plain, "header = { name = \"X-T\", template = \"{token}\" }"),
        (plain, "auth = \"header\", header = { name = \"X-T\", template = \"{nobody}\" }"),
        (plain, "method = \"GET\", encoding = \"json\""),
        (plain, "method = \"PUT\""),
        (plain, "params = { token = \"x\" }"),
        (plain, "headers = { Host = \"x\" }"),
        ("https://{token}.x.example/r", ""),
    ] {
        refused(at(url, revoke));
    }
    refused(oauth("urls.refresh = \"https://x.example/{token}\"\n"));
}

#[test]
fn limits_are_told_by_headers_and_refusals() {
    let base = "api.base = \"https://x.example\"\n";
    let of = |rate: &str| oauth(&format!("{base}api.rate = {{ {rate} }}\n"));
    assert!(of("remaining = \"X-Left\", statuses = [403, 429, 503]").is_ok());
    for bad in [
        "remaining = \"a b\"",
        "retry_after = \"\"",
        "statuses = [200]",
        "statuses = [7]",
        "body_match = [{ status = 200 }]",
        "reset_unit = \"days\"",
    ] {
        refused(of(bad));
    }
}

#[test]
fn a_credential_is_checked_at_the_api_where_nobody_tells_whose_it_is() {
    let base = "api.base = \"https://x.example\"\n";
    let of = |more: &str, verify: &str| oauth(&format!("{more}api.verify = {{ {verify} }}\n"));
    assert!(of(base, "path = \"/ping\", method = \"HEAD\", ok_status = [204]").is_ok());
    for (more, verify) in [
        ("", "path = \"/ping\""),
        (base, "path = \"https://y.example/ping\""),
        (base, "path = \"/{nobody}\""),
        (base, "path = \"/ping\", method = \"PUT\""),
        (base, "path = \"/ping\", ok_status = [2]"),
        (
            "api.base = \"https://x.example\"\nidentity = { url = \"/me\", account_path = [\"id\"] }\n",
            "path = \"/ping\"",
        ),
    ] {
        refused(of(more, verify));
    }
}

#[test]
fn a_signature_covers_the_body_and_the_time_that_is_told() {
    let of = |webhook: &str| oauth(&format!("webhook = {{ header = \"X-S\", {webhook} }}\n"));
    for good in [
        "prefix = \"sha256=\"",
        "timestamp_header = \"X-T\", signed_template = \"{timestamp}:{body}\"",
        "id_header = \"X-Id\", signed_template = \"{id}.{body}\"",
    ] {
        assert!(of(good).is_ok(), "{good}: {:?}", of(good).err());
    }
    for bad in [
        "signed_template = \"{timestamp}\"",
        "signed_template = \"{timestamp}{body}\"",
        "signed_template = \"{body}{nobody}\"",
        "signed_template = \"{body\"",
        "timestamp_header = \"X-T\"",
        "id_header = \"X-Id\"",
        "timestamp_prefix = \"t=\", signed_template = \"{timestamp}{body}\"",
        "separator = \"\"",
        "tolerance_s = 0",
        "tolerance_s = 100000",
        "algorithm = \"md5\"",
    ] {
        refused(of(bad));
    }
}

#[test]
fn a_captured_value_has_a_whole_pattern_and_a_signed_callback_a_secret() {
    assert!(oauth("callback.capture.c = { from = \"c\", pattern = '^[a-z]+$' }\n").is_ok());
    assert!(oauth("callback.verify = \"hmac_query\"\n").is_ok());
    for bad in [
        "callback.capture.c = { from = \"c\", pattern = '[a-z]+' }\n",
        "callback.capture.c = { from = \"c\" }\n",
        "token.capture.c = { from = \"c\", pattern = '^($' }\n",
        "token.capture.c = { from = \"c\", pattern = '^a$', more = 1 }\n",
        "callback.verify = \"md5\"\n",
        "callback.verify = \"hmac_query\"\nclient.auth = \"none\"\n",
    ] {
        refused(oauth(bad));
    }
}
