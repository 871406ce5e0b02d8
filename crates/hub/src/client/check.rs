//! What a client may be set to.

use base::{ExposeSecret, SecretString};
use connector::Manifest;
use url::Url;

use super::{NewClient, Owner};
use crate::{
    Error, Result,
    provider::{self, Registry},
    store::Store,
};

/// Whether all that a client is set to can be used.
pub(super) async fn settings(
    store: &Store,
    registry: &Registry,
    owner: Owner<'_>,
    new: &NewClient,
) -> Result<()> {
    let visible = |text: &str, most: usize| {
        (1..=most).contains(&text.len()) && text.chars().all(|c| (' '..='~').contains(&c))
    };
    if !visible(&new.client_id, 500) {
        return Err(Error::invalid(
            "client_id_invalid",
            "`client_id` is 1 to 500 printable ASCII characters, as the provider shows it (RFC 6749, appendix A.1).",
        ));
    }
    if let Some(uri) = &new.redirect_uri {
        redirect_uri(uri)?;
    }
    if new.scopes.len() > 500 || !new.scopes.iter().all(|scope| visible(scope, 300)) {
        return Err(Error::invalid(
            "scopes_invalid",
            "`scopes` is a list of at most 500 scopes of printable ASCII characters.",
        ));
    }
    if owner == Owner::Platform {
        shareable(registry, new)?;
    }
    let found = provider::find(store, registry, owner.id(), &new.provider, None).await?;
    let manifest = found.connector.manifest();
    new.client_secret.as_ref().map_or(Ok(()), |secret| of_manifest(manifest, secret))
}

/// Whether a secret is one that this provider's clients have.
pub(super) async fn secret(
    store: &Store,
    registry: &Registry,
    owner: Owner<'_>,
    provider: &str,
    secret: &SecretString,
) -> Result<()> {
    let found = provider::find(store, registry, owner.id(), provider, None).await?;
    of_manifest(found.connector.manifest(), secret)
}

/// A secret that is sent is one line; one that signs is a private key, of many, or a certificate with its key.
fn of_manifest(manifest: &Manifest, secret: &SecretString) -> Result<()> {
    let text = secret.expose_secret();
    // With a certificate a chain of some stands there.
    let most = if manifest.client.certificate { 32_768 } else { 8192 };
    let bounded = (1..=most).contains(&text.len());
    if let Some(spec) = manifest.client.assertion.as_ref().filter(|_| bounded) {
        return oauth::check_key(spec.algorithm, secret).map_err(|wanted| {
            let text = format!(
                "{} knows its clients by what they sign: the client's secret must be {wanted}.",
                manifest.display_name
            );
            Error::invalid("client_secret_invalid", text)
        });
    }
    if bounded && manifest.client.certificate {
        return oauth::take_apart(manifest, secret).map(drop).map_err(|error| {
            let text = format!(
                "{} wants to be shown a certificate: `client_secret` is the client's secret on a line, if it has one, then the certificate and its private key as PEM. Of this, {error}.",
                manifest.display_name
            );
            Error::invalid("client_secret_invalid", text)
        });
    }
    if bounded && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Error::invalid(
        "client_secret_invalid",
        format!("`client_secret` is 1 to {most} characters without control characters."),
    ))
}

fn redirect_uri(text: &str) -> Result<()> {
    let good = Url::parse(text).is_ok_and(|url| {
        (url.scheme() == "https"
            || (url.scheme() == "http"
                && matches!(url.host_str(), Some("localhost" | "127.0.0.1"))))
            && url.fragment().is_none()
            && url.username().is_empty()
            && text.len() <= 2000
    });
    if good {
        return Ok(());
    }
    Err(Error::invalid(
        "redirect_uri_invalid",
        "`redirect_uri` is a whole https URL without fragment; leave it out to use the hub's own.",
    ))
}

/// A client that workspaces share: only where nobody can point it at a host of their own.
fn shareable(registry: &Registry, new: &NewClient) -> Result<()> {
    let Some(connector) = registry.get(&new.provider) else {
        return Err(Error::invalid(
            "client_not_shareable",
            "A client that workspaces share must be of a built-in provider.",
        ));
    };
    if connector.manifest().has_free_host() {
        return Err(Error::invalid(
            "client_not_shareable",
            format!(
                "`{}` lets whoever sets it up choose a host; a client for it can't be shared. Give each workspace its own.",
                new.provider
            ),
        ));
    }
    if new.scopes.is_empty() {
        return Err(Error::invalid(
            "scopes_required",
            "A client that workspaces share needs `scopes`: the most that any of them may ask for.",
        ));
    }
    Ok(())
}
