//! What a transit engine's refusals mean, and what to do.

use http::StatusCode;

use super::{KEY, MOUNT, NAMESPACE, wire::Errors};
use crate::{
    Error,
    service::{Answer, Service, Verdict, words},
};

/// What the engine says, by its version, of a ciphertext that does not open.
const DOES_NOT_OPEN: [&str; 3] =
    ["authentication failed", "invalid ciphertext", "unable to decrypt"];

/// The server's own words about what went wrong.
pub(super) fn said(answer: &Answer) -> String {
    let errors = answer.json::<Errors>().map_or_else(Vec::new, |it| it.errors);
    match words(&errors.join("; ")) {
        said if said.is_empty() => "no reason given".to_owned(),
        said => said,
    }
}

fn says_does_not_open(said: &str) -> bool {
    DOES_NOT_OPEN.iter().any(|words| said.contains(words))
}

/// Whether the answer is worth looking at, or the server can't now.
pub(super) fn judge(answer: &Answer) -> Verdict {
    if !answer.is_overloaded() {
        return Verdict::Final;
    }
    let said = said(answer);
    if answer.status == StatusCode::INTERNAL_SERVER_ERROR && says_does_not_open(&said) {
        // Some versions make this a fault of theirs.
        return Verdict::Final;
    }
    Verdict::Busy(if said.contains("sealed") {
        "it is sealed; somebody has to unseal it".to_owned()
    } else {
        format!("it answered {} ({said})", answer.status.as_u16())
    })
}

/// Whether an answer that was [judged](judge) final complains about what was asked.
pub(super) fn is_complaint(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_REQUEST | StatusCode::INTERNAL_SERVER_ERROR)
}

/// What any other status means here, and what to do.
pub(super) fn remedy(mount: &str, status: StatusCode, said: &str) -> String {
    match status {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => format!(
            "it does not let this token do that ({said}). Either the token has ended: give the hub a \
             new one; or its policy lacks update on {mount}/encrypt/KEY and {mount}/decrypt/KEY, or \
             read on {mount}/keys/KEY"
        ),
        StatusCode::NOT_FOUND => format!(
            "it has no such key or engine ({said}). Compare {MOUNT}, {KEY} and {NAMESPACE} with what \
             is there"
        ),
        status if status.is_redirection() => {
            "it sends the hub elsewhere. Set VALETKEY_TRANSIT_URL to \
             the active node, or to what stands before all nodes"
                .to_owned()
        }
        status => format!("it answered {} ({said})", status.as_u16()),
    }
}

/// Why a ciphertext was not decrypted.
pub(super) fn not_decrypted(service: &Service, said: &str) -> Error {
    if says_does_not_open(said) {
        return Error::DoesNotOpen;
    }
    if said.contains("too old") {
        return service.refused(
            "the version of the key that this was wrapped with is below the key's \
             min_decryption_version. Lower that, let the hub wrap everything anew, then raise it",
        );
    }
    service.refused(format!("it says: {said}"))
}
