//! People, companies, opportunities and notes.

use async_trait::async_trait;
use connector::{
    Api, Error, Method,
    crm::{
        About, ById, ChangeCompany, ChangeContact, ChangeDeal, Company, Contact, Crm, Deal,
        NewCompany, NewContact, NewDeal, NewNote, Note, SearchCompanies, SearchContacts,
        SearchDeals,
    },
    json,
    model::Page,
    unsupported,
};
use serde_json::json;

use crate::{
    Copper,
    record::{COMPANIES, PEOPLE, company, contact, number},
};

#[async_trait]
impl Crm for Copper {
    async fn search_contacts(
        &self,
        api: &Api,
        ask: SearchContacts,
    ) -> Result<Page<Contact>, Error> {
        let fields = json!({
            "name": ask.query,
            "emails": ask.email.map(|email| [email]),
            "phone_number": ask.phone,
        });
        PEOPLE.find(api, fields, ask.cursor, ask.limit, contact).await
    }

    async fn get_contact(&self, api: &Api, ask: ById) -> Result<Contact, Error> {
        contact(&PEOPLE.get(api, &ask.id).await?)
    }

    async fn create_contact(&self, _: &Api, _: NewContact) -> Result<Contact, Error> {
        Err(unsupported("contacts.create"))
    }

    async fn update_contact(&self, _: &Api, _: ChangeContact) -> Result<Contact, Error> {
        Err(unsupported("contacts.update"))
    }

    async fn search_companies(&self, _: &Api, _: SearchCompanies) -> Result<Page<Company>, Error> {
        Err(unsupported("companies.search"))
    }

    async fn get_company(&self, api: &Api, ask: ById) -> Result<Company, Error> {
        company(&COMPANIES.get(api, &ask.id).await?)
    }

    async fn create_company(&self, _: &Api, _: NewCompany) -> Result<Company, Error> {
        Err(unsupported("companies.create"))
    }

    async fn update_company(&self, _: &Api, _: ChangeCompany) -> Result<Company, Error> {
        Err(unsupported("companies.update"))
    }

    async fn search_deals(&self, _: &Api, _: SearchDeals) -> Result<Page<Deal>, Error> {
        Err(unsupported("deals.search"))
    }

    async fn get_deal(&self, _: &Api, _: ById) -> Result<Deal, Error> {
        Err(unsupported("deals.get"))
    }

    async fn create_deal(&self, _: &Api, _: NewDeal) -> Result<Deal, Error> {
        Err(unsupported("deals.create"))
    }

    async fn update_deal(&self, _: &Api, _: ChangeDeal) -> Result<Deal, Error> {
        Err(unsupported("deals.update"))
    }

    async fn create_note(&self, api: &Api, new: NewNote) -> Result<Note, Error> {
        let about = match new.about {
            About::Contact => "person",
            About::Company => "company",
            About::Deal => "opportunity",
        };
        // A note is an activity of the kind 0, which is the same in every account.
        let fields = json!({
            "parent": { "type": about, "id": number("id", &new.id)? },
            "type": { "category": "user", "id": 0 },
            "details": new.text,
        });
        let found = api.call(Method::POST, "/v1/activities").json(fields).fetch().await?;
        Ok(Note {
            id: json::id_at(&found, "id")?,
            text: json::filled(&found, "details"),
            created_at: json::secs_at(&found, "date_created"),
            raw: found,
        })
    }
}
