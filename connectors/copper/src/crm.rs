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
    model::{Date, Id, Money, Page},
};
use serde_json::{Value, json};

use crate::{
    Copper,
    record::{
        At, COMPANIES, OPPORTUNITIES, PEOPLE, company, contact, deal, digits, has_email, has_phone,
        number, us_date,
    },
};

#[async_trait]
impl Crm for Copper {
    async fn search_contacts(
        &self,
        api: &Api,
        ask: SearchContacts,
    ) -> Result<Page<Contact>, Error> {
        if ask.phone.as_deref().is_some_and(|phone| digits(phone).is_empty()) {
            return Err(Error::input("phone", "Copper searches by its digits, and there are none"));
        }
        let fields = json!({
            "name": ask.query,
            "emails": ask.email.as_ref().map(|email| [email]),
            "phone_number": ask.phone,
        });
        let at = At { cursor: ask.cursor, limit: ask.limit };
        let mut page = PEOPLE.find(api, fields, at, contact).await?;
        // By phone Copper finds near misses too.
        page.items.retain(|found| {
            let email = ask.email.as_deref();
            let phone = ask.phone.as_deref();
            email.is_none_or(|email| has_email(&found.raw, email))
                && phone.is_none_or(|phone| has_phone(&found.raw, phone))
        });
        Ok(page)
    }

    async fn get_contact(&self, api: &Api, ask: ById) -> Result<Contact, Error> {
        contact(&PEOPLE.get(api, &ask.id).await?)
    }

    async fn create_contact(&self, api: &Api, new: NewContact) -> Result<Contact, Error> {
        let name = name(new.first_name, new.last_name)
            .ok_or_else(|| Error::input("last_name", "Copper wants a name"))?;
        let fields = json!({
            "name": name,
            "emails": emails(new.email),
            "phone_numbers": phones(new.phone),
            "title": new.job_title,
            "company_id": id("company_id", new.company_id.as_ref())?,
        });
        contact(&PEOPLE.create(api, fields).await?)
    }

    async fn update_contact(&self, api: &Api, change: ChangeContact) -> Result<Contact, Error> {
        if change.first_name.is_some() != change.last_name.is_some() {
            let what = "Copper takes one name: give both, or neither";
            return Err(Error::input("last_name", what));
        }
        if change.company_id.is_some() {
            let what = "a contact's company is changed in Copper itself; leave this out";
            return Err(Error::input("company_id", what));
        }
        let fields = json!({
            "name": name(change.first_name, change.last_name),
            "emails": emails(change.email),
            "phone_numbers": phones(change.phone),
            "title": change.job_title,
        });
        contact(&PEOPLE.update(api, &change.id, fields).await?)
    }

    async fn search_companies(
        &self,
        api: &Api,
        ask: SearchCompanies,
    ) -> Result<Page<Company>, Error> {
        let fields = json!({ "name": ask.query, "email_domains": ask.domain });
        let at = At { cursor: ask.cursor, limit: ask.limit };
        let mut page = COMPANIES.find(api, fields, at, company).await?;
        if let Some(domain) = &ask.domain {
            let fits = |found: &str| found.eq_ignore_ascii_case(domain);
            page.items.retain(|found| found.domain.as_deref().is_some_and(fits));
        }
        Ok(page)
    }

    async fn get_company(&self, api: &Api, ask: ById) -> Result<Company, Error> {
        company(&COMPANIES.get(api, &ask.id).await?)
    }

    async fn create_company(&self, api: &Api, new: NewCompany) -> Result<Company, Error> {
        let fields = json!({
            "name": new.name,
            "email_domain": new.domain,
            "phone_numbers": phones(new.phone),
        });
        company(&COMPANIES.create(api, fields).await?)
    }

    async fn update_company(&self, api: &Api, change: ChangeCompany) -> Result<Company, Error> {
        let fields = json!({
            "name": change.name,
            "email_domain": change.domain,
            "phone_numbers": phones(change.phone),
        });
        company(&COMPANIES.update(api, &change.id, fields).await?)
    }

    async fn search_deals(&self, api: &Api, ask: SearchDeals) -> Result<Page<Deal>, Error> {
        let company = id("company_id", ask.company_id.as_ref())?;
        let fields = json!({ "name": ask.query, "company_ids": company.map(|id| [id]) });
        let at = At { cursor: ask.cursor, limit: ask.limit };
        OPPORTUNITIES.find(api, fields, at, deal).await
    }

    async fn get_deal(&self, api: &Api, ask: ById) -> Result<Deal, Error> {
        deal(&OPPORTUNITIES.get(api, &ask.id).await?)
    }

    async fn create_deal(&self, api: &Api, new: NewDeal) -> Result<Deal, Error> {
        let mut fields = worth(new.amount.as_ref(), new.close_date)?;
        fields["name"] = new.name.into();
        fields["pipeline_stage_id"] = number("stage", new.stage.as_deref())?.into();
        fields["pipeline_id"] = number("pipeline", new.pipeline.as_deref())?.into();
        fields["primary_contact_id"] = id("contact_id", new.contact_id.as_ref())?.into();
        fields["company_id"] = id("company_id", new.company_id.as_ref())?.into();
        deal(&OPPORTUNITIES.create(api, fields).await?)
    }

    async fn update_deal(&self, api: &Api, change: ChangeDeal) -> Result<Deal, Error> {
        let mut fields = worth(change.amount.as_ref(), change.close_date)?;
        fields["name"] = change.name.into();
        fields["pipeline_stage_id"] = number("stage", change.stage.as_deref())?.into();
        deal(&OPPORTUNITIES.update(api, &change.id, fields).await?)
    }

    async fn create_note(&self, api: &Api, new: NewNote) -> Result<Note, Error> {
        let about = match new.about {
            About::Contact => "person",
            About::Company => "company",
            About::Deal => "opportunity",
        };
        // A note is an activity of the type 0, in every account.
        let fields = json!({
            "parent": { "type": about, "id": id("id", Some(&new.id))? },
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

fn id(field: &str, id: Option<&Id>) -> Result<Option<u64>, Error> {
    number(field, id.map(Id::as_str))
}

fn name(first: Option<String>, last: Option<String>) -> Option<String> {
    let words: Vec<_> = [first, last].into_iter().flatten().collect();
    Some(words.join(" ")).filter(|name| !name.trim().is_empty())
}

fn emails(email: Option<String>) -> Option<Value> {
    email.map(|email| json!([{ "email": email, "category": "work" }]))
}

fn phones(phone: Option<String>) -> Option<Value> {
    phone.map(|number| json!([{ "number": number, "category": "work" }]))
}

/// What an opportunity is worth, with its currency, so that an amount is never taken for one in another; and its day.
fn worth(amount: Option<&Money>, close_date: Option<Date>) -> Result<Value, Error> {
    let value = amount.map(|amount| amount.to_decimal().parse::<f64>()).transpose();
    let value = value.map_err(|_| Error::input("amount", "this is no amount"))?;
    Ok(json!({
        "monetary_value": value,
        "monetary_unit": amount.map(|amount| &amount.currency),
        "close_date": close_date.map(us_date),
    }))
}
