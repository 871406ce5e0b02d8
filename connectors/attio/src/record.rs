//! Attio's records: each attribute is a list of values.

use connector::{
    Api, Error, Method,
    crm::{Company, Contact, Deal},
    json,
    model::{Cursor, Id, Limit, Money, Page},
};
use serde_json::{Value, json};

/// A sort of record.
pub(crate) struct Sort {
    all: &'static str,
    one: &'static str,
    query: &'static str,
}

pub(crate) const PEOPLE: Sort = Sort {
    all: "/objects/people/records",
    one: "/objects/people/records/{id}",
    query: "/objects/people/records/query",
};
pub(crate) const COMPANIES: Sort = Sort {
    all: "/objects/companies/records",
    one: "/objects/companies/records/{id}",
    query: "/objects/companies/records/query",
};
pub(crate) const DEALS: Sort = Sort {
    all: "/objects/deals/records",
    one: "/objects/deals/records/{id}",
    query: "/objects/deals/records/query",
};

impl Sort {
    /// Those that fit all filters. Pages are counted: Attio does not say whether there is another.
    pub(crate) async fn find<T>(
        &self,
        api: &Api,
        filters: Vec<Value>,
        cursor: Option<Cursor>,
        limit: Limit,
        one: impl Fn(&Value) -> Result<T, Error>,
    ) -> Result<Page<T>, Error> {
        let from = Cursor::count(cursor.as_ref(), 0)?;
        let filter = (!filters.is_empty()).then(|| json!({ "$and": filters }));
        let body = json!({ "filter": filter, "limit": limit.get(), "offset": from });
        let call = api.call(Method::POST, self.query).json(json::without_nulls(body)).looks();
        let items = json::each(&call.fetch().await?, "data", one)?;
        let is_full = items.len() >= limit.get() as usize;
        Ok(Page::counted(items, from, u64::from(limit.get()), is_full))
    }

    pub(crate) async fn get(&self, api: &Api, id: &Id) -> Result<Value, Error> {
        Ok(data(api.call(Method::GET, self.one).part("id", id).fetch().await?))
    }

    pub(crate) async fn create(&self, api: &Api, values: Value) -> Result<Value, Error> {
        let body = json!({ "data": { "values": json::without_nulls(values) } });
        Ok(data(api.call(Method::POST, self.all).json(body).fetch().await?))
    }

    /// Of an attribute with several values, what is given comes before what is there.
    pub(crate) async fn update(&self, api: &Api, id: &Id, values: Value) -> Result<Value, Error> {
        let body = json!({ "data": { "values": json::without_nulls(values) } });
        Ok(data(api.call(Method::PATCH, self.one).part("id", id).json(body).fetch().await?))
    }
}

/// What an answer is about.
pub(crate) fn data(mut answer: Value) -> Value {
    answer.get_mut("data").map(Value::take).unwrap_or_default()
}

/// A reference to another record.
pub(crate) fn reference(object: &str, id: Option<Id>) -> Option<Value> {
    id.map(|id| json!([{ "target_object": object, "target_record_id": id }]))
}

pub(crate) fn contact(found: &Value) -> Result<Contact, Error> {
    Ok(Contact {
        id: json::id_at(found, "id.record_id")?,
        name: json::filled(found, "values.name.0.full_name"),
        first_name: json::filled(found, "values.name.0.first_name"),
        last_name: json::filled(found, "values.name.0.last_name"),
        email: json::filled(found, "values.email_addresses.0.email_address"),
        phone: json::filled(found, "values.phone_numbers.0.original_phone_number"),
        job_title: json::filled(found, "values.job_title.0.value"),
        company_id: json::maybe_id(found, "values.company.0.target_record_id"),
        url: json::filled(found, "web_url"),
        created_at: json::time_at(found, "created_at"),
        updated_at: None,
        raw: found.clone(),
    })
}

pub(crate) fn company(found: &Value) -> Result<Company, Error> {
    Ok(Company {
        id: json::id_at(found, "id.record_id")?,
        name: json::filled(found, "values.name.0.value"),
        domain: json::filled(found, "values.domains.0.domain"),
        phone: None,
        url: json::filled(found, "web_url"),
        created_at: json::time_at(found, "created_at"),
        updated_at: None,
        raw: found.clone(),
    })
}

pub(crate) fn deal(found: &Value) -> Result<Deal, Error> {
    let amount = json::text_at(found, "values.value.0.currency_value")
        .zip(json::filled(found, "values.value.0.currency_code"));
    Ok(Deal {
        id: json::id_at(found, "id.record_id")?,
        name: json::filled(found, "values.name.0.value"),
        amount: amount.and_then(|(value, currency)| Money::from_decimal(&value, &currency)),
        // Each workspace names its own stages, and nothing says which of them mean won or lost.
        status: None,
        stage: json::filled(found, "values.stage.0.status.title"),
        pipeline: None,
        close_date: None,
        contact_id: json::maybe_id(found, "values.associated_people.0.target_record_id"),
        company_id: json::maybe_id(found, "values.associated_company.0.target_record_id"),
        url: json::filled(found, "web_url"),
        created_at: json::time_at(found, "created_at"),
        updated_at: None,
        raw: found.clone(),
    })
}
