//! Answers that name a tenant: which provider, and a line for each of its inputs and captured values.
//!
//! Whatever is accepted, the URLs that come of it are secure, lead to the host that the manifest points
//! to, without user and other port, and stay in their place in the path.

use std::{collections::BTreeMap, sync::OnceLock};

use bytes::Bytes;
use connector::{Credential, Input, Inputs, Manifest, TokenSet, manifest::UrlSpec};
use http::{Request, Response};
use outbound::Outbound;
use url::Url;

use crate::{
    providers::{self, NOW, choice},
    urls,
};

/// Providers that nobody has, with every way to let an answer into a URL: `URL`, and the rest.
const MADE_UP: [(&str, &str); 10] = [
    ("https://{a}.x.example/o/{b}", "a '^.+$'\nb free"),
    ("https://{a}/{b}/t", "a host\nb free"),
    ("{a}", "a url"),
    ("http://localhost:{a}/x", "a '^.*$'"),
    ("https://{a}-{b}.x.example:8443", "a '^[^/]*$'\nb '^[a-z0-9.-]+$'"),
    ("https://{a}{b}x.example/{a}{b}/{a}", "a '^.+$'\nb '^.+$'"),
    ("{a}/o", "a '^https://.+$'"),
    ("https://x.example", "token https://{c}.x.example/{d}/v1 x.example"),
    ("https://x.example", "callback https://{c}/{d} x.example"),
    ("https://{a}.x.example/o/{b}", "a ends .x.example\nb free"),
];

fn made_up(url: &str, rest: &str) -> Manifest {
    let head = format!(
        "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\nauth.kind = \"oauth2_code\"\n\
         urls.authorize = '{url}'\nurls.token = '{url}'\n"
    );
    let more = if let Some((from @ ("token" | "callback"), rest)) = rest.split_once(' ') {
        let (base, allow) = rest.split_once(' ').expect("a base and a host");
        format!(
            "{from}.capture = {{ c = \"c\", d = \"d\" }}\napi.base = '{base}'\n\
                 api.host_allow = [\"{allow}\"]\n"
        )
    } else {
        let inputs = rest.lines().filter_map(|line| line.split_once(' '));
        let inputs: String = inputs.map(|(name, how)| input(name, how)).collect();
        format!("api.base = '{url}'\n{inputs}")
    };
    Manifest::parse(&format!("{head}{more}")).unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn input(name: &str, how: &str) -> String {
    let how = match how {
        "free" => String::new(),
        "host" | "url" => format!("kind = \"{how}\"\n"),
        how => match how.strip_prefix("ends ") {
            Some(suffix) => format!("pattern = '^.+$'\nsuffix = \"{suffix}\"\n"),
            None => format!("pattern = {how}\n"),
        },
    };
    format!("[[inputs]]\nname = \"{name}\"\nlabel = \"I\"\nrequired = true\n{how}")
}

/// The made-up ones, and those real ones that ask something.
fn manifests() -> &'static [Manifest] {
    static MANIFESTS: OnceLock<Vec<Manifest>> = OnceLock::new();
    MANIFESTS.get_or_init(|| {
        let real = providers::all().iter().map(|connector| connector.manifest().clone());
        let made_up = MADE_UP.iter().map(|(url, rest)| made_up(url, rest));
        made_up.chain(real.filter(|manifest| !manifest.inputs.is_empty())).collect()
    })
}

pub(crate) fn run(data: &[u8]) {
    let [which, answers @ ..] = data else { return };
    let Ok(answers) = std::str::from_utf8(answers) else { return };
    let all = manifests();
    let manifest = &all[choice(*which, all.len())];
    let mut lines = answers.split('\n').map(str::to_owned);
    let given: BTreeMap<_, _> =
        manifest.inputs.iter().map(|input| input.name.clone()).zip(lines.by_ref()).collect();
    let Ok(inputs) = manifest.check_inputs(&given) else { return };
    for input in &manifest.inputs {
        let pair = given.get(&input.name).zip(inputs.as_map().get(&input.name));
        let is_kept = |(answer, kept): (&String, &String)| {
            answer.is_empty() || kept == answer || is_address(input, answer, kept)
        };
        assert!(pair.is_none_or(is_kept), "an answer was changed");
    }
    endpoints(manifest, &inputs);
    api(manifest, &inputs, captured(manifest, lines));
}

