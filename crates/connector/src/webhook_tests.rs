//! The vendors' own examples, where they publish some, and what must not pass.

use http::{HeaderName, HeaderValue};

use super::*;

fn manifest(webhook: &str) -> Manifest {
    Manifest::parse(&format!(
        "slug = \"x\"\ndisplay_name = \"X\"\ncategory = \"crm\"\nauth.kind = \"oauth2_code\"\n\
         issuer = \"https://x.example\"\n[webhook]\n{webhook}"
    ))
    .unwrap()
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        (HeaderName::try_from(*name).unwrap(), HeaderValue::from_str(value).unwrap())
    };
    pairs.iter().map(pair).collect()
}

/// Checks a POST.
fn checked(
    manifest: &Manifest,
    secret: &str,
    pairs: &[(&str, &str)],
    body: &[u8],
    now: i64,
) -> Result<(), WebhookError> {
    let headers = headers(pairs);
    let url = "https://hub.example.com/hooks/cli_1";
    let event = Delivery { method: "POST", url, headers: &headers, body };
    manifest.verify_webhook(&secret.into(), &event, Timestamp::from_secs(now))
}

const SLACK: &str = "header = 'X-Slack-Signature'\nprefix = 'v0='\n\
    signed_template = 'v0:{timestamp}:{body}'\ntimestamp_header = 'X-Slack-Request-Timestamp'";
const SLACK_SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const SLACK_BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
const SLACK_SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

fn slack(signature: &str, time: &str, body: &[u8], now: i64) -> Result<(), WebhookError> {
    let pairs = [("x-slack-signature", signature), ("x-slack-request-timestamp", time)];
    checked(&manifest(SLACK), SLACK_SECRET, &pairs, body, now)
}

#[test]
fn slacks_documented_example_holds() {
    // "Verifying requests from Slack", in Slack's developer documentation.
    assert_eq!(slack(SLACK_SIGNATURE, "1531420618", SLACK_BODY, 1_531_420_620), Ok(()));
}

#[test]
fn an_event_that_was_changed_or_is_old_is_refused() {
    use WebhookError::{Malformed, Signature, Stale};
    let now = 1_531_420_620;
    let changed = [SLACK_BODY, b"x"].concat();
    assert_eq!(slack(SLACK_SIGNATURE, "1531420618", &changed, now), Err(Signature));
    assert_eq!(slack(SLACK_SIGNATURE, "1531420619", SLACK_BODY, now), Err(Signature));
    assert_eq!(slack("v0=", "1531420618", SLACK_BODY, now), Err(Signature));
    let other = SLACK_SIGNATURE.replace("v0=", "v1=");
    assert_eq!(slack(&other, "1531420618", SLACK_BODY, now), Err(Signature));
    for later in [301, -301] {
        let now = 1_531_420_618 + later;
        assert_eq!(slack(SLACK_SIGNATURE, "1531420618", SLACK_BODY, now), Err(Stale));
    }
    let soon = slack(SLACK_SIGNATURE, "soon", SLACK_BODY, now);
    assert_eq!(soon, Err(Malformed("X-Slack-Request-Timestamp".to_owned())));
    let extreme = slack(SLACK_SIGNATURE, &i64::MIN.to_string(), SLACK_BODY, now);
    assert_eq!(extreme, Err(Stale));
}

