//! Where the key comes from that wraps all others.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use vault::{KEY_SERVICE_TIMEOUT, TransitSettings, TransitToken};

use super::{ConfigError, Key, bad, list, secret};

/// What the environment can say of key sources.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Raw {
    key_source: Option<String>,
    #[serde(skip_serializing)]
    key: Option<String>,
    key_file: Option<PathBuf>,
    transit_url: Option<String>,
    transit_key: Option<String>,
    transit_mount: Option<String>,
    transit_namespace: Option<String>,
    #[serde(skip_serializing)]
    transit_token: Option<String>,
    transit_token_file: Option<PathBuf>,
    kms_key: Option<String>,
    kms_region: Option<String>,
    kms_endpoint: Option<String>,
    #[serde(skip_serializing)]
    aws_access_key_id: Option<String>,
    #[serde(skip_serializing)]
    aws_secret_access_key: Option<String>,
    #[serde(skip_serializing)]
    aws_session_token: Option<String>,
}

/// The variables of others that are read too.
pub(super) const AWS: [&str; 3] =
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// The sources in their order: the first wraps, all unwrap.
pub(super) fn sources(raw: &Raw, data_dir: &std::path::Path) -> Result<Vec<Key>, ConfigError> {
    let given = raw.key.is_some() || raw.key_file.is_some();
    let names = match &raw.key_source {
        Some(text) => list(text),
        None if given => vec!["env".to_owned()],
        None => vec!["file".to_owned()],
    };
    if names.is_empty() || names.len() > 4 {
        return Err(unknown());
    }
    if raw.key_source.is_some() && given && !names.iter().any(|name| name == "env") {
        return Err(bad(
            "VALETKEY_KEY",
            "a key is given, but VALETKEY_KEY_SOURCE does not name env; add it, or remove the key",
        ));
    }
    let mut sources = Vec::new();
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            return Err(unknown());
        }
        sources.push(match name.as_str() {
            "file" => Key::File { path: data_dir.join("valetkey.key"), default: true },
            "env" => of_environment(raw)?,
            "transit" => Key::Transit(Box::new(transit(raw)?)),
            "aws-kms" => kms(raw)?,
            _ => return Err(unknown()),
        });
    }
    Ok(sources)
}

fn unknown() -> ConfigError {
    bad(
        "VALETKEY_KEY_SOURCE",
        "write file, env, transit or aws-kms, each once; several with commas between: the first wraps, all unwrap",
    )
}

fn of_environment(raw: &Raw) -> Result<Key, ConfigError> {
    match (&raw.key, &raw.key_file) {
        (Some(_), Some(_)) => Err(bad("VALETKEY_KEY", "set it or VALETKEY_KEY_FILE, not both")),
        (Some(text), None) => Ok(Key::Text(text.clone().into())),
        (None, Some(path)) => Ok(Key::File { path: path.clone(), default: false }),
        (None, None) => {
            Err(bad("VALETKEY_KEY", "VALETKEY_KEY_SOURCE names env: set it, or VALETKEY_KEY_FILE"))
        }
    }
}

fn needed(value: Option<&String>, name: &str, source: &str) -> Result<String, ConfigError> {
    match value {
        Some(text) if !text.trim().is_empty() => Ok(text.clone()),
        _ => Err(bad(name, format!("VALETKEY_KEY_SOURCE names {source}, which needs it"))),
    }
}

fn transit(raw: &Raw) -> Result<TransitSettings, ConfigError> {
    let token = match (&raw.transit_token, &raw.transit_token_file) {
        // Read at each use: an agent beside the hub renews it.
        (None, Some(path)) => TransitToken::File(path.clone()),
        (text, file) => match secret("VALETKEY_TRANSIT_TOKEN", text.clone(), file.clone())? {
            Some(token) => TransitToken::Text(token),
            None => {
                return Err(bad(
                    "VALETKEY_TRANSIT_TOKEN",
                    "VALETKEY_KEY_SOURCE names transit: set it, or VALETKEY_TRANSIT_TOKEN_FILE",
                ));
            }
        },
    };
    Ok(TransitSettings {
        url: needed(raw.transit_url.as_ref(), "VALETKEY_TRANSIT_URL", "transit")?,
        mount: raw.transit_mount.clone().unwrap_or_else(|| "transit".to_owned()),
        keys: list(&needed(raw.transit_key.as_ref(), "VALETKEY_TRANSIT_KEY", "transit")?),
        namespace: raw.transit_namespace.clone(),
        token,
        timeout: KEY_SERVICE_TIMEOUT,
    })
}

