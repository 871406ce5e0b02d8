//! Where a provider is: no mistake and no answer sends a secret elsewhere.

use super::*;

/// With the endpoints at `url`, and an input.
pub(super) fn at(url: &str, input: &str) -> Result<Manifest, ManifestError> {
    let input = if input.is_empty() {
        String::new()
    } else {
        format!("[[inputs]]\nlabel = \"I\"\nrequired = true\n{input}")
    };
    Manifest::parse(&format!(
        "{HEAD}auth.kind = \"oauth2_code\"\nurls.authorize = '{url}/a'\nurls.token = '{url}/t'\n{input}"
    ))
}

#[test]
fn every_url_is_secure() {
    for good in [
        "https://x.example",
        "http://localhost",
        "http://localhost:8090",
        "http://127.0.0.1:1",
        "http://[::1]:80",
    ] {
        assert!(at(good, "").is_ok(), "{good}");
    }
    for bad in [
        "http://x.example",
        "http://localhost.x.example",
        "http://127.0.0.1.x.example",
        "http://localhost@x.example",
        "https://user:pw@x.example",
        "https://",
        "ftp://x.example",
        "x.example",
        "",
    ] {
        refused(at(bad, ""));
    }
    refused(oauth("docs_url = \"http://x.example\"\n"));
    refused(oauth("api.base = \"https://x.example/?a=b\"\n"));
}

#[test]
fn a_template_names_only_what_is_known_when_it_is_filled() {
    assert!(at("https://{a}.example", "name = \"a\"\npattern = '^[a-z]+$'\n").is_ok());
    for (url, input) in [
        ("https://{b}.example", "name = \"a\"\npattern = '^[a-z]+$'\n"),
        ("https://x.example/{b}", ""),
        ("https://x.example/{", ""),
        ("https://x.example/}", ""),
        ("https://x.example/{a", "name = \"a\"\n"),
    ] {
        refused(at(url, input));
    }
    let optional = "[[inputs]]\nname = \"a\"\nlabel = \"A\"\npattern = '^[a-z]+$'\n";
    let base = "api.base = \"https://x.example/{a}\"\n";
    assert!(refused(oauth(&format!("{base}{optional}"))).contains("left out"));
    assert!(oauth(&format!("{base}{optional}default = \"d\"\n")).is_ok());
    // Captured values come with the token: too late for the endpoints, in time for the API.
    let capture = "token.capture.c = \"c\"\n";
    assert!(oauth(&format!("{capture}api.base = \"https://{{c}}.x.example\"\n")).is_ok());
    assert!(
        refused(oauth(&format!("{capture}urls.revoke = \"https://{{c}}.x.example\"\n")))
            .contains("captured")
    );
}

#[test]
fn no_answer_becomes_another_host() {
    for (url, input) in [
        ("{a}", "name = \"a\"\nkind = \"url\"\n"),
        (
            "{a}",
            "name = \"a\"\nkind = \"region\"\nenum = [\"https://eu.x.example\", \"https://us.x.example\"]\n",
        ),
        ("https://{a}", "name = \"a\"\nkind = \"host\"\n"),
        ("https://{a}.x.example", "name = \"a\"\nkind = \"region\"\nenum = [\"eu\"]\n"),
        ("https://x.example/{a}", "name = \"a\"\n"),
    ] {
        assert!(at(url, input).is_ok(), "{url} {input}: {:?}", at(url, input).err());
    }
    for (url, input) in [
        ("{a}", "name = \"a\"\n"),
        ("{a}", "name = \"a\"\npattern = '^.*$'\n"),
        ("{a}", "name = \"a\"\nkind = \"host\"\n"),
        ("https://{a}.x.example", "name = \"a\"\n"),
        ("https://{a}", "name = \"a\"\nkind = \"url\"\n"),
        ("https://{a}", "name = \"a\"\nkind = \"region\"\n"),
    ] {
        refused(at(url, input));
    }
    let browser = "callback.capture.c = \"domain\"\napi.base = \"https://{c}/v1\"\n";
    assert!(refused(oauth(browser)).contains("host_allow"));
    assert!(oauth(&format!("{browser}api.host_allow = [\"x.example\"]\n")).is_ok());
}

#[test]
fn a_free_host_is_one_that_the_answerer_chooses() {
    let table = [
        ("http://localhost:{a}", "name = \"a\"\npattern = '^[0-9]{2,5}$'\n", false),
        ("https://{a}.x.example", "name = \"a\"\npattern = '^[a-z0-9][a-z0-9-]*$'\n", false),
        (
            "https://{a}.x.example",
            "name = \"a\"\npattern = '^(eu|us)-[A-Za-z0-9_-]{1,9}$'\n",
            false,
        ),
        ("https://{a}.x.example", "name = \"a\"\nenum = [\"eu\"]\n", false),
        ("https://x.example/{a}", "name = \"a\"\n", false),
        ("https://{a}.x.example", "name = \"a\"\npattern = '^[a-z.]+$'\n", true),
        ("https://{a}.x.example", "name = \"a\"\npattern = '^[^/]+$'\n", true),
        ("https://{a}.x.example", "name = \"a\"\npattern = '^.+$'\n", true),
        ("https://{a}.x.example", "name = \"a\"\npattern = '^[+-9]+$'\n", true),
        ("https://{a}.x.example", "name = \"a\"\npattern = '^[]+-9]+$'\n", true),
        ("https://{a}.x.example", "name = \"a\"\npattern = '^\\S+$'\n", true),
        ("https://{a}", "name = \"a\"\nkind = \"host\"\n", true),
        ("{a}", "name = \"a\"\nkind = \"url\"\n", true),
        ("{a}", "name = \"a\"\nkind = \"url\"\nenum = [\"https://x.example\"]\n", false),
    ];
    for (url, input, free) in table {
        assert_eq!(at(url, input).unwrap().has_free_host(), free, "{url} {input}");
    }
}

