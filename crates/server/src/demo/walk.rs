//! `valetkey demo walk`: from link to token to call, and past the token's end.

use std::time::Duration;

use base::{Clock, SystemClock, Timestamp};
use bytes::Bytes;
use http::{Method, Request, Response};
use outbound::Outbound;
use serde_json::{Value, json};

use super::{
    DemoError, WORKSPACE,
    api::{self, Hub, text},
    failed,
    link::link,
    note::{Note, platform_key},
    terminal::{Steps, line, over},
};
use crate::config::Config;

/// The longest that the walk waits for a token's end. Acme's tokens live for 20 s unless told otherwise.
const LONGEST_LIFE: Duration = Duration::from_mins(2);

/// Walks the whole line; with `auto` no browser is needed.
pub(crate) async fn walk(config: &Config, auto: bool) -> Result<(), DemoError> {
    let note = Note::read(&config.data_dir).ok_or_else(|| {
        failed("There is no demo workspace here. Start it with `make run` in another terminal, from the same folder.")
    })?;
    let outbound = api::outbound()?;
    let platform = Hub::new(&outbound, &note.hub, platform_key(config)?, Some(WORKSPACE));
    let agent = Hub::new(&outbound, &note.hub, note.agent_key.into(), None);
    let mut steps = Steps::new(config);
    let walked = go(&outbound, &platform, &agent, &mut steps, auto).await;
    walked.map_err(|error| steps.failed(&error))?;
    line(&format!(
        "\n  {} Linked once, used twice, and nobody but the hub ever held the refresh token.\n",
        steps.style().good("Done.")
    ));
    Ok(())
}

async fn go(
    outbound: &Outbound,
    platform: &Hub,
    agent: &Hub,
    steps: &mut Steps,
    auto: bool,
) -> Result<(), DemoError> {
    let person = link(outbound, platform, steps, auto).await?;
    steps.begin("The agent asks for access, as it would at a tool call");
    let first = ask(agent, steps, &person).await?;
    steps.begin("The agent reads a record from Acme's CRM with it");
    read_record(outbound, steps, &first).await?;
    steps.begin("The first token ends");
    wait_past_end(steps, &first).await?;
    let refused = call(outbound, &first).await?;
    if refused.status().is_success() {
        return Err(failed("Acme still takes the first token, past its end."));
    }
    steps.tell(&format!("Acme answers the first token with {}", refused.status()));
    steps.done();
    steps.begin("The agent asks again, and the hub has a fresh one");
    let second = ask(agent, steps, &person).await?;
    steps.begin("The agent reads the record again");
    read_record(outbound, steps, &second).await
}

async fn ask(agent: &Hub, steps: &Steps, person: &str) -> Result<Value, DemoError> {
    let body = json!({
        "provider": "acme",
        "end_user": { "id": person },
        "scopes": ["crm.contacts.read"],
        "min_ttl_seconds": 5,
        "reason": "look up a contact",
    });
    let answer = agent.call(Method::POST, "/v1/token", Some(&body)).await?;
    if answer["status"] != "issued" {
        return Err(failed(no_token(&answer)));
    }
    let token = text(&answer, "access_token")?;
    let shown: String = token.chars().take(12).collect();
    steps.tell(&format!("token {shown}…, good until {}", text(&answer, "expires_at")?));
    let form = answer["form"].as_str().unwrap_or("?");
    steps.tell(&format!("form {form}, scopes {}", answer["scopes"]));
    steps.tell(&format!("recorded as {}", text(&answer, "release")?));
    steps.done();
    Ok(answer)
}

/// What to say of an answer that is none of the two that can follow a link.
fn no_token(answer: &Value) -> String {
    let status = answer["status"].as_str().unwrap_or("no status");
    let more = answer["message"].as_str().or(answer["reason"].as_str()).unwrap_or_default();
    format!("The agent got no token but `{status}`. {more}").trim_end().to_owned()
}

/// Uses what the hub handed out as it says: blindly.
async fn call(outbound: &Outbound, issued: &Value) -> Result<Response<Bytes>, DemoError> {
    let mut request = Request::get(format!("{}/v1/contacts?limit=1", text(issued, "api_base")?));
    for (name, value) in issued["apply"]["headers"].as_object().into_iter().flatten() {
        request = request.header(name, value.as_str().unwrap_or_default());
    }
    let request = request.body(Bytes::new()).map_err(|error| failed(error.to_string()))?;
    outbound
        .send(request, api::LIMITS)
        .await
        .map_err(|error| failed(format!("Acme does not answer: {error}")))
}

async fn read_record(outbound: &Outbound, steps: &Steps, issued: &Value) -> Result<(), DemoError> {
    let answer = call(outbound, issued).await?;
    let page = api::json(&answer);
    let contact = page["items"].as_array().and_then(|items| items.first());
    let Some(contact) = contact.filter(|_| answer.status().is_success()) else {
        return Err(failed(format!("Acme answered {} and no contact: {page}", answer.status())));
    };
    steps.tell(&format!(
        "{} <{}>, {}",
        contact["name"].as_str().unwrap_or("?"),
        contact["email"].as_str().unwrap_or("?"),
        contact["company"].as_str().unwrap_or("no company"),
    ));
    steps.done();
    Ok(())
}

/// When to go on: just past the token's end.
fn past_end(issued: &Value, now: Timestamp) -> Result<Timestamp, DemoError> {
    let end = Timestamp::parse_rfc3339(text(issued, "expires_at")?)
        .ok_or_else(|| failed("The token's end can't be read."))?;
    if now.until(end) > LONGEST_LIFE {
        return Err(failed(format!(
            "The token is good until {end}: too long to wait for. Start Acme with short tokens, as `make run` does."
        )));
    }
    Ok(end.plus(Duration::from_secs(1)))
}

async fn wait_past_end(steps: &Steps, issued: &Value) -> Result<(), DemoError> {
    let end = past_end(issued, SystemClock.now())?;
    if !steps.style().is_live() {
        steps.tell(&format!("waiting until {end}"));
    }
    loop {
        let left = SystemClock.now().until(end);
        if left.is_zero() {
            break;
        }
        if steps.style().is_live() {
            over(&format!("     waiting: {} s", left.as_secs() + 1));
        }
        tokio::time::sleep(left.min(Duration::from_secs(1))).await;
    }
    if steps.style().is_live() {
        over("");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issued(until: Timestamp) -> Value {
        json!({ "expires_at": until.to_string() })
    }

    #[test]
    fn the_walk_waits_for_a_short_token_and_for_no_long_one() {
        let now = Timestamp::parse_rfc3339("2026-11-24T12:00:00Z").unwrap();
        let after = |seconds| past_end(&issued(now.plus(Duration::from_secs(seconds))), now);
        assert_eq!(now.until(after(20).unwrap()), Duration::from_secs(21));
        let error = after(3600).unwrap_err().to_string();
        assert!(error.contains("2026-11-24T13:00:00Z"), "{error}");
        assert!(past_end(&json!({ "expires_at": null }), now).is_err());
    }

    #[test]
    fn an_answer_without_a_token_is_told_without_what_it_holds() {
        let answer = json!({ "status": "connect_required", "message": "Ana must link first.",
            "connect_url": "http://hub/connect/secret" });
        let said = no_token(&answer);
        assert!(said.contains("connect_required") && said.contains("Ana must link first."));
        assert!(!said.contains("secret"));
    }
}