#[cfg(feature = "aws-kms")]
fn kms(raw: &Raw) -> Result<Key, ConfigError> {
    let needed = |value: &Option<String>, name| needed(value.as_ref(), name, "aws-kms");
    let credentials = vault::AwsCredentials {
        access_key_id: needed(&raw.aws_access_key_id, "AWS_ACCESS_KEY_ID")?,
        secret_access_key: needed(&raw.aws_secret_access_key, "AWS_SECRET_ACCESS_KEY")?.into(),
        session_token: raw.aws_session_token.clone().map(Into::into),
    };
    Ok(Key::Kms(Box::new(vault::KmsSettings {
        keys: list(&needed(&raw.kms_key, "VALETKEY_KMS_KEY")?),
        region: needed(&raw.kms_region, "VALETKEY_KMS_REGION")?,
        endpoint: raw.kms_endpoint.clone(),
        credentials,
        timeout: KEY_SERVICE_TIMEOUT,
    })))
}

#[cfg(not(feature = "aws-kms"))]
fn kms(_: &Raw) -> Result<Key, ConfigError> {
    Err(bad(
        "VALETKEY_KEY_SOURCE",
        "this hub was built without AWS KMS; build it with `--features aws-kms`",
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[allow(clippy::needless_pass_by_value, reason = "a test makes it for this alone")]
    fn of(raw: Raw) -> Result<Vec<Key>, ConfigError> {
        sources(&raw, Path::new("data"))
    }

    fn complaint(raw: Raw) -> String {
        of(raw).err().expect("refused").to_string()
    }

    #[test]
    fn without_a_setting_the_key_is_a_file_that_may_be_made() {
        let all = of(Raw::default()).expect("good");
        assert!(matches!(&all[..], [Key::File { default: true, .. }]));
    }

    #[test]
    fn a_key_in_the_environment_needs_no_source() {
        let all = of(Raw { key: Some("vkk1_x".to_owned()), ..Raw::default() }).expect("good");
        assert!(matches!(&all[..], [Key::Text(_)]));
    }

    #[test]
    fn a_key_is_given_once() {
        let raw = Raw { key: Some("a".into()), key_file: Some("b".into()), ..Raw::default() };
        assert!(complaint(raw).contains("not both"));
    }

    #[test]
    fn the_first_source_wraps_and_the_others_follow() {
        let raw = Raw {
            key_source: Some("transit, file".to_owned()),
            transit_url: Some("https://vault.example".to_owned()),
            transit_key: Some("new,old".to_owned()),
            transit_token_file: Some("token".into()),
            ..Raw::default()
        };
        let all = of(raw).expect("good");
        let [Key::Transit(transit), Key::File { .. }] = &all[..] else {
            panic!("in another order")
        };
        assert_eq!(transit.keys, ["new", "old"]);
        assert!(matches!(transit.token, TransitToken::File(_)));
    }

    #[test]
    fn what_a_source_lacks_is_named() {
        let source = |name: &str| Raw { key_source: Some(name.to_owned()), ..Raw::default() };
        assert!(complaint(source("env")).contains("VALETKEY_KEY"));
        assert!(complaint(source("transit")).contains("VALETKEY_TRANSIT_TOKEN"));
        assert!(complaint(source("vault")).contains("VALETKEY_KEY_SOURCE"));
        assert!(complaint(source("file,file")).contains("VALETKEY_KEY_SOURCE"));
        let unused = Raw { key: Some("k".to_owned()), ..source("file") };
        assert!(complaint(unused).contains("VALETKEY_KEY"));
    }

    #[test]
    fn a_hub_without_aws_kms_says_how_to_get_it_or_what_it_needs() {
        let raw = Raw { key_source: Some("aws-kms".to_owned()), ..Raw::default() };
        let text = complaint(raw);
        assert!(
            text.contains("--features aws-kms") || text.contains("AWS_ACCESS_KEY_ID"),
            "{text}"
        );
    }
}
