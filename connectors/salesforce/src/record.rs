//! Salesforce's records, and how they are asked for: searches are SOQL, the rest one path a record.

use connector::{
    Api, Error, Method,
    crm::{Company, Contact, Deal, DealStatus},
    json,
    model::{Cursor, Id, Limit, Money, Page},
};
use serde_json::{Value, json};

/// A text in SOQL: quoted, and nothing in it ends the quotes.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", escaped(text))
}

/// A part of a text in SOQL, for `LIKE`: its wildcards stand for themselves.
pub(crate) fn part(text: &str) -> String {
    format!("'%{}%'", escaped(text).replace('%', "\\%").replace('_', "\\_"))
}

fn escaped(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => all.push_str("\\\\"),
            '\'' => all.push_str("\\'"),
            '"' => all.push_str("\\\""),
            '\n' => all.push_str("\\n"),
            '\r' => all.push_str("\\r"),
            '\t' => all.push_str("\\t"),
            other => all.push(other),
        }
    }
    all
}

/// Those of a sort for which all conditions hold, by their ids: a page begins behind the last id of the
/// page before, so that none is left out or told twice.
pub(crate) async fn find<T>(
    api: &Api,
    sort: &str,
    mut conditions: Vec<String>,
    cursor: Option<Cursor>,
    limit: Limit,
    one: impl Fn(&Value) -> Result<T, Error>,
) -> Result<Page<T>, Error> {
    if let Some(cursor) = cursor {
        conditions.push(format!("Id > {}", quoted(cursor.as_str())));
    }
    let limit = limit.get();
    let all = conditions.join(" AND ");
    let wanted = if all.is_empty() { all } else { format!(" WHERE {all}") };
    let query = format!("SELECT FIELDS(STANDARD) FROM {sort}{wanted} ORDER BY Id LIMIT {limit}");
    let found = api.call(Method::GET, "/query").query("q", query).fetch().await?;
    let items = json::each(&found, "records", one)?;
    let last = json::list_at(&found, "records").last().filter(|_| items.len() >= limit as usize);
    Ok(Page::new(items, last.and_then(|last| json::filled(last, "Id"))))
}

pub(crate) async fn get(api: &Api, sort: &str, id: &Id) -> Result<Value, Error> {
    let call = api.call(Method::GET, "/sobjects/{sort}/{id}").part("sort", sort).part("id", id);
    call.fetch().await
}

/// Adds a record and tells it. Where it can't be read afterwards, what was sent is told: it is there, and
/// an error would have it added twice.
pub(crate) async fn create(api: &Api, sort: &str, fields: Value) -> Result<Value, Error> {
    let fields = json::without_nulls(fields);
    let call = api.call(Method::POST, "/sobjects/{sort}").part("sort", sort);
    let id = json::id_at(&call.json(fields.clone()).fetch().await?, "id")?;
    Ok(get(api, sort, &id).await.unwrap_or_else(|_| with_id(fields, &id)))
}

/// Changes a record and tells it, likewise.
pub(crate) async fn update(api: &Api, sort: &str, id: &Id, fields: Value) -> Result<Value, Error> {
    let fields = json::without_nulls(fields);
    let call = api.call(Method::PATCH, "/sobjects/{sort}/{id}").part("sort", sort).part("id", id);
    call.json(fields.clone()).fetch().await?;
    Ok(get(api, sort, id).await.unwrap_or_else(|_| with_id(fields, id)))
}

fn with_id(mut fields: Value, id: &Id) -> Value {
    fields["Id"] = json!(id);
    fields
}

pub(crate) fn contact(found: &Value) -> Result<Contact, Error> {
    Ok(Contact {
        id: json::id_at(found, "Id")?,
        name: json::filled(found, "Name"),
        first_name: json::filled(found, "FirstName"),
        last_name: json::filled(found, "LastName"),
        email: json::filled(found, "Email"),
        phone: json::filled(found, "Phone"),
        job_title: json::filled(found, "Title"),
        company_id: json::maybe_id(found, "AccountId"),
        url: None,
        created_at: json::time_at(found, "CreatedDate"),
        updated_at: json::time_at(found, "LastModifiedDate"),
        raw: found.clone(),
    })
}

pub(crate) fn company(found: &Value) -> Result<Company, Error> {
    Ok(Company {
        id: json::id_at(found, "Id")?,
        name: json::filled(found, "Name"),
        domain: json::filled(found, "Website").and_then(|website| domain(&website)),
        phone: json::filled(found, "Phone"),
        url: None,
        created_at: json::time_at(found, "CreatedDate"),
        updated_at: json::time_at(found, "LastModifiedDate"),
        raw: found.clone(),
    })
}

pub(crate) fn deal(found: &Value) -> Result<Deal, Error> {
    let is = |field| found.get(field).and_then(Value::as_bool);
    // Told only where the organization has several currencies.
    let currency = json::filled(found, "CurrencyIsoCode");
    let amount = json::text_at(found, "Amount").zip(currency);
    Ok(Deal {
        id: json::id_at(found, "Id")?,
        name: json::filled(found, "Name"),
        amount: amount.and_then(|(amount, currency)| Money::from_decimal(&amount, &currency)),
        status: match (is("IsClosed"), is("IsWon")) {
            (_, Some(true)) => Some(DealStatus::Won),
            (Some(true), _) => Some(DealStatus::Lost),
            (Some(false), _) => Some(DealStatus::Open),
            (None, _) => None,
        },
        stage: json::filled(found, "StageName"),
        pipeline: None,
        close_date: json::date_at(found, "CloseDate"),
        contact_id: json::maybe_id(found, "ContactId"),
        company_id: json::maybe_id(found, "AccountId"),
        url: None,
        created_at: json::time_at(found, "CreatedDate"),
        updated_at: json::time_at(found, "LastModifiedDate"),
        raw: found.clone(),
    })
}

/// The host of a web address, as people type one in.
fn domain(website: &str) -> Option<String> {
    let rest = website.split_once("://").map_or(website, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#', ':']).next()?;
    let host = host.strip_prefix("www.").unwrap_or(host).trim();
    host.contains('.').then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_ends_its_quotes() {
        assert_eq!(quoted("O'Hara"), r"'O\'Hara'");
        assert_eq!(quoted(r"\' OR Name != '"), r"'\\\' OR Name != \''");
        assert_eq!(part("50%_\n'"), r"'%50\%\_\n\'%'");
    }

    #[test]
    fn a_domain_is_the_host_of_the_web_address() {
        for website in ["www.Example.com", "https://example.com/a", "http://example.com:80"] {
            assert_eq!(domain(website).as_deref(), Some("example.com"), "{website}");
        }
        assert_eq!(domain("none"), None);
    }
}
