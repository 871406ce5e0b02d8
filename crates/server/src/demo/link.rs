//! The first two steps of the walk: a connect session, and the link.

use std::time::Duration;

use base::{OsRng, Rng, random_token};
use http::Method;
use outbound::Outbound;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    DemoError, PLATFORM,
    api::{Hub, text},
    browser::Browser,
    failed,
    terminal::Steps,
};

/// How long a person may take to link.
const PATIENCE: Duration = Duration::from_mins(10);
/// Between two looks at a session whose answer comes at once.
const PAUSE: Duration = Duration::from_secs(2);

/// Links an account for a new person; their id.
///
/// Always a new one, so that the walk can be taken again with any account: of two accounts of one person
/// the agent would have to choose.
pub(super) async fn link(
    outbound: &Outbound,
    platform: &Hub,
    steps: &mut Steps,
    auto: bool,
) -> Result<String, DemoError> {
    let person = new_person(&OsRng);
    steps.begin("The platform opens a connect session");
    let body = json!({
        "end_user": { "id": person, "name": "Ana", "email": format!("{person}@chatty.example") },
        "integrations": ["acme"],
        "return_url": format!("{PLATFORM}/linked"),
    });
    let session = platform.call(Method::POST, "/v1/connect-sessions", Some(&body)).await?;
    steps.tell(&format!("session {}", text(&session, "id")?));
    steps.tell(&format!("for the end user {person}"));
    steps.done();
    let connection = if auto {
        steps.begin("The person links Acme (clicked through by itself)");
        click_through(outbound, platform, &session, &person).await?
    } else {
        steps.begin("You link Acme");
        wait_for_link(platform, steps, &session, &person).await?
    };
    let scopes = connection["scopes"].as_array().into_iter().flatten();
    let scopes: Vec<&str> = scopes.filter_map(Value::as_str).collect();
    steps.tell(&format!("account {}", connection["account"]["label"].as_str().unwrap_or("?")));
    steps.tell(&format!("granted {}", scopes.join(", ")));
    steps.done();
    Ok(person)
}

/// An id that the demo platform takes as a name, and that nobody had before.
fn new_person(rng: &dyn Rng) -> String {
    let random = random_token(rng).to_ascii_lowercase();
    let some: String = random.chars().filter(char::is_ascii_alphanumeric).take(6).collect();
    format!("ana-{some}")
}

/// Acts as the browser, then as the platform's back end that the browser comes back to.
async fn click_through(
    outbound: &Outbound,
    platform: &Hub,
    session: &Value,
    person: &str,
) -> Result<Value, DemoError> {
    let end = format!("{PLATFORM}/linked");
    let back = Browser::new(outbound).walk(text(session, "url")?, &end).await?;
    let code =
        back.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
    let code = code.ok_or_else(|| failed("The browser came back without a code."))?;
    let path = format!("/v1/connect-sessions/{}/complete", text(session, "id")?);
    let body = json!({ "code": code, "end_user": { "id": person } });
    let mut done = platform.call(Method::POST, &path, Some(&body)).await?;
    Ok(done["connection"].take())
}

/// Where the person goes: to the platform, which signs them in and then leads to the hub's page. Only
/// there, signed in, the link can be completed for them.
fn start_page(session: &Value, person: &str) -> Result<String, DemoError> {
    Ok(format!("{PLATFORM}/connect?user={person}&session={}", text(session, "token")?))
}

/// Waits until the demo platform has completed the link in the person's browser.
async fn wait_for_link(
    platform: &Hub,
    steps: &Steps,
    session: &Value,
    person: &str,
) -> Result<Value, DemoError> {
    let page = start_page(session, person)?;
    steps.tell("Open this in your browser and link Acme; this goes on by itself then:");
    steps.tell(&steps.style().link(&page));
    let path = format!("/v1/connect-sessions/{}?wait=25", text(session, "id")?);
    let end = Instant::now() + PATIENCE;
    let mut told = false;
    while Instant::now() < end {
        let now = platform.call(Method::GET, &path, None).await?;
        match now["status"].as_str() {
            Some("completed") => {
                let id = text(&now, "connection")?;
                return platform.call(Method::GET, &format!("/v1/connections/{id}"), None).await;
            }
            Some("expired") => {
                return Err(failed("The link's time ran out. Run `make demo` again."));
            }
            Some("open" | "linking" | "pending") => told = false,
            // The person may try again in the browser; the answer comes at once until they do.
            _ => {
                if !told {
                    let why = now["error"].as_str().unwrap_or("no reason was given");
                    steps.tell(&format!("That ended without a link ({why}). Try again at the same page, or press Ctrl-C."));
                }
                told = true;
                sleep(PAUSE).await;
            }
        }
    }
    Err(failed("Nobody linked within 10 minutes. Run `make demo` again, or `make demo AUTO=1`."))
}

#[cfg(test)]
mod tests {
    use super::{super::sign_in::is_name, *};

    #[test]
    fn every_walk_has_a_person_of_its_own_whom_the_platform_can_sign_in() {
        let people: std::collections::BTreeSet<String> =
            (0..50).map(|_| new_person(&OsRng)).collect();
        assert_eq!(people.len(), 50);
        assert!(people.iter().all(|person| is_name(person)), "{people:?}");
    }

    #[test]
    fn the_person_starts_at_the_platform_and_not_at_the_hub() {
        let session = json!({ "token": "ses_1.tok", "url": "http://hub/connect/ses_1.tok" });
        let page = start_page(&session, "ana-1").unwrap();
        assert_eq!(page, "http://localhost:8070/connect?user=ana-1&session=ses_1.tok");
    }
}