/// Whether an answer is the address of what was kept, and nothing else.
fn is_address(input: &Input, answer: &str, kept: &str) -> bool {
    let Some(suffix) = &input.suffix else { return false };
    ["", "https://"].iter().any(|scheme| {
        let bare = format!("{scheme}{kept}{suffix}");
        answer == bare || answer.strip_suffix('/') == Some(&bare)
    })
}

/// The endpoints, as the engine finds them.
fn endpoints(manifest: &Manifest, inputs: &Inputs) {
    if let Some(issuer) = &manifest.issuer {
        let filled = connector::fill_url(issuer, inputs.as_map());
        if let Some(url) = filled.as_deref().and_then(urls::callable) {
            urls::stays(issuer, inputs.as_map(), &url);
        }
        return;
    }
    // Without an issuer it asks nobody.
    let outbound = Outbound::in_process(nobody);
    let found = oauth::endpoints(&outbound, manifest, inputs, NOW);
    let Ok(found) = futures::executor::block_on(found) else { return };
    let urls = &manifest.urls;
    let other = urls.alternative(inputs.as_map());
    // The engine puts these in when a grant is ended.
    let mut values = inputs.as_map().clone();
    for name in ["token", "client_id"] {
        values.entry(name.to_owned()).or_insert_with(|| format!("{{{name}}}"));
    }
    for (spec, of_other, url) in [
        (&urls.authorize, other.map(|other| &other.authorize), &found.authorize),
        (&urls.token, other.map(|other| &other.token), &found.token),
        (&urls.refresh, other.map(|other| &other.refresh), &found.refresh),
        (&urls.revoke, other.map(|other| &other.revoke), &found.revoke),
        (&urls.userinfo, other.map(|other| &other.userinfo), &found.userinfo),
    ] {
        let spec = of_other.and_then(Option::as_ref).or(spec.as_ref());
        let template = spec.map(|spec: &UrlSpec| spec.on("2026-11-18"));
        if let (Some(template), Some(url)) = (template, url) {
            urls::stays(template, &values, url);
            assert!(found.hosts.contain(url), "{url} is not among its own hosts");
        }
    }
}

async fn nobody(_: Request<Bytes>) -> Response<Bytes> {
    Response::default()
}

/// Values of a token reply or a callback: as the engine keeps them.
fn captured(manifest: &Manifest, lines: impl Iterator<Item = String>) -> BTreeMap<String, String> {
    let names = manifest.token.capture.keys().chain(manifest.callback.capture.keys());
    let kept = names.cloned().zip(lines);
    kept.filter(|(_, value)| {
        (1..=2000).contains(&value.len()) && !value.chars().any(char::is_control)
    })
    .collect()
}

fn api(manifest: &Manifest, inputs: &Inputs, captured: BTreeMap<String, String>) {
    let mut values = inputs.as_map().clone();
    values.extend(captured.clone());
    let tokens = TokenSet { captured, ..TokenSet::bearer("t") };
    let Some(base) = manifest.api_base(inputs, &Credential::OAuth(tokens)) else { return };
    let other = manifest.urls.alternative(&values).and_then(|other| other.api.as_deref());
    let template = other.or(manifest.api.base.as_deref()).expect("there is a base");
    urls::stays(template, &values, &base);
    assert!(base.query().is_none() && base.fragment().is_none(), "{base} has more than a path");
    let allow = &manifest.api.host_allow;
    assert!(allow.is_empty() || is_under(allow, &base), "{base} is under none of {allow:?}");
}

fn is_under(allow: &[String], url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    allow.iter().any(|name| {
        host.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}
