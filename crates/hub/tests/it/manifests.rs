//! Manifests of providers that are nobody's.

/// A provider that may be shared, asks again where it is told to, and gives no narrower tokens.
pub(crate) const MAILO: &str = r#"
    slug = "mailo"
    display_name = "Mailo"
    category = "crm"
    auth.kind = "oauth2_code"

    [urls]
    authorize = "https://mailo.example/oauth/authorize"
    token = "https://mailo.example/oauth/token"
    revoke = "https://mailo.example/oauth/revoke"

    [authorize]
    default_scopes = ["mail.read"]
    consent_params = { prompt = "consent" }

    [api]
    base = "https://mailo.example/api"

    [identity]
    url = "/v1/me"
    account_path = ["id"]
    label_path = ["email"]

    [[scopes]]
    name = "mail.read"
    title = "Read your mail"
    access = "read"

    [[scopes]]
    name = "mail.send"
    title = "Send mail in your name"
    access = "write"
"#;

/// A provider that runs wherever its workspace says.
pub(crate) const ANYWHERE: &str = r#"
    slug = "anywhere"
    display_name = "Anywhere"
    category = "crm"
    auth.kind = "oauth2_code"

    [[inputs]]
    name = "site"
    label = "Site"
    kind = "host"
    required = true

    [urls]
    authorize = "https://{site}/oauth/authorize"
    token = "https://{site}/oauth/token"

    [authorize]
    default_scopes = ["all"]

    [api]
    base = "https://{site}/api"

    [identity]
    url = "/v1/me"
    account_path = ["id"]
    label_path = ["email"]

    [[scopes]]
    name = "all"
    title = "Everything"
    access = "admin"
"#;
