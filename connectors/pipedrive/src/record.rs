//! Pipedrive's records, as lists and as searches tell them, and the requests for them.

use connector::{
    Api, Error, Method,
    crm::{Company, Contact, Deal, DealStatus},
    json,
    model::{Cursor, Id, Limit, Money, Page},
};
use serde_json::{Value, json};

/// A sort of record.
pub(crate) struct Sort {
    all: &'static str,
    one: &'static str,
    search: &'static str,
}

pub(crate) const PERSONS: Sort =
    Sort { all: "/v2/persons", one: "/v2/persons/{id}", search: "/v2/persons/search" };
pub(crate) const ORGANIZATIONS: Sort = Sort {
    all: "/v2/organizations",
    one: "/v2/organizations/{id}",
    search: "/v2/organizations/search",
};
pub(crate) const DEALS: Sort =
    Sort { all: "/v2/deals", one: "/v2/deals/{id}", search: "/v2/deals/search" };

/// Words to search for.
pub(crate) struct Words {
    /// The input's field.
    pub(crate) field: &'static str,
    pub(crate) text: String,
    /// The only field to search, which must be just that; none = all, by parts of words.
    pub(crate) exactly_in: Option<&'static str>,
}

/// Where a page begins, and how long it is.
pub(crate) struct At {
    pub(crate) cursor: Option<Cursor>,
    pub(crate) limit: Limit,
}

impl Sort {
    /// Those with these words, else all; with this organization.
    pub(crate) async fn find<T>(
        &self,
        api: &Api,
        words: Option<Words>,
        organization: Option<Id>,
        at: At,
        one: impl Fn(&Value) -> Result<T, Error>,
    ) -> Result<Page<T>, Error> {
        let searched = words.is_some();
        let call = match words {
            Some(words) => {
                let exact = words.exactly_in.is_some();
                if !exact && words.text.chars().count() < 2 {
                    return Err(Error::input(words.field, "Pipedrive wants at least 2 characters"));
                }
                api.call(Method::GET, self.search)
                    .query("term", words.text)
                    .query_if("fields", words.exactly_in)
                    .query_if("exact_match", exact.then_some(true))
                    .query_if("organization_id", organization)
            }
            None => api.call(Method::GET, self.all).query_if("org_id", organization),
        };
        let found = call
            .query("limit", at.limit.get())
            .query_if("cursor", at.cursor.as_ref().map(Cursor::as_str))
            .fetch()
            .await?;
        let items = if searched {
            json::each(&found, "data.items", |hit| one(json::at(hit, "item").unwrap_or(hit)))?
        } else {
            json::each(&found, "data", one)?
        };
        Ok(Page::new(items, json::text_at(&found, "additional_data.next_cursor")))
    }

    pub(crate) async fn get(&self, api: &Api, id: &Id) -> Result<Value, Error> {
        Ok(data(api.call(Method::GET, self.one).part("id", id).fetch().await?))
    }

    pub(crate) async fn create(&self, api: &Api, fields: Value) -> Result<Value, Error> {
        let call = api.call(Method::POST, self.all).json(json::without_nulls(fields));
        Ok(data(call.fetch().await?))
    }

    pub(crate) async fn update(&self, api: &Api, id: &Id, fields: Value) -> Result<Value, Error> {
        let call = api.call(Method::PATCH, self.one).part("id", id);
        Ok(data(call.json(json::without_nulls(fields)).fetch().await?))
    }
}

/// What an answer is about.
pub(crate) fn data(mut answer: Value) -> Value {
    answer.get_mut("data").map(Value::take).unwrap_or_default()
}

/// Pipedrive's ids are numbers in what is sent.
pub(crate) fn number(field: &str, id: Option<&Id>) -> Result<Option<u64>, Error> {
    let Some(id) = id else { return Ok(None) };
    let wrong = || Error::input(field, "Pipedrive's ids are numbers, as a record's `id` says them");
    id.as_str().parse().map(Some).map_err(|_| wrong())
}

/// One address or number as Pipedrive keeps them.
pub(crate) fn only(value: Option<String>) -> Option<Value> {
    value.map(|value| json!([{ "value": value, "primary": true, "label": "work" }]))
}

pub(crate) fn contact(found: &Value) -> Result<Contact, Error> {
    Ok(Contact {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "name"),
        first_name: json::filled(found, "first_name"),
        last_name: json::filled(found, "last_name"),
        email: main(found, "emails"),
        phone: main(found, "phones"),
        job_title: json::filled(found, "job_title"),
        company_id: either(found, "org_id", "organization.id"),
        url: None,
        created_at: json::time_at(found, "add_time"),
        updated_at: json::time_at(found, "update_time"),
        raw: found.clone(),
    })
}

pub(crate) fn company(found: &Value) -> Result<Company, Error> {
    Ok(Company {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "name"),
        domain: None,
        phone: None,
        url: None,
        created_at: json::time_at(found, "add_time"),
        updated_at: json::time_at(found, "update_time"),
        raw: found.clone(),
    })
}

pub(crate) fn deal(found: &Value) -> Result<Deal, Error> {
    let amount = json::text_at(found, "value").zip(json::filled(found, "currency"));
    Ok(Deal {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "title"),
        amount: amount.and_then(|(value, currency)| Money::from_decimal(&value, &currency)),
        status: match json::text_at(found, "status").as_deref() {
            Some("open") => Some(DealStatus::Open),
            Some("won") => Some(DealStatus::Won),
            Some("lost") => Some(DealStatus::Lost),
            _ => None,
        },
        stage: either(found, "stage_id", "stage.id").map(|id| id.to_string()),
        pipeline: json::filled(found, "pipeline_id"),
        close_date: json::date_at(found, "close_time")
            .or_else(|| json::date_at(found, "expected_close_date")),
        contact_id: either(found, "person_id", "person.id"),
        company_id: either(found, "org_id", "organization.id"),
        url: None,
        created_at: json::time_at(found, "add_time"),
        updated_at: json::time_at(found, "update_time"),
        raw: found.clone(),
    })
}

/// Lists tell the id alone, searches a record with the id in it.
fn either(found: &Value, listed: &str, searched: &str) -> Option<Id> {
    json::maybe_id(found, listed).or_else(|| json::maybe_id(found, searched))
}

/// The one that is marked as the main one, else the first; searches tell them as mere texts.
fn main(found: &Value, path: &str) -> Option<String> {
    let all = json::list_at(found, path);
    let marked = all.iter().find(|one| one.get("primary").and_then(Value::as_bool) == Some(true));
    let one = marked.or(all.first())?;
    json::filled(one, "value").or_else(|| json::text_of(one)).filter(|text| !text.is_empty())
}
