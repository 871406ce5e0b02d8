//! Contacts, accounts, deals and notes.

use async_trait::async_trait;
use connector::{
    Api, Error,
    crm::{
        About, ById, ChangeCompany, ChangeContact, ChangeDeal, Company, Contact, Crm, Deal,
        NewCompany, NewContact, NewDeal, NewNote, Note, SearchCompanies, SearchContacts,
        SearchDeals,
    },
    json,
    model::{Money, Page},
};
use serde_json::json;

use crate::{
    ZohoCrm,
    record::{ACCOUNTS, At, CONTACTS, DEALS, add, company, contact, deal, reference},
};

/// What a search asks: the input's field, Zoho's parameter, its value.
type Asked = (&'static str, &'static str, String);

#[async_trait]
impl Crm for ZohoCrm {
    async fn search_contacts(
        &self,
        api: &Api,
        ask: SearchContacts,
    ) -> Result<Page<Contact>, Error> {
        let wanted = one_of([
            ask.query.map(|text| ("query", "word", text)),
            ask.email.map(|text| ("email", "email", text)),
            ask.phone.map(|text| ("phone", "phone", text)),
        ])?;
        let at = At { cursor: ask.cursor, limit: ask.limit };
        CONTACTS.find(api, wanted, at, contact).await
    }

    async fn get_contact(&self, api: &Api, ask: ById) -> Result<Contact, Error> {
        contact(&CONTACTS.get(api, &ask.id).await?)
    }

    async fn create_contact(&self, api: &Api, new: NewContact) -> Result<Contact, Error> {
        let last_name =
            new.last_name.ok_or_else(|| Error::input("last_name", "Zoho CRM wants one"))?;
        let fields = json!({
            "First_Name": new.first_name,
            "Last_Name": last_name,
            "Email": new.email,
            "Phone": new.phone,
            "Title": new.job_title,
            "Account_Name": reference("company_id", new.company_id.as_ref())?,
        });
        contact(&CONTACTS.create(api, fields).await?)
    }

    async fn update_contact(&self, api: &Api, change: ChangeContact) -> Result<Contact, Error> {
        let fields = json!({
            "First_Name": change.first_name,
            "Last_Name": change.last_name,
            "Email": change.email,
            "Phone": change.phone,
            "Title": change.job_title,
            "Account_Name": reference("company_id", change.company_id.as_ref())?,
        });
        contact(&CONTACTS.update(api, &change.id, fields).await?)
    }

    async fn search_companies(
        &self,
        api: &Api,
        ask: SearchCompanies,
    ) -> Result<Page<Company>, Error> {
        if ask.domain.is_some() {
            let what = "Zoho CRM keeps web addresses as they are typed in; use `query`";
            return Err(Error::input("domain", what));
        }
        let wanted = one_of([ask.query.map(|text| ("query", "word", text))])?;
        let at = At { cursor: ask.cursor, limit: ask.limit };
        ACCOUNTS.find(api, wanted, at, company).await
    }

    async fn get_company(&self, api: &Api, ask: ById) -> Result<Company, Error> {
        company(&ACCOUNTS.get(api, &ask.id).await?)
    }

    async fn create_company(&self, api: &Api, new: NewCompany) -> Result<Company, Error> {
        let fields = json!({ "Account_Name": new.name, "Website": new.domain, "Phone": new.phone });
        company(&ACCOUNTS.create(api, fields).await?)
    }

    async fn update_company(&self, api: &Api, change: ChangeCompany) -> Result<Company, Error> {
        let fields =
            json!({ "Account_Name": change.name, "Website": change.domain, "Phone": change.phone });
        company(&ACCOUNTS.update(api, &change.id, fields).await?)
    }

    async fn search_deals(&self, api: &Api, ask: SearchDeals) -> Result<Page<Deal>, Error> {
        // The id is a number, so nothing in it can change the criteria.
        reference("company_id", ask.company_id.as_ref())?;
        let of = |id| ("company_id", "criteria", format!("(Account_Name.id:equals:{id})"));
        let wanted =
            one_of([ask.query.map(|text| ("query", "word", text)), ask.company_id.map(of)])?;
        let at = At { cursor: ask.cursor, limit: ask.limit };
        DEALS.find(api, wanted, at, deal).await
    }

    async fn get_deal(&self, api: &Api, ask: ById) -> Result<Deal, Error> {
        deal(&DEALS.get(api, &ask.id).await?)
    }

    async fn create_deal(&self, api: &Api, new: NewDeal) -> Result<Deal, Error> {
        no_amount(new.amount.as_ref())?;
        let stage =
            new.stage.ok_or_else(|| Error::input("stage", "Zoho CRM wants one: its name"))?;
        let fields = json!({
            "Deal_Name": new.name,
            "Stage": stage,
            "Pipeline": new.pipeline,
            "Closing_Date": new.close_date,
            "Account_Name": reference("company_id", new.company_id.as_ref())?,
            "Contact_Name": reference("contact_id", new.contact_id.as_ref())?,
        });
        deal(&DEALS.create(api, fields).await?)
    }

    async fn update_deal(&self, api: &Api, change: ChangeDeal) -> Result<Deal, Error> {
        no_amount(change.amount.as_ref())?;
        let fields = json!({
            "Deal_Name": change.name,
            "Stage": change.stage,
            "Closing_Date": change.close_date,
        });
        deal(&DEALS.update(api, &change.id, fields).await?)
    }

    async fn create_note(&self, api: &Api, new: NewNote) -> Result<Note, Error> {
        let path = match new.about {
            About::Contact => "/Contacts/{id}/Notes",
            About::Company => "/Accounts/{id}/Notes",
            About::Deal => "/Deals/{id}/Notes",
        };
        let found = add(api, path, Some(&new.id), json!({ "Note_Content": new.text })).await?;
        Ok(Note {
            id: json::id_at(&found, "id")?,
            text: json::filled(&found, "Note_Content"),
            created_at: json::time_at(&found, "Created_Time"),
            raw: found,
        })
    }
}

/// Zoho CRM searches by one parameter, and by words of two characters or more.
fn one_of<const N: usize>(
    all: [Option<Asked>; N],
) -> Result<Option<(&'static str, String)>, Error> {
    let mut all = all.into_iter().flatten();
    let (first, more) = (all.next(), all.next());
    if let Some((field, ..)) = more {
        return Err(Error::input(field, "Zoho CRM searches by one field: give one"));
    }
    let Some((field, parameter, text)) = first else { return Ok(None) };
    if parameter == "word" && text.chars().count() < 2 {
        return Err(Error::input(field, "Zoho CRM wants at least 2 characters"));
    }
    Ok(Some((parameter, text)))
}

/// A single currency is not told, and a currency that does not fit is ignored.
fn no_amount(amount: Option<&Money>) -> Result<(), Error> {
    let what = "Zoho CRM does not tell its currency here; leave it out";
    amount.map_or(Ok(()), |_| Err(Error::input("amount", what)))
}
