//! Contacts, leads, opportunities and notes.

use async_trait::async_trait;
use connector::{
    Api, Error, Method,
    crm::{
        About, ById, ChangeCompany, ChangeContact, ChangeDeal, Company, Contact, Crm, Deal,
        NewCompany, NewContact, NewDeal, NewNote, Note, SearchCompanies, SearchContacts,
        SearchDeals,
    },
    json,
    model::{Cursor, Id, Money, Page},
};
use serde_json::{Value, json};

use crate::{
    Close, organization,
    record::{
        company, contact, contact_with, deal, find_contacts, find_leads, has_text, hundredths,
    },
};

#[async_trait]
impl Crm for Close {
    async fn search_contacts(
        &self,
        api: &Api,
        ask: SearchContacts,
    ) -> Result<Page<Contact>, Error> {
        let words = |text: String| has_text("contact", "name", "full_words", &text);
        let email = |text: String| {
            let exact = has_text("contact_email", "email", "exact_value", &text.to_lowercase());
            contact_with("contact_email", &exact)
        };
        let phone = |text: String| {
            let exact = has_text("contact_phone", "phone", "exact_value", &text);
            contact_with("contact_phone", &exact)
        };
        let queries = [ask.query.map(words), ask.email.map(email), ask.phone.map(phone)];
        let queries = queries.into_iter().flatten().collect();
        find_contacts(api, queries, ask.cursor, ask.limit).await
    }

    async fn get_contact(&self, api: &Api, ask: ById) -> Result<Contact, Error> {
        contact(&get(api, "/contact/{id}/", &ask.id).await?)
    }

    async fn create_contact(&self, api: &Api, new: NewContact) -> Result<Contact, Error> {
        let lead = new.company_id.ok_or_else(|| {
            let what = "in Close a contact belongs to a company: give its id, or add it first";
            Error::input("company_id", what)
        })?;
        let mut fields =
            person(new.first_name, new.last_name, new.email.as_ref(), new.phone.as_ref());
        fields["lead_id"] = lead.as_str().into();
        fields["title"] = new.job_title.into();
        contact(&send(api, Method::POST, "/contact/", None, fields).await?)
    }

    async fn update_contact(&self, api: &Api, change: ChangeContact) -> Result<Contact, Error> {
        if change.first_name.is_some() != change.last_name.is_some() {
            let what = "Close keeps one name: give both, or neither";
            return Err(Error::input("last_name", what));
        }
        if change.company_id.is_some() {
            let what = "a contact stays with its company in Close; leave this out";
            return Err(Error::input("company_id", what));
        }
        let (first, last) = (change.first_name, change.last_name);
        let mut fields = person(first, last, change.email.as_ref(), change.phone.as_ref());
        fields["title"] = change.job_title.into();
        contact(&send(api, Method::PUT, "/contact/{id}/", Some(&change.id), fields).await?)
    }

    async fn search_companies(
        &self,
        api: &Api,
        ask: SearchCompanies,
    ) -> Result<Page<Company>, Error> {
        if ask.domain.is_some() {
            return Err(Error::input("domain", "Close is searched by name here; use `query`"));
        }
        let words = ask.query.map(|text| has_text("lead", "name", "full_words", &text));
        find_leads(api, words.into_iter().collect(), ask.cursor, ask.limit).await
    }

    async fn get_company(&self, api: &Api, ask: ById) -> Result<Company, Error> {
        company(&get(api, "/lead/{id}/", &ask.id).await?)
    }

    async fn create_company(&self, api: &Api, new: NewCompany) -> Result<Company, Error> {
        no_phone(new.phone.as_ref())?;
        let fields = json!({ "name": new.name, "url": new.domain.map(web) });
        company(&send(api, Method::POST, "/lead/", None, fields).await?)
    }

    async fn update_company(&self, api: &Api, change: ChangeCompany) -> Result<Company, Error> {
        no_phone(change.phone.as_ref())?;
        let fields = json!({ "name": change.name, "url": change.domain.map(web) });
        company(&send(api, Method::PUT, "/lead/{id}/", Some(&change.id), fields).await?)
    }

    async fn search_deals(&self, api: &Api, ask: SearchDeals) -> Result<Page<Deal>, Error> {
        if ask.query.is_some() {
            let what = "Close's opportunities have no names to search; use `company_id`";
            return Err(Error::input("query", what));
        }
        let from = Cursor::count(ask.cursor.as_ref(), 0)?;
        let found = api
            .call(Method::GET, "/opportunity/")
            .query_if("lead_id", ask.company_id)
            .query("_limit", ask.limit.get())
            .query("_skip", from)
            .fetch()
            .await?;
        let is_more = found.get("has_more").and_then(Value::as_bool) == Some(true);
        let items = json::each(&found, "data", deal)?;
        Ok(Page::counted(items, from, u64::from(ask.limit.get()), is_more))
    }

