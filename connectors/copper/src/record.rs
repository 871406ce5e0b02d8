//! Copper's records, and the requests for them. A contact is a person here, a deal an opportunity.

use connector::{
    Api, Error, Method,
    crm::{Company, Contact, Deal, DealStatus},
    json,
    model::{Cursor, Date, Id, Limit, Money, Page},
};
use serde_json::Value;

/// The shortest phone number without its country, in digits.
const LOCAL: usize = 7;

/// A sort of record.
pub(crate) struct Sort {
    all: &'static str,
    one: &'static str,
    search: &'static str,
}

pub(crate) const PEOPLE: Sort =
    Sort { all: "/v1/people", one: "/v1/people/{id}", search: "/v1/people/search" };
pub(crate) const COMPANIES: Sort =
    Sort { all: "/v1/companies", one: "/v1/companies/{id}", search: "/v1/companies/search" };
pub(crate) const OPPORTUNITIES: Sort = Sort {
    all: "/v1/opportunities",
    one: "/v1/opportunities/{id}",
    search: "/v1/opportunities/search",
};

/// Where a page begins, and how long it is.
pub(crate) struct At {
    pub(crate) cursor: Option<Cursor>,
    pub(crate) limit: Limit,
}

impl Sort {
    /// Those that fit all of these fields. Pages are counted from 1; how many records there are is told by no more than
    /// an upper bound, so a full page means that another may follow.
    pub(crate) async fn find<T>(
        &self,
        api: &Api,
        fields: Value,
        at: At,
        one: impl Fn(&Value) -> Result<T, Error>,
    ) -> Result<Page<T>, Error> {
        let page = Cursor::count(at.cursor.as_ref(), 1)?;
        let mut fields = json::without_nulls(fields);
        fields["page_number"] = page.into();
        fields["page_size"] = at.limit.get().into();
        // In the order in which they were made, so that what is new does not move the pages.
        fields["sort_by"] = "date_created".into();
        let found = api.call(Method::POST, self.search).json(fields).looks().fetch().await?;
        let found = found.as_array().map(Vec::as_slice).unwrap_or_default();
        let items = found.iter().map(one).collect::<Result<_, _>>()?;
        Ok(Page::counted(items, page, 1, found.len() >= at.limit.get() as usize))
    }

    pub(crate) async fn get(&self, api: &Api, id: &Id) -> Result<Value, Error> {
        api.call(Method::GET, self.one).part("id", id).fetch().await
    }

    pub(crate) async fn create(&self, api: &Api, fields: Value) -> Result<Value, Error> {
        api.call(Method::POST, self.all).json(json::without_nulls(fields)).fetch().await
    }

    /// What is left out stays as it is.
    pub(crate) async fn update(&self, api: &Api, id: &Id, fields: Value) -> Result<Value, Error> {
        let call = api.call(Method::PUT, self.one).part("id", id);
        call.json(json::without_nulls(fields)).fetch().await
    }
}

/// Copper's ids are numbers in what is sent.
pub(crate) fn number(field: &str, id: Option<&str>) -> Result<Option<u64>, Error> {
    let wrong = || Error::input(field, "Copper's ids are numbers: give one as a record tells it");
    id.map(|id| id.parse().map_err(|_| wrong())).transpose()
}

/// A day as Copper writes it: month, day, year.
pub(crate) fn us_date(day: Date) -> String {
    let text = day.to_string();
    let mut parts = text.splitn(3, '-');
    let mut part = || parts.next().unwrap_or_default();
    let (year, month, day) = (part(), part(), part());
    format!("{month}/{day}/{year}")
}

/// Such a day, if there is one.
fn from_us_date(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '/');
    let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
    Date::parse(&format!("{year}-{month:0>2}-{day:0>2}")).filter(|_| year.len() == 4)
}

/// Whether this is one of a person's e-mail addresses.
pub(crate) fn has_email(person: &Value, email: &str) -> bool {
    let all = json::list_at(person, "emails").iter();
    all.filter_map(|one| json::text_at(one, "email")).any(|one| one.eq_ignore_ascii_case(email))
}

/// Whether this is one of a person's phone numbers, however it is written; the country's code may be left out.
pub(crate) fn has_phone(person: &Value, phone: &str) -> bool {
    let wanted = digits(phone);
    let same = |one: String| {
        let one = digits(&one);
        let (long, short) =
            if one.len() > wanted.len() { (&one, &wanted) } else { (&wanted, &one) };
        (one == wanted && !one.is_empty()) || (short.len() >= LOCAL && long.ends_with(short))
    };
    let all = json::list_at(person, "phone_numbers").iter();
    all.filter_map(|one| json::text_at(one, "number")).any(same)
}

pub(crate) fn digits(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
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

pub(crate) fn deal(found: &Value) -> Result<Deal, Error> {
    let amount = json::text_at(found, "monetary_value").zip(json::filled(found, "monetary_unit"));
    Ok(Deal {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "name"),
        amount: amount.and_then(|(value, currency)| Money::from_decimal(&value, &currency)),
        status: match json::text_at(found, "status").as_deref() {
            Some("Open") => Some(DealStatus::Open),
            Some("Won") => Some(DealStatus::Won),
            Some("Lost" | "Abandoned") => Some(DealStatus::Lost),
            _ => None,
        },
        stage: json::filled(found, "pipeline_stage_id"),
        pipeline: json::filled(found, "pipeline_id"),
        close_date: json::text_at(found, "close_date").and_then(|text| from_us_date(&text)),
        contact_id: json::maybe_id(found, "primary_contact_id"),
        company_id: json::maybe_id(found, "company_id"),
        url: None,
        created_at: json::secs_at(found, "date_created"),
        updated_at: json::secs_at(found, "date_modified"),
        raw: found.clone(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_day_is_written_and_read_with_the_month_first() {
        let day = Date::parse("2026-03-09").unwrap();
        assert_eq!(us_date(day), "03/09/2026");
        for text in ["03/09/2026", "3/9/2026"] {
            assert_eq!(from_us_date(text), Some(day), "{text}");
        }
    }

    #[test]
    fn a_day_that_can_not_be_is_none() {
        for text in ["", "23/1/2026", "2/30/2026", "1/15", "1/15/26", "1/2/3/2026", "2026-03-09"] {
            assert_eq!(from_us_date(text), None, "{text}");
        }
    }

    #[test]
    fn a_phone_number_is_the_same_however_it_is_written() {
        let ana =
            json!({ "phone_numbers": [{ "number": "x" }, { "number": "+1 (415) 555-0123" }] });
        for phone in ["+14155550123", "415-555-0123", "0014155550123"] {
            assert!(has_phone(&ana, phone), "{phone}");
        }
        for phone in ["415-555-0124", "0123", "415", ""] {
            assert!(!has_phone(&ana, phone), "{phone}");
        }
    }

    #[test]
    fn an_email_address_is_one_of_several_in_any_case() {
        let ana = json!({ "emails": [{ "email": "ana@home.example" }, { "email": "Ana@Ortega.example" }] });
        assert!(has_email(&ana, "ana@ortega.example"));
        assert!(!has_email(&ana, "ana@ortega.exampl"));
    }

    #[test]
    fn an_id_that_is_no_number_is_not_sent() {
        assert_eq!(number("id", Some("27140442")).unwrap(), Some(27_140_442));
        assert_eq!(number("id", None).unwrap(), None);
        for bad in ["-2", "1 or 1", "27140442/related", "\"", ""] {
            let error = number("company_id", Some(bad)).unwrap_err();
            assert!(error.message.contains("company_id"), "{error:?}");
        }
    }
}
