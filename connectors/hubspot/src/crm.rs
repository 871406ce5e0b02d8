//! Contacts, companies, deals and notes.

use async_trait::async_trait;
use connector::{
    Api, Error, Method,
    crm::{
        About, ById, ChangeCompany, ChangeContact, ChangeDeal, Company, Contact, Crm, Deal,
        NewCompany, NewContact, NewDeal, NewNote, Note, SearchCompanies, SearchContacts,
        SearchDeals,
    },
    json,
    model::{Date, Id, Money, Page},
    text,
};
use serde_json::{Value, json};

use crate::{
    HubSpot,
    record::{COMPANIES, CONTACTS, DEALS, Wanted, company, contact, deal, linked},
};

// In what way two records belong together, as HubSpot numbers it.
const CONTACT_TO_COMPANY: u32 = 1;
const DEAL_TO_CONTACT: u32 = 3;
const DEAL_TO_COMPANY: u32 = 5;
const NOTE_TO_CONTACT: u32 = 202;
const NOTE_TO_COMPANY: u32 = 190;
const NOTE_TO_DEAL: u32 = 214;

#[async_trait]
impl Crm for HubSpot {
    async fn search_contacts(
        &self,
        api: &Api,
        ask: SearchContacts,
    ) -> Result<Page<Contact>, Error> {
        let equal = vec![("email", ask.email), ("phone", ask.phone)];
        let SearchContacts { query, cursor, limit, .. } = ask;
        CONTACTS.find(api, Wanted { query, equal, cursor, limit }, contact).await
    }

    async fn get_contact(&self, api: &Api, ask: ById) -> Result<Contact, Error> {
        contact(&CONTACTS.get(api, &ask.id).await?)
    }

    async fn create_contact(&self, api: &Api, new: NewContact) -> Result<Contact, Error> {
        let properties = json!({
            "firstname": new.first_name,
            "lastname": new.last_name,
            "email": new.email,
            "phone": new.phone,
            "jobtitle": new.job_title,
        });
        let links = vec![(new.company_id, CONTACT_TO_COMPANY)];
        contact(&CONTACTS.create(api, properties, links).await?)
    }

    async fn update_contact(&self, api: &Api, change: ChangeContact) -> Result<Contact, Error> {
        if change.company_id.is_some() {
            let what = "HubSpot links an existing contact and a company by another request than this one; leave it out";
            return Err(Error::input("company_id", what));
        }
        let properties = json!({
            "firstname": change.first_name,
            "lastname": change.last_name,
            "email": change.email,
            "phone": change.phone,
            "jobtitle": change.job_title,
        });
        contact(&CONTACTS.update(api, &change.id, properties).await?)
    }

    async fn search_companies(
        &self,
        api: &Api,
        ask: SearchCompanies,
    ) -> Result<Page<Company>, Error> {
        let equal = vec![("domain", ask.domain)];
        let SearchCompanies { query, cursor, limit, .. } = ask;
        COMPANIES.find(api, Wanted { query, equal, cursor, limit }, company).await
    }

    async fn get_company(&self, api: &Api, ask: ById) -> Result<Company, Error> {
        company(&COMPANIES.get(api, &ask.id).await?)
    }

    async fn create_company(&self, api: &Api, new: NewCompany) -> Result<Company, Error> {
        let properties = json!({ "name": new.name, "domain": new.domain, "phone": new.phone });
        company(&COMPANIES.create(api, properties, Vec::new()).await?)
    }

    async fn update_company(&self, api: &Api, change: ChangeCompany) -> Result<Company, Error> {
        let properties =
            json!({ "name": change.name, "domain": change.domain, "phone": change.phone });
        company(&COMPANIES.update(api, &change.id, properties).await?)
    }

    async fn search_deals(&self, api: &Api, ask: SearchDeals) -> Result<Page<Deal>, Error> {
        let of = ask.company_id.map(|id| id.to_string());
        let equal = vec![("associations.company", of)];
        let SearchDeals { query, cursor, limit, .. } = ask;
        DEALS.find(api, Wanted { query, equal, cursor, limit }, deal).await
    }

    async fn get_deal(&self, api: &Api, ask: ById) -> Result<Deal, Error> {
        deal(&DEALS.get(api, &ask.id).await?)
    }

    async fn create_deal(&self, api: &Api, new: NewDeal) -> Result<Deal, Error> {
        let stage = new.stage.ok_or_else(|| {
            Error::input("stage", "HubSpot wants one: give the id of a stage of the pipeline")
        })?;
        let mut properties = worth(new.amount.as_ref(), new.close_date);
        properties["dealname"] = new.name.into();
        properties["dealstage"] = stage.into();
        properties["pipeline"] = new.pipeline.into();
        let links = vec![(new.contact_id, DEAL_TO_CONTACT), (new.company_id, DEAL_TO_COMPANY)];
        deal(&DEALS.create(api, properties, links).await?)
    }

    async fn update_deal(&self, api: &Api, change: ChangeDeal) -> Result<Deal, Error> {
        let mut properties = worth(change.amount.as_ref(), change.close_date);
        properties["dealname"] = change.name.into();
        properties["dealstage"] = change.stage.into();
        deal(&DEALS.update(api, &change.id, properties).await?)
    }

    async fn create_note(&self, api: &Api, new: NewNote) -> Result<Note, Error> {
        let body = json!({
            // HubSpot shows a note's body as HTML, and wants its time.
            "properties": { "hs_note_body": text::to_html(&new.text), "hs_timestamp": api.now()?.utc() },
            "associations": about(new.about, new.id),
        });
        let found = api.call(Method::POST, "/crm/v3/objects/notes").json(body).fetch().await?;
        Ok(Note {
            id: json::id_at(&found, "id")?,
            text: json::filled(&found, "properties.hs_note_body"),
            created_at: json::time_at(&found, "createdAt"),
            raw: found,
        })
    }
}

fn worth(amount: Option<&Money>, close_date: Option<Date>) -> Value {
    json!({
        "amount": amount.map(Money::to_decimal),
        "deal_currency_code": amount.map(|amount| &amount.currency),
        "closedate": close_date.map(Date::midnight_utc),
    })
}

fn about(what: About, id: Id) -> Value {
    let sort = match what {
        About::Contact => NOTE_TO_CONTACT,
        About::Company => NOTE_TO_COMPANY,
        About::Deal => NOTE_TO_DEAL,
    };
    linked(vec![(Some(id), sort)])
}