    async fn get_deal(&self, api: &Api, ask: ById) -> Result<Deal, Error> {
        deal(&get(api, "/opportunity/{id}/", &ask.id).await?)
    }

    async fn create_deal(&self, api: &Api, new: NewDeal) -> Result<Deal, Error> {
        if new.pipeline.is_some() {
            let what = "in Close the stage says the pipeline; give `stage` alone";
            return Err(Error::input("pipeline", what));
        }
        let lead = new.company_id.ok_or_else(|| {
            Error::input("company_id", "in Close an opportunity belongs to a company: give its id")
        })?;
        let value = worth(api, new.amount.as_ref()).await?;
        let fields = json!({
            "lead_id": lead,
            "contact_id": new.contact_id,
            "note": new.name,
            "status_id": new.stage,
            "date_won": new.close_date,
            "value": value,
            "value_period": value.map(|_| "one_time"),
        });
        deal(&send(api, Method::POST, "/opportunity/", None, fields).await?)
    }

    async fn update_deal(&self, api: &Api, change: ChangeDeal) -> Result<Deal, Error> {
        let value = worth(api, change.amount.as_ref()).await?;
        let fields = json!({
            "note": change.name,
            "status_id": change.stage,
            "date_won": change.close_date,
            "value": value,
        });
        deal(&send(api, Method::PUT, "/opportunity/{id}/", Some(&change.id), fields).await?)
    }

    // A note is on a lead, and may name one of its contacts.
    async fn create_note(&self, api: &Api, new: NewNote) -> Result<Note, Error> {
        let mut fields = json!({ "note": new.text });
        match new.about {
            About::Company => fields["lead_id"] = new.id.as_str().into(),
            About::Contact => {
                let lead = json::id_at(&get(api, "/contact/{id}/", &new.id).await?, "lead_id")?;
                fields["lead_id"] = lead.as_str().into();
                fields["contact_id"] = new.id.as_str().into();
            }
            About::Deal => {
                let what = "Close keeps notes on companies and contacts; use the deal's company";
                return Err(Error::input("about", what));
            }
        }
        let found = send(api, Method::POST, "/activity/note/", None, fields).await?;
        Ok(Note {
            id: json::id_at(&found, "id")?,
            text: json::filled(&found, "note"),
            created_at: json::time_at(&found, "date_created"),
            raw: found,
        })
    }
}

async fn get(api: &Api, path: &str, id: &Id) -> Result<Value, Error> {
    api.call(Method::GET, path).part("id", id).fetch().await
}

async fn send(
    api: &Api,
    method: Method,
    path: &str,
    id: Option<&Id>,
    fields: Value,
) -> Result<Value, Error> {
    let call = api.call(method, path).json(json::without_nulls(fields));
    let call = match id {
        Some(id) => call.part("id", id),
        None => call,
    };
    call.fetch().await
}

fn person(
    first: Option<String>,
    last: Option<String>,
    email: Option<&String>,
    phone: Option<&String>,
) -> Value {
    let name = [first, last].into_iter().flatten().collect::<Vec<_>>().join(" ");
    json!({
        "name": Some(name).filter(|name| !name.trim().is_empty()),
        "emails": email.map(|email| json!([{ "email": email, "type": "office" }])),
        "phones": phone.map(|phone| json!([{ "phone": phone, "type": "office" }])),
    })
}

fn web(domain: String) -> String {
    if domain.contains("://") { domain } else { format!("https://{domain}") }
}

fn no_phone(phone: Option<&String>) -> Result<(), Error> {
    let what = "in Close phone numbers belong to contacts; leave this out";
    phone.map_or(Ok(()), |_| Err(Error::input("phone", what)))
}

/// An amount in hundredths, where its currency is the organization's: Close has no other.
async fn worth(api: &Api, amount: Option<&Money>) -> Result<Option<i64>, Error> {
    let Some(amount) = amount else { return Ok(None) };
    let wrong = |what: &str| Error::input("amount", what);
    let value =
        hundredths(amount).ok_or_else(|| wrong("Close takes two digits after the point"))?;
    let call = api.call(Method::GET, "/organization/{id}/").part("id", organization(api)?);
    let currency = json::filled(&call.fetch().await?, "currency");
    if currency.as_ref() != Some(&amount.currency) {
        let currency = currency.as_deref().unwrap_or("another currency");
        return Err(wrong(&format!("this organization sells in {currency}")));
    }
    Ok(Some(value))
}
