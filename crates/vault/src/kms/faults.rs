//! What KMS's refusals mean, and what to do.

use super::{KEY, REGION, wire::Refusal};
use crate::{
    Error,
    service::{Answer, Service, Verdict, words},
};

/// These pass by themselves.
const BUSY: [&str; 8] = [
    "ThrottlingException",
    "Throttling",
    "RequestLimitExceeded",
    "KMSInternalException",
    "DependencyTimeoutException",
    "KeyUnavailableException",
    "InternalFailure",
    "ServiceUnavailable",
];

fn refusal(answer: &Answer) -> Option<Refusal> {
    answer.json::<Refusal>().filter(|refusal| !refusal.kind().is_empty())
}

/// Whether the answer is worth looking at, or KMS can't now.
pub(super) fn judge(answer: &Answer) -> Verdict {
    let refusal = if answer.status.is_success() { None } else { refusal(answer) };
    let kind = refusal.as_ref().map_or("", Refusal::kind);
    if BUSY.contains(&kind) || answer.is_overloaded() {
        return Verdict::Busy(format!("it answered {} {}", answer.status.as_u16(), words(kind)));
    }
    Verdict::Final
}

/// What an answer other than a good one means; `key` is the one that was asked for.
pub(super) fn error(service: &Service, key: &str, answer: &Answer) -> Error {
    let Some(refusal) = refusal(answer) else {
        let why = format!("it answered {}, and not as KMS does", answer.status.as_u16());
        return service.refused(why);
    };
    let said = words(&refusal.message);
    let unfit = |why: String| Error::UnfitKey { key: words(key), why };
    match refusal.kind() {
        "InvalidCiphertextException" | "IncorrectKeyException" => Error::DoesNotOpen,
        "AccessDeniedException" => service.refused(format!(
            "these credentials may not use the key ({said}). Allow kms:Encrypt, kms:Decrypt and \
             kms:DescribeKey on {}",
            words(key)
        )),
        "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "IncompleteSignatureException"
        | "MissingAuthenticationTokenException"
        | "MissingAuthenticationToken" => service.refused(format!(
            "it does not accept the signature ({said}). Check AWS_ACCESS_KEY_ID, \
             AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and {REGION}, and this machine's clock"
        )),
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => service.refused(
            "the temporary credentials have ended, or this machine's clock is wrong. Give the hub new \
             ones",
        ),
        "NotFoundException" => unfit(format!("KMS has none of this name. Compare {KEY} and {REGION}")),
        "DisabledException" => unfit("it is disabled. Enable it, or name another".to_owned()),
        "KMSInvalidStateException" => {
            unfit(format!("its state does not allow it ({said}). Enable it, or name another"))
        }
        "InvalidKeyUsageException" => {
            unfit("it is not for encryption. Name a symmetric key for ENCRYPT_DECRYPT".to_owned())
        }
        kind => service.refused(format!("{}: {said}", words(kind))),
    }
}
