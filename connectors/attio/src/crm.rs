//! People, companies, deals and notes.

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
};
use serde_json::{Value, json};

use crate::{
    Attio,
    record::{COMPANIES, DEALS, PEOPLE, company, contact, data, deal, reference},
};

/// The longest title of a note, in characters.
const MOST_TITLE: usize = 80;

#[async_trait]
impl Crm for Attio {
    async fn search_contacts(
        &self,
        api: &Api,
        ask: SearchContacts,
    ) -> Result<Page<Contact>, Error> {
        let filters = [
            ask.query.map(|query| json!({ "name": { "full_name": { "$contains": query } } })),
            ask.email
                .map(|email| json!({ "email_addresses": { "email_address": { "$eq": email } } })),
            ask.phone.map(|phone| json!({ "phone_numbers": phone })),
        ];
        let filters = filters.into_iter().flatten().collect();
        PEOPLE.find(api, filters, ask.cursor, ask.limit, contact).await
    }

    async fn get_contact(&self, api: &Api, ask: ById) -> Result<Contact, Error> {
        contact(&PEOPLE.get(api, &ask.id).await?)
    }

    async fn create_contact(&self, api: &Api, new: NewContact) -> Result<Contact, Error> {
        let values = json!({
            "name": name(new.first_name, new.last_name),
            "email_addresses": new.email.map(|email| [email]),
            "phone_numbers": new.phone.as_deref().map(phone),
            "job_title": new.job_title,
            "company": reference("companies", new.company_id),
        });
        contact(&PEOPLE.create(api, values).await?)
    }

    async fn update_contact(&self, api: &Api, change: ChangeContact) -> Result<Contact, Error> {
        if change.first_name.is_some() != change.last_name.is_some() {
            let what = "Attio takes a name as a whole: give both, or neither";
            return Err(Error::input("last_name", what));
        }
        let values = json!({
            "name": name(change.first_name, change.last_name),
            "email_addresses": change.email.map(|email| [email]),
            "phone_numbers": change.phone.as_deref().map(phone),
            "job_title": change.job_title,
            "company": reference("companies", change.company_id),
        });
        contact(&PEOPLE.update(api, &change.id, values).await?)
    }

    async fn search_companies(
        &self,
        api: &Api,
        ask: SearchCompanies,
    ) -> Result<Page<Company>, Error> {
        let filters = [
            ask.query.map(|query| json!({ "name": { "value": { "$contains": query } } })),
            ask.domain.map(|domain| json!({ "domains": { "domain": { "$eq": domain } } })),
        ];
        let filters = filters.into_iter().flatten().collect();
        COMPANIES.find(api, filters, ask.cursor, ask.limit, company).await
    }

    async fn get_company(&self, api: &Api, ask: ById) -> Result<Company, Error> {
        company(&COMPANIES.get(api, &ask.id).await?)
    }

    async fn create_company(&self, api: &Api, new: NewCompany) -> Result<Company, Error> {
        no_phone(new.phone.as_ref())?;
        let values = json!({ "name": new.name, "domains": new.domain.map(|domain| [domain]) });
        company(&COMPANIES.create(api, values).await?)
    }

    async fn update_company(&self, api: &Api, change: ChangeCompany) -> Result<Company, Error> {
        no_phone(change.phone.as_ref())?;
        let values =
            json!({ "name": change.name, "domains": change.domain.map(|domain| [domain]) });
        company(&COMPANIES.update(api, &change.id, values).await?)
    }

    async fn search_deals(&self, api: &Api, ask: SearchDeals) -> Result<Page<Deal>, Error> {
        let of = |id| json!({ "associated_company": { "target_record_id": { "$eq": id } } });
        let filters = [
            ask.query.map(|query| json!({ "name": { "value": { "$contains": query } } })),
            ask.company_id.map(of),
        ];
        let filters = filters.into_iter().flatten().collect();
        DEALS.find(api, filters, ask.cursor, ask.limit, deal).await
    }

