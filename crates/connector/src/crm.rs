//! Customer relations: contacts, companies, deals, notes.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Api, Error,
    model::{Cursor, Date, DateTime, Id, Limit, Money, Page},
};

/// What a CRM can do. Each action that the manifest lists works; the others answer
/// [`unsupported`](crate::unsupported).
#[async_trait]
pub trait Crm: Send + Sync {
    /// `contacts.search`
    async fn search_contacts(&self, api: &Api, ask: SearchContacts)
    -> Result<Page<Contact>, Error>;
    /// `contacts.get`
    async fn get_contact(&self, api: &Api, ask: ById) -> Result<Contact, Error>;
    /// `contacts.create`
    async fn create_contact(&self, api: &Api, new: NewContact) -> Result<Contact, Error>;
    /// `contacts.update`
    async fn update_contact(&self, api: &Api, change: ChangeContact) -> Result<Contact, Error>;
    /// `companies.search`
    async fn search_companies(
        &self,
        api: &Api,
        ask: SearchCompanies,
    ) -> Result<Page<Company>, Error>;
    /// `companies.get`
    async fn get_company(&self, api: &Api, ask: ById) -> Result<Company, Error>;
    /// `companies.create`
    async fn create_company(&self, api: &Api, new: NewCompany) -> Result<Company, Error>;
    /// `companies.update`
    async fn update_company(&self, api: &Api, change: ChangeCompany) -> Result<Company, Error>;
    /// `deals.search`
    async fn search_deals(&self, api: &Api, ask: SearchDeals) -> Result<Page<Deal>, Error>;
    /// `deals.get`
    async fn get_deal(&self, api: &Api, ask: ById) -> Result<Deal, Error>;
    /// `deals.create`
    async fn create_deal(&self, api: &Api, new: NewDeal) -> Result<Deal, Error>;
    /// `deals.update`
    async fn update_deal(&self, api: &Api, change: ChangeDeal) -> Result<Deal, Error>;
    /// `notes.create`
    async fn create_note(&self, api: &Api, new: NewNote) -> Result<Note, Error>;
}

/// One record by its id.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ById {
    /// The record's id.
    pub id: Id,
}

/// A person.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Contact {
    /// The provider's id.
    pub id: Id,
    /// The whole name.
    pub name: Option<String>,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// The first or main e-mail address.
    pub email: Option<String>,
    /// The first or main phone number, as it was typed in.
    pub phone: Option<String>,
    /// What the person does in the company.
    pub job_title: Option<String>,
    /// The id of the company, where the record says it.
    pub company_id: Option<Id>,
    /// Its page in the provider's app.
    pub url: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime>,
    /// When it last changed.
    pub updated_at: Option<DateTime>,
    /// The provider's own record.
    pub raw: Value,
}

/// Which contacts. At least one of `query`, `email` and `phone`, or none for all of them; several are
/// all to fit.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchContacts {
    /// Words of the name, e-mail address or whatever else the provider searches.
    pub query: Option<String>,
    /// Exactly this e-mail address.
    pub email: Option<String>,
    /// This phone number, as it was typed in.
    pub phone: Option<String>,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// The most items on the page.
    #[serde(default)]
    pub limit: Limit,
}

/// A contact to be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewContact {
    /// The given name.
    pub first_name: Option<String>,
    /// The family name; some providers want one.
    pub last_name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The phone number.
    pub phone: Option<String>,
    /// What the person does in the company.
    pub job_title: Option<String>,
    /// The company, by its id.
    pub company_id: Option<Id>,
}

/// What changes of a contact; what is left out stays.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeContact {
    /// Which contact.
    pub id: Id,
    /// The given name.
    pub first_name: Option<String>,
    /// The family name.
    pub last_name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The phone number.
    pub phone: Option<String>,
    /// What the person does in the company.
    pub job_title: Option<String>,
    /// The company, by its id.
    pub company_id: Option<Id>,
}

