//! Close's records, and how they are searched. A company is a lead here, a deal an opportunity.

use connector::{
    Api, Error, Method,
    crm::{Company, Contact, Deal, DealStatus},
    json,
    model::{Cursor, Limit, Money, Page},
};
use serde_json::{Value, json};

/// Where searches go: they are POSTs that change nothing.
const SEARCH: &str = "/data/search/";

const CONTACT_FIELDS: [&str; 8] =
    ["id", "lead_id", "name", "title", "emails", "phones", "date_created", "date_updated"];
const LEAD_FIELDS: [&str; 7] =
    ["id", "name", "display_name", "url", "html_url", "date_created", "date_updated"];

/// Contacts that fit all of these queries.
pub(crate) async fn find_contacts(
    api: &Api,
    queries: Vec<Value>,
    cursor: Option<Cursor>,
    limit: Limit,
) -> Result<Page<Contact>, Error> {
    let found = search(api, "contact", &CONTACT_FIELDS, queries, cursor, limit).await?;
    Ok(Page::new(json::each(&found, "data", contact)?, json::text_at(&found, "cursor")))
}

/// Leads that fit all of these queries.
pub(crate) async fn find_leads(
    api: &Api,
    queries: Vec<Value>,
    cursor: Option<Cursor>,
    limit: Limit,
) -> Result<Page<Company>, Error> {
    let found = search(api, "lead", &LEAD_FIELDS, queries, cursor, limit).await?;
    Ok(Page::new(json::each(&found, "data", company)?, json::text_at(&found, "cursor")))
}

async fn search(
    api: &Api,
    object: &str,
    fields: &[&str],
    queries: Vec<Value>,
    cursor: Option<Cursor>,
    limit: Limit,
) -> Result<Value, Error> {
    let mut all = vec![json!({ "type": "object_type", "object_type": object })];
    all.extend(queries);
    let mut body = json!({
        "query": { "type": "and", "queries": all },
        "_fields": { object: fields },
        "_limit": limit.get(),
    });
    if let Some(cursor) = cursor {
        body["cursor"] = cursor.as_str().into();
    }
    api.call(Method::POST, SEARCH).json(body).looks().fetch().await
}

/// Whose field has this text: as these words, or as exactly this.
pub(crate) fn has_text(object: &str, field: &str, mode: &str, text: &str) -> Value {
    json!({
        "type": "field_condition",
        "field": { "type": "regular_field", "object_type": object, "field_name": field },
        "condition": { "type": "text", "mode": mode, "value": text },
    })
}

/// Contacts one of whose addresses or numbers is this.
pub(crate) fn contact_with(related: &str, query: &Value) -> Value {
    json!({
        "type": "has_related",
        "this_object_type": "contact",
        "related_object_type": related,
        "related_query": query,
    })
}

pub(crate) fn contact(found: &Value) -> Result<Contact, Error> {
    Ok(Contact {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "name"),
        first_name: None,
        last_name: None,
        email: json::filled(found, "emails.0.email"),
        phone: json::filled(found, "phones.0.phone"),
        job_title: json::filled(found, "title"),
        company_id: json::maybe_id(found, "lead_id"),
        url: None,
        created_at: json::time_at(found, "date_created"),
        updated_at: json::time_at(found, "date_updated"),
        raw: found.clone(),
    })
}

pub(crate) fn company(found: &Value) -> Result<Company, Error> {
    Ok(Company {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "display_name").or_else(|| json::filled(found, "name")),
        domain: json::filled(found, "url").and_then(|url| domain(&url)),
        phone: None,
        url: json::filled(found, "html_url"),
        created_at: json::time_at(found, "date_created"),
        updated_at: json::time_at(found, "date_updated"),
        raw: found.clone(),
    })
}

pub(crate) fn deal(found: &Value) -> Result<Deal, Error> {
    let amount = json::text_at(found, "value").zip(json::filled(found, "value_currency"));
    Ok(Deal {
        id: json::id_at(found, "id")?,
        // Opportunities have no name; their note is what tells them apart.
        name: json::filled(found, "note"),
        amount: amount.and_then(|(hundredths, currency)| money(&hundredths, &currency)),
        status: match json::text_at(found, "status_type").as_deref() {
            Some("active") => Some(DealStatus::Open),
            Some("won") => Some(DealStatus::Won),
            Some("lost") => Some(DealStatus::Lost),
            _ => None,
        },
        stage: json::filled(found, "status_id"),
        pipeline: json::filled(found, "pipeline_id"),
        close_date: json::date_at(found, "date_won"),
        contact_id: json::maybe_id(found, "contact_id"),
        company_id: json::maybe_id(found, "lead_id"),
        url: None,
        created_at: json::time_at(found, "date_created"),
        updated_at: json::time_at(found, "date_updated"),
        raw: found.clone(),
    })
}

/// The host of a lead's web address.
fn domain(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#', ':']).next()?;
    let host = host.strip_prefix("www.").unwrap_or(host);
    (host.contains('.')).then(|| host.to_ascii_lowercase())
}

/// Close counts in hundredths, whatever the currency's own digits.
fn money(hundredths: &str, currency: &str) -> Option<Money> {
    let hundredths: i64 = hundredths.parse().ok()?;
    let sign = if hundredths < 0 { "-" } else { "" };
    let (whole, rest) = (hundredths.unsigned_abs() / 100, hundredths.unsigned_abs() % 100);
    Money::from_decimal(&format!("{sign}{whole}.{rest:02}"), currency)
}

/// An amount in hundredths, if it is one.
pub(crate) fn hundredths(amount: &Money) -> Option<i64> {
    let text = amount.to_decimal();
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let rest = rest.trim_end_matches('0');
    (rest.len() <= 2).then(|| format!("{whole}{rest:0<2}").parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_hundredths_in_every_currency() {
        for (sent, minor, currency) in
            [(125_050, 125_050, "EUR"), (50_000, 500, "JPY"), (-5, -5, "USD"), (150, 1500, "BHD")]
        {
            let amount = Money::new(minor, currency).unwrap();
            assert_eq!(hundredths(&amount), Some(sent), "{currency}");
            assert_eq!(money(&sent.to_string(), currency), Some(amount), "{currency}");
        }
        assert_eq!(hundredths(&Money::new(1234, "BHD").unwrap()), None);
        assert_eq!(money("50", "JPY"), None);
    }

    #[test]
    fn a_leads_domain_is_its_web_addresss_host() {
        for url in ["https://www.Example.com/about?x=1", "example.com", "http://example.com:80"] {
            assert_eq!(domain(url).as_deref(), Some("example.com"), "{url}");
        }
        assert_eq!(domain("localhost"), None);
    }
}
