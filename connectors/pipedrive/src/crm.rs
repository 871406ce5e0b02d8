//! Persons, organizations, deals and notes: version 2 of the API, notes version 1.

use async_trait::async_trait;
use connector::{
    Api, Error, Method,
    crm::{
        About, ById, ChangeCompany, ChangeContact, ChangeDeal, Company, Contact, Crm, Deal,
        NewCompany, NewContact, NewDeal, NewNote, Note, SearchCompanies, SearchContacts,
        SearchDeals,
    },
    json,
    model::{Date, Money, Page},
    text,
};
use serde_json::{Value, json};

use crate::{
    Pipedrive,
    record::{
        At, DEALS, ORGANIZATIONS, PERSONS, Words, company, contact, data, deal, number, only,
    },
};

#[async_trait]
impl Crm for Pipedrive {
    async fn search_contacts(
        &self,
        api: &Api,
        ask: SearchContacts,
    ) -> Result<Page<Contact>, Error> {
        let words = |field, text: Option<String>, exactly_in| {
            text.map(|text| Words { field, text, exactly_in })
        };
        let given = [
            words("query", ask.query, None),
            words("email", ask.email, Some("email")),
            words("phone", ask.phone, Some("phone")),
        ];
        let mut given = given.into_iter().flatten();
        let (words, more) = (given.next(), given.next());
        if let Some(more) = more {
            let what = "Pipedrive searches by one of `query`, `email` and `phone`: give one";
            return Err(Error::input(more.field, what));
        }
        let at = At { cursor: ask.cursor, limit: ask.limit };
        PERSONS.find(api, words, None, at, contact).await
    }

    async fn get_contact(&self, api: &Api, ask: ById) -> Result<Contact, Error> {
        contact(&PERSONS.get(api, &ask.id).await?)
    }

    async fn create_contact(&self, api: &Api, new: NewContact) -> Result<Contact, Error> {
        let name = name(new.first_name, new.last_name)
            .ok_or_else(|| Error::input("last_name", "Pipedrive wants a name"))?;
        let fields = json!({
            "name": name,
            "emails": only(new.email),
            "phones": only(new.phone),
            "job_title": new.job_title,
            "org_id": number("company_id", new.company_id.as_ref())?,
        });
        contact(&PERSONS.create(api, fields).await?)
    }

    async fn update_contact(&self, api: &Api, change: ChangeContact) -> Result<Contact, Error> {
        if change.first_name.is_some() != change.last_name.is_some() {
            let what = "Pipedrive takes one name: give both, or neither";
            return Err(Error::input("last_name", what));
        }
        let fields = json!({
            "name": name(change.first_name, change.last_name),
            "emails": only(change.email),
            "phones": only(change.phone),
            "job_title": change.job_title,
            "org_id": number("company_id", change.company_id.as_ref())?,
        });
        contact(&PERSONS.update(api, &change.id, fields).await?)
    }

    async fn search_companies(
        &self,
        api: &Api,
        ask: SearchCompanies,
    ) -> Result<Page<Company>, Error> {
        no_such_field(ask.domain.as_ref(), "domain")?;
        let words = ask.query.map(|text| Words { field: "query", text, exactly_in: None });
        let at = At { cursor: ask.cursor, limit: ask.limit };
        ORGANIZATIONS.find(api, words, None, at, company).await
    }

    async fn get_company(&self, api: &Api, ask: ById) -> Result<Company, Error> {
        company(&ORGANIZATIONS.get(api, &ask.id).await?)
    }

    async fn create_company(&self, api: &Api, new: NewCompany) -> Result<Company, Error> {
        no_such_field(new.domain.as_ref(), "domain")?;
        no_such_field(new.phone.as_ref(), "phone")?;
        company(&ORGANIZATIONS.create(api, json!({ "name": new.name })).await?)
    }

    async fn update_company(&self, api: &Api, change: ChangeCompany) -> Result<Company, Error> {
        no_such_field(change.domain.as_ref(), "domain")?;
        no_such_field(change.phone.as_ref(), "phone")?;
        company(&ORGANIZATIONS.update(api, &change.id, json!({ "name": change.name })).await?)
    }

    async fn search_deals(&self, api: &Api, ask: SearchDeals) -> Result<Page<Deal>, Error> {
        number("company_id", ask.company_id.as_ref())?;
        let words = ask.query.map(|text| Words { field: "query", text, exactly_in: None });
        let at = At { cursor: ask.cursor, limit: ask.limit };
        DEALS.find(api, words, ask.company_id, at, deal).await
    }

    async fn get_deal(&self, api: &Api, ask: ById) -> Result<Deal, Error> {
        deal(&DEALS.get(api, &ask.id).await?)
    }

    async fn create_deal(&self, api: &Api, new: NewDeal) -> Result<Deal, Error> {
        let mut fields = worth(new.amount.as_ref(), new.close_date)?;
        fields["title"] = new.name.into();
        fields["stage_id"] = place("stage", new.stage)?.into();
        fields["pipeline_id"] = place("pipeline", new.pipeline)?.into();
        fields["person_id"] = number("contact_id", new.contact_id.as_ref())?.into();
        fields["org_id"] = number("company_id", new.company_id.as_ref())?.into();
        deal(&DEALS.create(api, fields).await?)
    }

    async fn update_deal(&self, api: &Api, change: ChangeDeal) -> Result<Deal, Error> {
        let mut fields = worth(change.amount.as_ref(), change.close_date)?;
        fields["title"] = change.name.into();
        fields["stage_id"] = place("stage", change.stage)?.into();
        deal(&DEALS.update(api, &change.id, fields).await?)
    }

    async fn create_note(&self, api: &Api, new: NewNote) -> Result<Note, Error> {
        let about = match new.about {
            About::Contact => "person_id",
            About::Company => "org_id",
            About::Deal => "deal_id",
        };
        // A note's content is HTML.
        let fields =
            json!({ "content": text::to_html(&new.text), about: number("id", Some(&new.id))? });
        let found = data(api.call(Method::POST, "/v1/notes").json(fields).fetch().await?);
        Ok(Note {
            id: json::id_at(&found, "id")?,
            text: json::filled(&found, "content"),
            created_at: json::time_at(&found, "add_time"),
            raw: found,
        })
    }
}

fn name(first: Option<String>, last: Option<String>) -> Option<String> {
    let words: Vec<_> = [first, last].into_iter().flatten().collect();
    Some(words.join(" ")).filter(|name| !name.trim().is_empty())
}

fn no_such_field(value: Option<&String>, field: &str) -> Result<(), Error> {
    let what = "Pipedrive's organizations have none; leave it out";
    value.map_or(Ok(()), |_| Err(Error::input(field, what)))
}

/// The number of a stage or pipeline.
fn place(field: &str, text: Option<String>) -> Result<Option<u64>, Error> {
    let wrong = || Error::input(field, "give its number, as a deal tells it");
    text.map(|text| text.parse().map_err(|_| wrong())).transpose()
}

fn worth(amount: Option<&Money>, close_date: Option<Date>) -> Result<Value, Error> {
    let value = amount.map(|amount| amount.to_decimal().parse::<f64>()).transpose();
    let value = value.map_err(|_| Error::input("amount", "this is no amount"))?;
    Ok(json!({
        "value": value,
        "currency": amount.map(|amount| &amount.currency),
        "expected_close_date": close_date,
    }))
}