/// A company.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Company {
    /// The provider's id.
    pub id: Id,
    /// Its name.
    pub name: Option<String>,
    /// Its domain, `example.com`.
    pub domain: Option<String>,
    /// Its phone number, as it was typed in.
    pub phone: Option<String>,
    /// Its page in the provider's app.
    pub url: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime>,
    /// When it last changed.
    pub updated_at: Option<DateTime>,
    /// The provider's own record.
    pub raw: Value,
}

/// Which companies. None of `query` and `domain`: all of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchCompanies {
    /// Words of the name.
    pub query: Option<String>,
    /// Exactly this domain.
    pub domain: Option<String>,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// The most items on the page.
    #[serde(default)]
    pub limit: Limit,
}

/// A company to be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCompany {
    /// Its name.
    pub name: String,
    /// Its domain.
    pub domain: Option<String>,
    /// Its phone number.
    pub phone: Option<String>,
}

/// What changes of a company; what is left out stays.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeCompany {
    /// Which company.
    pub id: Id,
    /// Its name.
    pub name: Option<String>,
    /// Its domain.
    pub domain: Option<String>,
    /// Its phone number.
    pub phone: Option<String>,
}

/// How a deal ended, if it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DealStatus {
    /// It is going on.
    Open,
    /// The customer bought.
    Won,
    /// The customer did not.
    Lost,
}

/// A chance to sell something.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Deal {
    /// The provider's id.
    pub id: Id,
    /// Its name.
    pub name: Option<String>,
    /// What it is worth; null where no currency is known, `raw` then has the number.
    pub amount: Option<Money>,
    /// Whether it is open, where that can be told.
    pub status: Option<DealStatus>,
    /// The stage, by the provider's id or name of it.
    pub stage: Option<String>,
    /// The pipeline, by the provider's id of it.
    pub pipeline: Option<String>,
    /// When it is to be closed, or was.
    pub close_date: Option<Date>,
    /// The contact, by its id, where the record says it.
    pub contact_id: Option<Id>,
    /// The company, by its id, where the record says it.
    pub company_id: Option<Id>,
    /// Its page in the provider's app.
    pub url: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime>,
    /// When it last changed.
    pub updated_at: Option<DateTime>,
    /// The provider's own record.
    pub raw: Value,
}

/// Which deals. Neither `query` nor `company_id`: all of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchDeals {
    /// Words of the name.
    pub query: Option<String>,
    /// Those with this company.
    pub company_id: Option<Id>,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// The most items on the page.
    #[serde(default)]
    pub limit: Limit,
}

/// A deal to be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDeal {
    /// Its name.
    pub name: String,
    /// What it is worth.
    pub amount: Option<Money>,
    /// The stage, as a deal's `stage` says it.
    pub stage: Option<String>,
    /// The pipeline, as a deal's `pipeline` says it.
    pub pipeline: Option<String>,
    /// When it is to be closed.
    pub close_date: Option<Date>,
    /// The contact, by its id.
    pub contact_id: Option<Id>,
    /// The company, by its id.
    pub company_id: Option<Id>,
}

/// What changes of a deal; what is left out stays.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeDeal {
    /// Which deal.
    pub id: Id,
    /// Its name.
    pub name: Option<String>,
    /// What it is worth.
    pub amount: Option<Money>,
    /// The stage, as a deal's `stage` says it.
    pub stage: Option<String>,
    /// When it is to be closed.
    pub close_date: Option<Date>,
}

/// What sort of record a note is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A contact.
    Contact,
    /// A company.
    Company,
    /// A deal.
    Deal,
}

/// A note to be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNote {
    /// What sort of record it is about.
    pub about: About,
    /// That record's id.
    pub id: Id,
    /// Plain text.
    pub text: String,
}

/// A note.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Note {
    /// The provider's id.
    pub id: Id,
    /// Plain text, or what the provider made of it.
    pub text: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime>,
    /// The provider's own record.
    pub raw: Value,
}
