//! Copper's records, and the requests for them. A contact is a person here, a deal an opportunity.

use connector::{
    Api, Error, Method,
    crm::{Company, Contact},
    json,
    model::{Cursor, Id, Limit, Page},
};
use serde_json::Value;

/// A sort of record.
pub(crate) struct Sort {
    one: &'static str,
    search: &'static str,
}

pub(crate) const PEOPLE: Sort =
    Sort { one: "/v1/people/{id}", search: "/v1/people/search" };
pub(crate) const COMPANIES: Sort =
    Sort { one: "/v1/companies/{id}", search: "/v1/companies/search" };

impl Sort {
    /// Those that fit all of these fields. Pages are counted from 1; how many records there are is told by no more than an
    /// upper bound, so a full page means that another may follow.
    pub(crate) async fn find<T>(
        &self,
        api: &Api,
        fields: Value,
        cursor: Option<Cursor>,
        limit: Limit,
        one: impl Fn(&Value) -> Result<T, Error>,
    ) -> Result<Page<T>, Error> {
        let page = Cursor::count(cursor.as_ref(), 1)?;
        let mut fields = json::without_nulls(fields);
        fields["page_number"] = page.into();
        fields["page_size"] = limit.get().into();
        // In the order in which they were made, so that what is new does not move the pages.
        fields["sort_by"] = "date_created".into();
        let found = api.call(Method::POST, self.search).json(fields).looks().fetch().await?;
        let found = found.as_array().map(Vec::as_slice).unwrap_or_default();
        let items = found.iter().map(one).collect::<Result<_, _>>()?;
        Ok(Page::counted(items, page, 1, found.len() >= limit.get() as usize))
    }

    pub(crate) async fn get(&self, api: &Api, id: &Id) -> Result<Value, Error> {
        api.call(Method::GET, self.one).part("id", id).fetch().await
    }
}

/// Copper's ids are numbers in what is sent.
pub(crate) fn number(field: &str, id: &Id) -> Result<u64, Error> {
    let wrong = || Error::input(field, "Copper's ids are numbers, as a record's `id` says them");
    id.as_str().parse().map_err(|_| wrong())
}

pub(crate) fn contact(found: &Value) -> Result<Contact, Error> {
    Ok(Contact {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "name"),
        first_name: json::filled(found, "first_name"),
        last_name: json::filled(found, "last_name"),
        email: json::filled(found, "emails.0.email"),
        phone: json::filled(found, "phone_numbers.0.number"),
        job_title: json::filled(found, "title"),
        company_id: json::maybe_id(found, "company_id"),
        url: None,
        created_at: json::secs_at(found, "date_created"),
        updated_at: json::secs_at(found, "date_modified"),
        raw: found.clone(),
    })
}

pub(crate) fn company(found: &Value) -> Result<Company, Error> {
    Ok(Company {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "name"),
        domain: json::filled(found, "email_domain"),
        phone: json::filled(found, "phone_numbers.0.number"),
        url: None,
        created_at: json::secs_at(found, "date_created"),
        updated_at: json::secs_at(found, "date_modified"),
        raw: found.clone(),
    })
}
