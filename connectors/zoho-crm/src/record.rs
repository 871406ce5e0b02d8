//! Zoho CRM's records, and the requests for them: each module has the same.

use connector::{
    Api, Error, ErrorKind, Method,
    crm::{Company, Contact, Deal},
    json,
    model::{Cursor, Id, Limit, Money, Page},
};
use serde_json::{Value, json};

/// A module, with the fields that are asked for: Zoho tells no others.
pub(crate) struct Module {
    all: &'static str,
    one: &'static str,
    search: &'static str,
    fields: &'static str,
}

pub(crate) const CONTACTS: Module = Module {
    all: "/Contacts",
    one: "/Contacts/{id}",
    search: "/Contacts/search",
    fields: "First_Name,Last_Name,Full_Name,Email,Phone,Title,Account_Name,Created_Time,Modified_Time",
};
pub(crate) const ACCOUNTS: Module = Module {
    all: "/Accounts",
    one: "/Accounts/{id}",
    search: "/Accounts/search",
    fields: "Account_Name,Website,Phone,Created_Time,Modified_Time",
};
pub(crate) const DEALS: Module = Module {
    all: "/Deals",
    one: "/Deals/{id}",
    search: "/Deals/search",
    fields: "Deal_Name,Amount,Currency,Stage,Pipeline,Closing_Date,Account_Name,Contact_Name,Created_Time,Modified_Time",
};

/// Where a page begins, and how long it is.
pub(crate) struct At {
    pub(crate) cursor: Option<Cursor>,
    pub(crate) limit: Limit,
}

impl Module {
    /// Those that fit this parameter of the search, else all.
    pub(crate) async fn find<T>(
        &self,
        api: &Api,
        wanted: Option<(&str, String)>,
        at: At,
        one: impl Fn(&Value) -> Result<T, Error>,
    ) -> Result<Page<T>, Error> {
        let call = match wanted {
            Some((name, value)) => api.call(Method::GET, self.search).query(name, value),
            None => api.call(Method::GET, self.all),
        };
        let call = call.query("fields", self.fields).query("per_page", at.limit.get());
        // Pages are counted; behind the first 2000 records a list has tokens.
        let cursor = at.cursor.as_ref().map(Cursor::as_str);
        let page = cursor.map_or(Some(1), |cursor| cursor.parse::<u64>().ok());
        let call = match page {
            Some(page) => call.query("page", page),
            None => call.query_if("page_token", cursor),
        };
        // Where there is none, the answer is empty (204).
        let found = call.fetch().await?;
        let more = json::at(&found, "info.more_records").and_then(Value::as_bool) == Some(true);
        let next = json::filled(&found, "info.next_page_token")
            .or_else(|| page.map(|page| (page + 1).to_string()));
        Ok(Page::new(json::each(&found, "data", one)?, next.filter(|_| more)))
    }

    pub(crate) async fn get(&self, api: &Api, id: &Id) -> Result<Value, Error> {
        let call = api.call(Method::GET, self.one).part("id", id).query("fields", self.fields);
        let found = call.fetch().await?;
        json::at(&found, "data.0").cloned().ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                "the API knows no such record (it answered with nothing)",
            )
        })
    }

    pub(crate) async fn create(&self, api: &Api, fields: Value) -> Result<Value, Error> {
        add(api, self.all, None, fields).await
    }

    pub(crate) async fn update(&self, api: &Api, id: &Id, fields: Value) -> Result<Value, Error> {
        let fields = json::without_nulls(fields);
        let call = api.call(Method::PUT, self.one).part("id", id);
        let answer = call.json(json!({ "data": [fields] })).fetch().await?;
        Ok(told(fields, &answer))
    }
}

/// Adds a record: below another one, where there is an id.
pub(crate) async fn add(
    api: &Api,
    path: &str,
    below: Option<&Id>,
    fields: Value,
) -> Result<Value, Error> {
    let fields = json::without_nulls(fields);
    let call = api.call(Method::POST, path).json(json!({ "data": [fields] }));
    let call = match below {
        Some(id) => call.part("id", id),
        None => call,
    };
    Ok(told(fields, &call.fetch().await?))
}

/// The record as far as it is known without reading it: what was sent, with the id and times that Zoho answers.
fn told(mut fields: Value, answer: &Value) -> Value {
    let details = json::at(answer, "data.0.details").and_then(Value::as_object);
    for (name, value) in details.into_iter().flatten() {
        fields[name.as_str()] = value.clone();
    }
    fields
}

/// A reference to another record; Zoho's ids are numbers.
pub(crate) fn reference(field: &str, id: Option<&Id>) -> Result<Option<Value>, Error> {
    let Some(id) = id else { return Ok(None) };
    let sound = id.as_str().bytes().all(|byte| byte.is_ascii_digit());
    let what = "Zoho's ids are numbers, as a record's `id` says them";
    if sound { Ok(Some(json!({ "id": id }))) } else { Err(Error::input(field, what)) }
}

pub(crate) fn contact(found: &Value) -> Result<Contact, Error> {
    Ok(Contact {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "Full_Name"),
        first_name: json::filled(found, "First_Name"),
        last_name: json::filled(found, "Last_Name"),
        email: json::filled(found, "Email"),
        phone: json::filled(found, "Phone"),
        job_title: json::filled(found, "Title"),
        company_id: json::maybe_id(found, "Account_Name.id"),
        url: None,
        created_at: json::time_at(found, "Created_Time"),
        updated_at: json::time_at(found, "Modified_Time"),
        raw: found.clone(),
    })
}

pub(crate) fn company(found: &Value) -> Result<Company, Error> {
    Ok(Company {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "Account_Name"),
        domain: json::filled(found, "Website").and_then(|website| domain(&website)),
        phone: json::filled(found, "Phone"),
        url: None,
        created_at: json::time_at(found, "Created_Time"),
        updated_at: json::time_at(found, "Modified_Time"),
        raw: found.clone(),
    })
}

pub(crate) fn deal(found: &Value) -> Result<Deal, Error> {
    // Told only where the organization has several currencies.
    let amount = json::text_at(found, "Amount").zip(json::filled(found, "Currency"));
    Ok(Deal {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "Deal_Name"),
        amount: amount.and_then(|(amount, currency)| Money::from_decimal(&amount, &currency)),
        // Each organization names its own stages, and a deal does not say which of them mean won or lost.
        status: None,
        stage: json::filled(found, "Stage"),
        pipeline: json::filled(found, "Pipeline.name").or_else(|| json::filled(found, "Pipeline")),
        close_date: json::date_at(found, "Closing_Date"),
        contact_id: json::maybe_id(found, "Contact_Name.id"),
        company_id: json::maybe_id(found, "Account_Name.id"),
        url: None,
        created_at: json::time_at(found, "Created_Time"),
        updated_at: json::time_at(found, "Modified_Time"),
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
