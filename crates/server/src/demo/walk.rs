//! `valetkey demo walk`: from link to token to call, and past the token's end.

use std::time::Duration;

use base::{Clock, OsRng, SystemClock, Timestamp, random_token};
use bytes::Bytes;
use http::{Method, Request};
use outbound::Outbound;
use serde_json::{Value, json};

use super::{
    DemoError, PLATFORM, WORKSPACE,
    api::{self, Hub, text},
    browser::Browser,
    failed,
    note::{Note, platform_key},
    terminal::{Steps, line, over},
};
use crate::config::Config;

/// How long a person may take to link.
const PATIENCE: Duration = Duration::from_mins(10);

/// Walks the whole line; with `auto` no browser is needed.
pub(crate) async fn walk(config: &Config, auto: bool) -> Result<(), DemoError> {
    let note = Note::read(config).ok_or_else(|| {
        failed("There is no demo workspace here. Start it with `make run` in another terminal, from the same folder.")
    })?;
    let outbound = api::outbound()?;
    let platform = Hub::new(&outbound, config.public(), platform_key(config)?, Some(WORKSPACE));
    let agent = Hub::new(&outbound, config.public(), note.agent_key.into(), None);
    let mut steps = Steps::new(config);
    line("");
    let person =
        if auto { format!("walker-{}", &random_token(&OsRng)[..8]) } else { "ana".to_owned() };
    let session = open_session(&platform, &mut steps, &person).await?;
    if auto {
        link(&outbound, &platform, &mut steps, &session, &person).await?;
    } else {
        wait_for_link(&platform, &mut steps, &session).await?;
    }
    let first =
        ask(&agent, &mut steps, &person, "The agent asks for access, as it would at a tool call")
            .await?;
    let record = read_record(&outbound, &first).await?;
    steps.done("The agent reads a record from Acme's CRM with it", &[record]);
    wait_past_end(&mut steps, &first).await?;
    let refused = call(&outbound, &first).await?;
    if refused.status().is_success() {
        return Err(failed("Acme still takes the first token, past its end"));
    }
    let told = format!("Acme answers the first token with {}", refused.status());
    steps.done("The first token has ended", &[told]);
    let second =
        ask(&agent, &mut steps, &person, "The agent asks again, and the hub has a fresh one")
            .await?;
    let record = read_record(&outbound, &second).await?;
    steps.done("The agent reads the record again", &[record]);
    line("");
    line(&format!(
        "{} Linked once, used twice, and nobody but the hub ever held the refresh token.",
        steps.style().good("Done.")
    ));
    Ok(())
}

async fn open_session(platform: &Hub, steps: &mut Steps, person: &str) -> Result<Value, DemoError> {
    let body = json!({
        "end_user": { "id": person, "name": person },
        "integrations": ["acme"],
        "return_url": format!("{PLATFORM}/linked"),
    });
    let session = platform.call(Method::POST, "/v1/connect-sessions", Some(&body)).await?;
    let details =
        [format!("session {}", text(&session, "id")?), format!("for the end user {person}")];
    steps.done("The platform opens a connect session", &details);
    Ok(session)
}

/// Acts as the browser, then as the platform's back end that the browser comes back to.
async fn link(
    outbound: &Outbound,
    platform: &Hub,
    steps: &mut Steps,
    session: &Value,
    person: &str,
) -> Result<(), DemoError> {
    let end = format!("{PLATFORM}/linked");
    let back = Browser::new(outbound).walk(text(session, "url")?, &end).await?;
    let code =
        back.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
    let code = code.ok_or_else(|| failed("The browser came back without a code"))?;
    let path = format!("/v1/connect-sessions/{}/complete", text(session, "id")?);
    let body = json!({ "code": code, "end_user": { "id": person } });
    let done = platform.call(Method::POST, &path, Some(&body)).await?;
    told_linked(steps, &done["connection"], "The person links Acme (clicked through by itself)");
    Ok(())
}

