//! HubSpot's records, and the requests for them: each sort has the same four.

use connector::{
    Api, Error, Method,
    crm::{Company, Contact, Deal, DealStatus},
    json,
    model::{Cursor, Id, Limit, Money, Page},
};
use serde_json::{Value, json};

/// A sort of record.
pub(crate) struct Sort {
    /// All of them: `/crm/v3/objects/contacts`.
    pub(crate) all: &'static str,
    one: &'static str,
    search: &'static str,
    /// HubSpot tells only what is asked for.
    properties: &'static str,
    /// Told beside a record that is asked for by its id.
    associations: Option<&'static str>,
}

pub(crate) const CONTACTS: Sort = Sort {
    all: "/crm/v3/objects/contacts",
    one: "/crm/v3/objects/contacts/{id}",
    search: "/crm/v3/objects/contacts/search",
    properties: "firstname,lastname,email,phone,jobtitle,associatedcompanyid",
    associations: None,
};

pub(crate) const COMPANIES: Sort = Sort {
    all: "/crm/v3/objects/companies",
    one: "/crm/v3/objects/companies/{id}",
    search: "/crm/v3/objects/companies/search",
    properties: "name,domain,phone",
    associations: None,
};

pub(crate) const DEALS: Sort = Sort {
    all: "/crm/v3/objects/deals",
    one: "/crm/v3/objects/deals/{id}",
    search: "/crm/v3/objects/deals/search",
    properties: "dealname,amount,deal_currency_code,dealstage,pipeline,closedate,hs_is_closed,hs_is_closed_won",
    associations: Some("contacts,companies"),
};

/// What is looked for.
pub(crate) struct Wanted {
    pub(crate) query: Option<String>,
    /// Property and value, all of which are to fit.
    pub(crate) equal: Vec<(&'static str, Option<String>)>,
    pub(crate) cursor: Option<Cursor>,
    pub(crate) limit: Limit,
}

impl Sort {
    /// A page of those that fit, made by `one`.
    pub(crate) async fn find<T>(
        &self,
        api: &Api,
        wanted: Wanted,
        one: impl Fn(&Value) -> Result<T, Error>,
    ) -> Result<Page<T>, Error> {
        let equal = wanted.equal.into_iter().filter_map(|(name, value)| {
            Some(json!({ "propertyName": name, "operator": "EQ", "value": value? }))
        });
        let filters: Vec<_> = equal.collect();
        let body = json!({
            "query": wanted.query,
            "filterGroups": (!filters.is_empty()).then(|| json!([{ "filters": filters }])),
            "properties": self.properties.split(',').collect::<Vec<_>>(),
            "limit": wanted.limit.get(),
            "after": wanted.cursor.as_ref().map(Cursor::as_str),
        });
        let call = api.call(Method::POST, self.search).json(json::without_nulls(body)).looks();
        let found = call.fetch().await?;
        Ok(Page::new(
            json::each(&found, "results", one)?,
            json::text_at(&found, "paging.next.after"),
        ))
    }

    pub(crate) async fn get(&self, api: &Api, id: &Id) -> Result<Value, Error> {
        api.call(Method::GET, self.one)
            .part("id", id)
            .query("properties", self.properties)
            .query_if("associations", self.associations)
            .fetch()
            .await
    }

    /// `links`: the other record's id, and the number of the way in which the two belong together.
    pub(crate) async fn create(
        &self,
        api: &Api,
        properties: Value,
        links: Vec<(Option<Id>, u32)>,
    ) -> Result<Value, Error> {
        let body =
            json!({ "properties": json::without_nulls(properties), "associations": linked(links) });
        api.call(Method::POST, self.all).json(body).fetch().await
    }

    pub(crate) async fn update(
        &self,
        api: &Api,
        id: &Id,
        properties: Value,
    ) -> Result<Value, Error> {
        let body = json!({ "properties": json::without_nulls(properties) });
        api.call(Method::PATCH, self.one).part("id", id).json(body).fetch().await
    }
}

pub(crate) fn linked(links: Vec<(Option<Id>, u32)>) -> Value {
    let links = links.into_iter().filter_map(|(id, sort)| {
        let types =
            [json!({ "associationCategory": "HUBSPOT_DEFINED", "associationTypeId": sort })];
        Some(json!({ "to": { "id": id? }, "types": types }))
    });
    links.collect()
}

pub(crate) fn contact(found: &Value) -> Result<Contact, Error> {
    let (first_name, last_name) =
        (json::filled(found, "properties.firstname"), json::filled(found, "properties.lastname"));
    let name = [first_name.as_deref(), last_name.as_deref()];
    let name = name.into_iter().flatten().collect::<Vec<_>>().join(" ");
    Ok(Contact {
        id: json::id_at(found, "id")?,
        name: Some(name).filter(|name| !name.is_empty()),
        first_name,
        last_name,
        email: json::filled(found, "properties.email"),
        phone: json::filled(found, "properties.phone"),
        job_title: json::filled(found, "properties.jobtitle"),
        company_id: json::maybe_id(found, "properties.associatedcompanyid"),
        url: json::filled(found, "url"),
        created_at: json::time_at(found, "createdAt"),
        updated_at: json::time_at(found, "updatedAt"),
        raw: found.clone(),
    })
}

pub(crate) fn company(found: &Value) -> Result<Company, Error> {
    Ok(Company {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "properties.name"),
        domain: json::filled(found, "properties.domain"),
        phone: json::filled(found, "properties.phone"),
        url: json::filled(found, "url"),
        created_at: json::time_at(found, "createdAt"),
        updated_at: json::time_at(found, "updatedAt"),
        raw: found.clone(),
    })
}

pub(crate) fn deal(found: &Value) -> Result<Deal, Error> {
    let is = |path| json::text_at(found, path);
    let status = match (is("properties.hs_is_closed"), is("properties.hs_is_closed_won")) {
        (_, Some(won)) if won == "true" => Some(DealStatus::Won),
        (Some(closed), _) if closed == "true" => Some(DealStatus::Lost),
        (Some(closed), _) if closed == "false" => Some(DealStatus::Open),
        _ => None,
    };
    // Where an account has one currency, HubSpot does not say which.
    let currency = json::filled(found, "properties.deal_currency_code");
    let amount = json::filled(found, "properties.amount").zip(currency);
    Ok(Deal {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "properties.dealname"),
        amount: amount.and_then(|(amount, currency)| Money::from_decimal(&amount, &currency)),
        status,
        stage: json::filled(found, "properties.dealstage"),
        pipeline: json::filled(found, "properties.pipeline"),
        close_date: json::date_at(found, "properties.closedate"),
        contact_id: json::maybe_id(found, "associations.contacts.results.0.id"),
        company_id: json::maybe_id(found, "associations.companies.results.0.id"),
        url: json::filled(found, "url"),
        created_at: json::time_at(found, "createdAt"),
        updated_at: json::time_at(found, "updatedAt"),
        raw: found.clone(),
    })
}