#[test]
fn the_example_of_standard_webhooks_holds_and_one_good_signature_of_several_is_enough() {
    // The specification's libraries test with this message.
    let manifest = manifest(
        "header = 'webhook-signature'\nseparator = ' '\nprefix = 'v1,'\nencoding = 'base64'\nkey = 'base64'\nkey_prefix = 'whsec_'\n\
         signed_template = '{id}.{timestamp}.{body}'\nid_header = 'webhook-id'\ntimestamp_header = 'webhook-timestamp'",
    );
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let good = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    let check = |secret: &str, signature: &str, id: &str| {
        let pairs = [
            ("webhook-signature", signature),
            ("webhook-id", id),
            ("webhook-timestamp", "1614265330"),
        ];
        checked(&manifest, secret, &pairs, br#"{"test": 2432232314}"#, 1_614_265_330)
    };
    let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    assert_eq!(check(secret, good, id), Ok(()));
    assert_eq!(check(secret, &format!("v1,aaaa v1a,bbbb {good}"), id), Ok(()));
    assert_eq!(check(secret, &good.replace("v1,", "v2,"), id), Err(WebhookError::Signature));
    assert_eq!(check(secret, good, "msg_other"), Err(WebhookError::Signature));
    for bad in ["whsec_", "whsec_***", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        assert_eq!(check(bad, good, id), Err(WebhookError::Secret), "{bad}");
    }
    assert!(check(secret, &format!("{good} ").repeat(21), id).is_err(), "too many");
}

#[test]
fn githubs_documented_example_holds_in_either_case() {
    // "Validating webhook deliveries", in GitHub's documentation.
    let manifest = manifest("header = 'X-Hub-Signature-256'\nprefix = 'sha256='");
    let hex = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    for hex in [hex.to_owned(), hex.to_ascii_uppercase()] {
        let pairs = [("x-hub-signature-256", &*format!("sha256={hex}"))];
        let result = checked(&manifest, "It's a Secret to Everybody", &pairs, b"Hello, World!", 0);
        assert_eq!(result, Ok(()));
    }
}

#[test]
fn the_vectors_of_rfc_4231_and_rfc_2202_hold() {
    let what = b"what do ya want for nothing?";
    let sha256 = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
    assert_eq!(hex(&hmac_sha256(b"Jefe", what)), sha256);
    assert_eq!(hex(&hmac_sha1(b"Jefe", what)), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    // The same through a manifest, as Intercom and Shopify sign.
    let sha1 = manifest("header = 'x-sig'\nprefix = 'sha1='\nalgorithm = 'hmac_sha1'");
    let pairs = [("x-sig", "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")];
    assert_eq!(checked(&sha1, "Jefe", &pairs, what, 0), Ok(()));
    let base64 = manifest("header = 'x-sig'\nencoding = 'base64'");
    let pairs = [("x-sig", "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=")];
    assert_eq!(checked(&base64, "Jefe", &pairs, what, 0), Ok(()));
}

#[test]
fn time_and_signature_can_stand_in_one_header() {
    // The form that Stripe documents.
    let manifest = manifest(
        "header = 'Stripe-Signature'\nseparator = ','\nprefix = 'v1='\ntimestamp_prefix = 't='\nsigned_template = '{timestamp}.{body}'",
    );
    let signature = hex(&hmac_sha256(b"whsec_1", b"1492774577.{\"id\":1}"));
    let check = |header: &str, now| {
        checked(&manifest, "whsec_1", &[("stripe-signature", header)], br#"{"id":1}"#, now)
    };
    let good = format!("t=1492774577,v1={signature},v0=6ffbb59b2300aae63f272406069a9788");
    assert_eq!(check(&good, 1_492_774_600), Ok(()));
    assert_eq!(check(&good, 1_492_775_000), Err(WebhookError::Stale));
    let untimed = check(&format!("v1={signature}"), 1_492_774_600);
    assert_eq!(untimed, Err(WebhookError::Malformed("Stripe-Signature".to_owned())));
}

#[test]
fn method_and_url_can_be_signed_too_and_milliseconds_be_counted() {
    // The form that HubSpot documents for its third version.
    let manifest = manifest(
        "header = 'X-HubSpot-Signature-v3'\nencoding = 'base64'\nsigned_template = '{method}{url}{body}{timestamp}'\n\
         timestamp_header = 'X-HubSpot-Request-Timestamp'\ntimestamp_unit = 'milliseconds'",
    );
    let signed = "POSThttps://hub.example.com/hooks/cli_1[]1795000000123";
    let signature = BASE64_STANDARD.encode(hmac_sha256(b"s", signed.as_bytes()));
    let pairs = [
        ("x-hubspot-signature-v3", signature.as_str()),
        ("x-hubspot-request-timestamp", "1795000000123"),
    ];
    assert_eq!(checked(&manifest, "s", &pairs, b"[]", 1_795_000_001), Ok(()));
    let headers = headers(&pairs);
    let elsewhere = "https://hub.example.com/hooks/cli_2";
    let event = Delivery { method: "POST", url: elsewhere, headers: &headers, body: b"[]" };
    let result = manifest.verify_webhook(&"s".into(), &event, Timestamp::from_secs(1_795_000_001));
    assert_eq!(result, Err(WebhookError::Signature));
}

#[test]
fn a_header_that_is_missing_or_there_twice_is_told_and_nothing_is_believed() {
    let manifest = manifest("header = 'x-sig'");
    let expected = Err(WebhookError::Header("x-sig".to_owned()));
    assert_eq!(checked(&manifest, "s", &[], b"", 0), expected);
    let mut twice = headers(&[("x-sig", "a")]);
    twice.append("x-sig", HeaderValue::from_static("b"));
    let event = Delivery { method: "POST", url: "", headers: &twice, body: b"" };
    assert_eq!(manifest.verify_webhook(&"s".into(), &event, Timestamp::default()), expected);
    let empty = hex(&hmac_sha256(b"", b""));
    let result = checked(&manifest, "", &[("x-sig", &empty)], b"", 0);
    assert_eq!(result, Err(WebhookError::Secret), "everybody has the empty key");
}