#[test]
fn a_url_with_an_end_has_a_day_and_a_successor() {
    let dated = |until: &str, next: &str| {
        oauth(&format!(
            "urls.revoke = {{ url = \"https://x.example/1\", valid_until = \"{until}\", successor = \"{next}\" }}\n"
        ))
    };
    let manifest = dated("2027-02-16", "https://x.example/2").unwrap();
    let revoke = manifest.urls.revoke.unwrap();
    assert_eq!(revoke.on("2027-02-16"), "https://x.example/1");
    assert_eq!(revoke.on("2027-02-17"), "https://x.example/2");
    refused(dated("2027-02-30", "https://x.example/2"));
    refused(dated("soon", "https://x.example/2"));
    refused(dated("2027-02-16", "http://x.example/2"));
}

#[test]
fn the_account_is_asked_where_the_credential_may_go() {
    let of = |url: &str, more: &str| {
        oauth(&format!("{more}identity = {{ url = \"{url}\", account_path = [\"id\"] }}\n"))
    };
    let base = "api.base = \"https://api.x.example/v1\"\n";
    assert!(of("/me", base).is_ok());
    assert!(of("https://api.x.example/me", base).is_ok());
    assert!(
        of("https://id.x.example/me", &format!("{base}api.host_allow = [\"x.example\"]\n")).is_ok()
    );
    assert!(of("userinfo", "urls.userinfo = \"https://x.example/u\"\n").is_ok());
    refused(of("/me", ""));
    refused(of("https://id.x.example/me", base));
    refused(of("userinfo", base));
    refused(of("/{nobody}", base));
    refused(oauth(&format!("{base}api.host_allow = [\"y.example\"]\n")));
    refused(oauth(&format!("{base}api.host_allow = [\"com\"]\n")));
}

#[test]
fn alternatives_are_chosen_by_answers_that_can_be_given() {
    let region = "[[inputs]]\nname = \"r\"\nlabel = \"R\"\nkind = \"region\"\nenum = [\"us\", \"eu\"]\ndefault = \"us\"\n";
    let of =
        |more: &str, other: &str| oauth(&format!("{more}{region}[[urls.alternatives]]\n{other}\n"));
    let token = "token = \"https://eu.x.example/t\"";
    let base = "api.base = \"https://x.example\"\n";
    let capture = "callback.capture.c = \"c\"\n";
    for (more, other) in [
        ("", format!("when = {{ r = \"eu\" }}\n{token}")),
        (base, "when = { r = \"eu\" }\napi = \"https://eu.x.example\"".to_owned()),
        (capture, format!("when = {{ c = \"eu\", r = \"eu\" }}\n{token}")),
    ] {
        assert!(of(more, &other).is_ok(), "{other}: {:?}", of(more, &other).err());
    }
    for (more, other) in [
        ("", token.to_owned()),
        ("", "when = { r = \"eu\" }".to_owned()),
        ("", format!("when = {{ r = \"mars\" }}\n{token}")),
        ("", format!("when = {{ nobody = \"eu\" }}\n{token}")),
        ("", format!("when = {{ r = \"eu\" }}\ntokn = \"https://eu.x.example/t\"\n{token}")),
        ("", "when = { r = \"eu\" }\ntoken = \"http://eu.x.example/t\"".to_owned()),
        ("", "when = { r = \"eu\" }\napi = \"https://eu.x.example\"".to_owned()),
        (
            "api.base = \"https://x.example\"\napi.host_allow = [\"x.example\"]\n",
            "when = { r = \"eu\" }\napi = \"https://y.example\"".to_owned(),
        ),
        (capture, "when = { c = \"eu\" }\nauthorize = \"https://eu.x.example/a\"".to_owned()),
    ] {
        refused(of(more, &other));
    }
}

#[test]
fn an_alternative_moves_the_api_too() {
    let manifest = oauth(
        "api.base = \"https://x.example/v1\"\ntoken.capture.r = \"r\"\n\
         [[urls.alternatives]]\nwhen = { r = \"eu\" }\napi = \"https://eu.x.example/v1\"\n",
    )
    .unwrap();
    let base = |region: &str| {
        let captured = std::collections::BTreeMap::from([("r".to_owned(), region.to_owned())]);
        let tokens = crate::TokenSet { captured, ..crate::TokenSet::bearer("t") };
        let credential = crate::Credential::OAuth(tokens);
        manifest.api_base(&crate::Inputs::default(), &credential).unwrap().to_string()
    };
    assert_eq!(base("eu"), "https://eu.x.example/v1");
    assert_eq!(base("us"), "https://x.example/v1");
}
