//! Contacts. Acme has no companies, deals and notes.

use async_trait::async_trait;
use connector::{
    Api, Error, Method,
    crm::{
        ById, ChangeCompany, ChangeContact, ChangeDeal, Company, Contact, Crm, Deal, NewCompany,
        NewContact, NewDeal, NewNote, Note, SearchCompanies, SearchContacts, SearchDeals,
    },
    json,
    model::{Cursor, Page},
    unsupported,
};
use serde_json::{Value, json};

use crate::Copper;

#[async_trait]
impl Crm for Copper {
    async fn search_contacts(
        &self,
        api: &Api,
        ask: SearchContacts,
    ) -> Result<Page<Contact>, Error> {
        if ask.phone.is_some() {
            return Err(Error::input("phone", "Acme does not search by phone number; use `query`"));
        }
        // Acme searches by words; an e-mail address is one.
        let words: Vec<_> = [ask.query, ask.email.clone()].into_iter().flatten().collect();
        let found = api
            .call(Method::GET, "/v1/contacts")
            .query_if("query", Some(words.join(" ")).filter(|words| !words.is_empty()))
            .query_if("cursor", ask.cursor.as_ref().map(Cursor::as_str))
            .query("limit", ask.limit.get())
            .fetch()
            .await?;
        let mut items = json::each(&found, "items", contact)?;
        if let Some(email) = &ask.email {
            items.retain(|contact| contact.email.as_ref() == Some(email));
        }
        Ok(Page::new(items, json::text_at(&found, "next_cursor")))
    }

    async fn get_contact(&self, api: &Api, ask: ById) -> Result<Contact, Error> {
        contact(&api.call(Method::GET, "/v1/contacts/{id}").part("id", ask.id).fetch().await?)
    }

    async fn create_contact(&self, api: &Api, new: NewContact) -> Result<Contact, Error> {
        if new.company_id.is_some() {
            return Err(Error::input("company_id", "Acme has no companies with ids"));
        }
        let name = name(new.first_name, new.last_name)
            .ok_or_else(|| Error::input("last_name", "Acme wants a name"))?;
        let email =
            new.email.ok_or_else(|| Error::input("email", "Acme wants an e-mail address"))?;
        let body =
            json!({ "name": name, "email": email, "phone": new.phone, "title": new.job_title });
        let call = api.call(Method::POST, "/v1/contacts").json(json::without_nulls(body));
        contact(&call.fetch().await?)
    }

    async fn update_contact(&self, api: &Api, change: ChangeContact) -> Result<Contact, Error> {
        if change.company_id.is_some() {
            return Err(Error::input("company_id", "Acme has no companies with ids"));
        }
        if change.first_name.is_some() != change.last_name.is_some() {
            return Err(Error::input("last_name", "Acme keeps one name: give both, or neither"));
        }
        let body = json!({
            "name": name(change.first_name, change.last_name),
            "email": change.email,
            "phone": change.phone,
            "title": change.job_title,
        });
        let call = api.call(Method::PATCH, "/v1/contacts/{id}").part("id", change.id);
        contact(&call.json(json::without_nulls(body)).fetch().await?)
    }

    async fn search_companies(&self, _: &Api, _: SearchCompanies) -> Result<Page<Company>, Error> {
        Err(unsupported("companies.search"))
    }

    async fn get_company(&self, _: &Api, _: ById) -> Result<Company, Error> {
        Err(unsupported("companies.get"))
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

    async fn create_note(&self, _: &Api, _: NewNote) -> Result<Note, Error> {
        Err(unsupported("notes.create"))
    }
}

fn name(first: Option<String>, last: Option<String>) -> Option<String> {
    let words: Vec<_> = [first, last].into_iter().flatten().collect();
    Some(words.join(" ")).filter(|name| !name.trim().is_empty())
}

fn contact(found: &Value) -> Result<Contact, Error> {
    Ok(Contact {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "name"),
        first_name: None,
        last_name: None,
        email: json::filled(found, "email"),
        phone: json::filled(found, "phone"),
        job_title: json::filled(found, "title"),
        company_id: None,
        url: None,
        created_at: json::time_at(found, "created_at"),
        updated_at: json::time_at(found, "updated_at"),
        raw: found.clone(),
    })
}