fn told_linked(steps: &mut Steps, connection: &Value, what: &str) {
    let account = connection["account"]["label"].as_str().unwrap_or("?");
    let scopes: Vec<&str> =
        connection["scopes"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    steps.done(what, &[format!("account {account}"), format!("granted {}", scopes.join(", "))]);
}

async fn wait_for_link(
    platform: &Hub,
    steps: &mut Steps,
    session: &Value,
) -> Result<(), DemoError> {
    let url = text(session, "url")?;
    line(&format!(
        "  Open this in your browser and link Acme; this goes on by itself then:\n\n    {}\n",
        steps.style().link(url)
    ));
    let path = format!("/v1/connect-sessions/{}?wait=25", text(session, "id")?);
    let end = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < end {
        let now = platform.call(Method::GET, &path, None).await?;
        match now["status"].as_str() {
            Some("completed") => {
                let id = text(&now, "connection")?;
                let connection =
                    platform.call(Method::GET, &format!("/v1/connections/{id}"), None).await?;
                told_linked(steps, &connection, "You linked Acme");
                return Ok(());
            }
            Some("expired") => {
                return Err(failed("The link's time ran out. Run `make demo` again."));
            }
            _ => {}
        }
    }
    Err(failed("Nobody linked within 10 minutes. Run `make demo` again, or `make demo AUTO=1`."))
}

async fn ask(agent: &Hub, steps: &mut Steps, person: &str, what: &str) -> Result<Value, DemoError> {
    let body = json!({
        "provider": "acme",
        "end_user": { "id": person },
        "scopes": ["crm.contacts.read"],
        "reason": "look up a contact",
    });
    let answer = agent.call(Method::POST, "/v1/token", Some(&body)).await?;
    if answer["status"] != "issued" {
        return Err(failed(format!("The agent got no token: {answer}")));
    }
    let token = text(&answer, "access_token")?;
    let shown: String = token.chars().take(16).collect();
    let details = [
        format!("token {shown}…, good until {}", text(&answer, "expires_at")?),
        format!("form {}, scopes {}", answer["form"].as_str().unwrap_or("?"), answer["scopes"]),
        format!("recorded as {}", text(&answer, "release")?),
    ];
    steps.done(what, &details);
    Ok(answer)
}

/// Uses what the hub handed out as it says: blindly.
async fn call(outbound: &Outbound, issued: &Value) -> Result<http::Response<Bytes>, DemoError> {
    let mut request = Request::get(format!("{}/v1/contacts?limit=1", text(issued, "api_base")?));
    for (name, value) in issued["apply"]["headers"].as_object().into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap_or_default());
    }
    let request = request.body(Bytes::new()).map_err(|error| failed(error.to_string()))?;
    outbound.send(request, api::LIMITS).await.map_err(|error| failed(error.to_string()))
}

async fn read_record(outbound: &Outbound, issued: &Value) -> Result<String, DemoError> {
    let answer = call(outbound, issued).await?;
    let page = api::json(&answer);
    let contact = page["items"].as_array().and_then(|items| items.first()).cloned();
    match contact {
        Some(contact) if answer.status().is_success() => Ok(format!(
            "{} <{}>, {}",
            contact["name"].as_str().unwrap_or("?"),
            contact["email"].as_str().unwrap_or("?"),
            contact["company"].as_str().unwrap_or("no company"),
        )),
        _ => Err(failed(format!("Acme answered {} and no contact: {page}", answer.status()))),
    }
}

async fn wait_past_end(steps: &mut Steps, issued: &Value) -> Result<(), DemoError> {
    let end = Timestamp::parse_rfc3339(text(issued, "expires_at")?)
        .ok_or_else(|| failed("The token's end can't be read"))?;
    let end = end.plus(Duration::from_secs(1));
    if !steps.style().is_live() {
        line(&format!("  Waiting past the token's end, {end} …"));
    }
    loop {
        let left = SystemClock.now().until(end);
        if left.is_zero() {
            break;
        }
        if steps.style().is_live() {
            over(&format!("  Waiting past the token's end: {} s", left.as_secs() + 1));
        }
        tokio::time::sleep(left.min(Duration::from_secs(1))).await;
    }
    if steps.style().is_live() {
        over("");
    }
    Ok(())
}