    async fn get_deal(&self, api: &Api, ask: ById) -> Result<Deal, Error> {
        deal(&DEALS.get(api, &ask.id).await?)
    }

    async fn create_deal(&self, api: &Api, new: NewDeal) -> Result<Deal, Error> {
        no_close_date(new.close_date)?;
        if new.pipeline.is_some() {
            return Err(Error::input("pipeline", "Attio's deals have stages only; leave it out"));
        }
        let stage =
            new.stage.ok_or_else(|| Error::input("stage", "Attio wants one: give its title"))?;
        let value = worth(api, new.amount.as_ref()).await?;
        let values = json!({
            "name": new.name,
            "stage": stage,
            "owner": [whoever_linked(api).await?],
            "value": value,
            "associated_people": reference("people", new.contact_id),
            "associated_company": reference("companies", new.company_id),
        });
        deal(&DEALS.create(api, values).await?)
    }

    async fn update_deal(&self, api: &Api, change: ChangeDeal) -> Result<Deal, Error> {
        no_close_date(change.close_date)?;
        let value = worth(api, change.amount.as_ref()).await?;
        let values = json!({ "name": change.name, "stage": change.stage, "value": value });
        deal(&DEALS.update(api, &change.id, values).await?)
    }

    async fn create_note(&self, api: &Api, new: NewNote) -> Result<Note, Error> {
        let object = match new.about {
            About::Contact => "people",
            About::Company => "companies",
            About::Deal => "deals",
        };
        // A note has a title: here it is how the text begins.
        let title = new.text.trim().lines().next().unwrap_or_default();
        let title: String = title.chars().take(MOST_TITLE).collect();
        let note = json!({
            "parent_object": object,
            "parent_record_id": new.id,
            "title": title,
            "format": "plaintext",
            "content": new.text,
        });
        let call = api.call(Method::POST, "/notes").json(json!({ "data": note }));
        let found = data(call.fetch().await?);
        Ok(Note {
            id: json::id_at(&found, "id.note_id")?,
            text: json::filled(&found, "content_plaintext"),
            created_at: json::time_at(&found, "created_at"),
            raw: found,
        })
    }
}

/// All three or none: Attio takes no part alone.
fn name(first: Option<String>, last: Option<String>) -> Option<Value> {
    let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
    let full = format!("{first} {last}").trim().to_owned();
    let name = json!([{ "first_name": first, "last_name": last, "full_name": full }]);
    (!full.is_empty()).then_some(name)
}

fn phone(number: &str) -> Value {
    json!([{ "original_phone_number": number }])
}

fn no_phone(phone: Option<&String>) -> Result<(), Error> {
    let what = "Attio's companies have none; leave it out";
    phone.map_or(Ok(()), |_| Err(Error::input("phone", what)))
}

fn no_close_date(date: Option<Date>) -> Result<(), Error> {
    let what = "Attio's deals have none; leave it out";
    date.map_or(Ok(()), |_| Err(Error::input("close_date", what)))
}

/// The number, where the currency is that of all deals: Attio keeps one for the attribute, not for each
/// deal.
async fn worth(api: &Api, amount: Option<&Money>) -> Result<Option<f64>, Error> {
    let Some(amount) = amount else { return Ok(None) };
    let found = data(api.get("/objects/deals/attributes/value").await?);
    let path = "config.currency.default_currency_code";
    let currency = json::filled(&found, path);
    if currency.as_ref() != Some(&amount.currency) {
        let currency = currency.as_deref().unwrap_or("another currency");
        let what = format!("the deals of this workspace are in {currency}");
        return Err(Error::input("amount", &what));
    }
    amount.to_decimal().parse().map(Some).map_err(|_| Error::input("amount", "this is no amount"))
}

/// Deals have an owner: whoever linked the account.
async fn whoever_linked(api: &Api) -> Result<Value, Error> {
    let id = json::id_at(&api.get("/self").await?, "authorized_by_workspace_member_id")?;
    Ok(json!({ "referenced_actor_type": "workspace-member", "referenced_actor_id": id }))
}
