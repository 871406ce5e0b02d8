//! Contacts, accounts, opportunities and notes.

use async_trait::async_trait;
use connector::{
    Api, Error,
    crm::{
        ById, ChangeCompany, ChangeContact, ChangeDeal, Company, Contact, Crm, Deal, NewCompany,
        NewContact, NewDeal, NewNote, Note, SearchCompanies, SearchContacts, SearchDeals,
    },
    json,
    model::{Money, Page},
};
use serde_json::{Value, json};

use crate::{
    Salesforce,
    record::{company, contact, create, deal, find, get, part, quoted, update},
};

/// The longest title of a note, in characters.
const MOST_TITLE: usize = 80;

#[async_trait]
impl Crm for Salesforce {
    async fn search_contacts(
        &self,
        api: &Api,
        ask: SearchContacts,
    ) -> Result<Page<Contact>, Error> {
        let words = |text: String| {
            let text = part(&text);
            format!("(Name LIKE {text} OR Email LIKE {text})")
        };
        let phone = |text: String| {
            let text = quoted(&text);
            format!("(Phone = {text} OR MobilePhone = {text})")
        };
        let email = |text: String| format!("Email = {}", quoted(&text));
        let all = [ask.query.map(words), ask.email.map(email), ask.phone.map(phone)];
        let all = all.into_iter().flatten().collect();
        find(api, "Contact", all, ask.cursor, ask.limit, contact).await
    }

    async fn get_contact(&self, api: &Api, ask: ById) -> Result<Contact, Error> {
        contact(&get(api, "Contact", &ask.id).await?)
    }

    async fn create_contact(&self, api: &Api, new: NewContact) -> Result<Contact, Error> {
        let last_name =
            new.last_name.ok_or_else(|| Error::input("last_name", "Salesforce wants one"))?;
        let fields = json!({
            "FirstName": new.first_name,
            "LastName": last_name,
            "Email": new.email,
            "Phone": new.phone,
            "Title": new.job_title,
            "AccountId": new.company_id,
        });
        contact(&create(api, "Contact", fields).await?)
    }

    async fn update_contact(&self, api: &Api, change: ChangeContact) -> Result<Contact, Error> {
        let fields = json!({
            "FirstName": change.first_name,
            "LastName": change.last_name,
            "Email": change.email,
            "Phone": change.phone,
            "Title": change.job_title,
            "AccountId": change.company_id,
        });
        contact(&update(api, "Contact", &change.id, fields).await?)
    }

    async fn search_companies(
        &self,
        api: &Api,
        ask: SearchCompanies,
    ) -> Result<Page<Company>, Error> {
        // People type web addresses in many ways: what has the domain in it is found, what is not it
        // left out.
        let all = [
            ask.query.map(|text| format!("Name LIKE {}", part(&text))),
            ask.domain.as_ref().map(|domain| format!("Website LIKE {}", part(domain))),
        ];
        let all = all.into_iter().flatten().collect();
        let mut page = find(api, "Account", all, ask.cursor, ask.limit, company).await?;
        if let Some(domain) = ask.domain {
            let domain = domain.to_ascii_lowercase();
            page.items.retain(|company| company.domain.as_ref() == Some(&domain));
        }
        Ok(page)
    }

    async fn get_company(&self, api: &Api, ask: ById) -> Result<Company, Error> {
        company(&get(api, "Account", &ask.id).await?)
    }

    async fn create_company(&self, api: &Api, new: NewCompany) -> Result<Company, Error> {
        let fields = json!({ "Name": new.name, "Website": new.domain, "Phone": new.phone });
        company(&create(api, "Account", fields).await?)
    }

    async fn update_company(&self, api: &Api, change: ChangeCompany) -> Result<Company, Error> {
        let fields =
            json!({ "Name": change.name, "Website": change.domain, "Phone": change.phone });
        company(&update(api, "Account", &change.id, fields).await?)
    }

    async fn search_deals(&self, api: &Api, ask: SearchDeals) -> Result<Page<Deal>, Error> {
        let all = [
            ask.query.map(|text| format!("Name LIKE {}", part(&text))),
            ask.company_id.map(|id| format!("AccountId = {}", quoted(id.as_str()))),
        ];
        let all = all.into_iter().flatten().collect();
        find(api, "Opportunity", all, ask.cursor, ask.limit, deal).await
    }

    async fn get_deal(&self, api: &Api, ask: ById) -> Result<Deal, Error> {
        deal(&get(api, "Opportunity", &ask.id).await?)
    }

    async fn create_deal(&self, api: &Api, new: NewDeal) -> Result<Deal, Error> {
        if new.pipeline.is_some() {
            let what = "Salesforce's opportunities have stages only; leave it out";
            return Err(Error::input("pipeline", what));
        }
        let stage =
            new.stage.ok_or_else(|| Error::input("stage", "Salesforce wants one: its name"))?;
        let close_date =
            new.close_date.ok_or_else(|| Error::input("close_date", "Salesforce wants one"))?;
        let mut fields = worth(new.amount.as_ref())?;
        fields["Name"] = new.name.into();
        fields["StageName"] = stage.into();
        fields["CloseDate"] = close_date.to_string().into();
        fields["AccountId"] = json!(new.company_id);
        fields["ContactId"] = json!(new.contact_id);
        deal(&create(api, "Opportunity", fields).await?)
    }

    async fn update_deal(&self, api: &Api, change: ChangeDeal) -> Result<Deal, Error> {
        let mut fields = worth(change.amount.as_ref())?;
        fields["Name"] = change.name.into();
        fields["StageName"] = change.stage.into();
        fields["CloseDate"] = json!(change.close_date);
        deal(&update(api, "Opportunity", &change.id, fields).await?)
    }

    // The id says what it is about.
    async fn create_note(&self, api: &Api, new: NewNote) -> Result<Note, Error> {
        let title = new.text.trim().lines().next().unwrap_or_default();
        let title: String = title.chars().take(MOST_TITLE).collect();
        let fields = json!({ "ParentId": new.id, "Title": title, "Body": new.text });
        let found = create(api, "Note", fields).await?;
        Ok(Note {
            id: json::id_at(&found, "Id")?,
            text: json::filled(&found, "Body"),
            created_at: json::time_at(&found, "CreatedDate"),
            raw: found,
        })
    }
}

/// With its currency, so that an organization with another one refuses it.
fn worth(amount: Option<&Money>) -> Result<Value, Error> {
    let value = amount.map(|amount| amount.to_decimal().parse::<f64>()).transpose();
    let value = value.map_err(|_| Error::input("amount", "this is no amount"))?;
    Ok(json!({ "Amount": value, "CurrencyIsoCode": amount.map(|amount| &amount.currency) }))
}
