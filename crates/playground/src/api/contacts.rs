//! Contacts.

use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
};
use serde::Deserialize;

use super::{
    caller::Caller,
    error::Error,
    input::{Asked, Sent, email, maybe, text},
    list::{Listed, Page, Part, any_holds},
};
use crate::{demo::Contact, state::Shared};

const READ: &str = "crm.contacts.read";
const WRITE: &str = "crm.contacts.write";
const LONGEST: usize = 200;

impl Listed for Contact {
    fn id(&self) -> &str {
        &self.id
    }

    fn holds(&self, word: &str) -> bool {
        any_holds(&[&self.name, &self.email, self.company.as_deref().unwrap_or_default()], word)
    }
}

/// `GET /contacts?query=&limit=&cursor=`.
pub(super) async fn list(
    State(acme): State<Shared>,
    caller: Caller,
    Asked(part): Asked<Part>,
) -> Result<Json<Page<Contact>>, Error> {
    caller.needs(READ)?;
    part.of(&acme.lock().records.of(caller.account).contacts).map(Json)
}

/// `GET /contacts/{id}`.
pub(super) async fn one(
    State(acme): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Contact>, Error> {
    caller.needs(READ)?;
    let memory = acme.lock();
    let mut contacts = memory.records.of(caller.account).contacts.iter();
    contacts.find(|contact| contact.id == id).cloned().map(Json).ok_or(Error::NOT_FOUND)
}

/// A contact to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct New {
    name: String,
    email: String,
    phone: Option<String>,
    company: Option<String>,
    title: Option<String>,
}

/// `POST /contacts`.
pub(super) async fn create(
    State(acme): State<Shared>,
    caller: Caller,
    Sent(new): Sent<New>,
) -> Result<(StatusCode, Json<Contact>), Error> {
    caller.needs(WRITE)?;
    let now = acme.now();
    let mut memory = acme.lock();
    let contact = Contact {
        id: memory.records.next_id("cnt"),
        name: text("name", &new.name, LONGEST)?,
        email: email("email", &new.email)?,
        phone: maybe("phone", new.phone.as_deref(), LONGEST)?,
        company: maybe("company", new.company.as_deref(), LONGEST)?,
        title: maybe("title", new.title.as_deref(), LONGEST)?,
        created_at: now,
        updated_at: now,
    };
    memory.records.add_contact(caller.account, contact.clone());
    Ok((StatusCode::CREATED, Json(contact)))
}

/// What is to change; what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    company: Option<String>,
    title: Option<String>,
}

/// `PATCH /contacts/{id}`.
pub(super) async fn change(
    State(acme): State<Shared>,
    caller: Caller,
    Path(id): Path<String>,
    Sent(change): Sent<Change>,
) -> Result<Json<Contact>, Error> {
    caller.needs(WRITE)?;
    let now = acme.now();
    let mut memory = acme.lock();
    let mut contacts = memory.records.of_mut(caller.account).contacts.iter_mut();
    let contact = contacts.find(|contact| contact.id == id).ok_or(Error::NOT_FOUND)?;
    // All or nothing: the copy takes the place of the contact when every field is good.
    let mut changed = contact.clone();
    if let Some(name) = &change.name {
        changed.name = text("name", name, LONGEST)?;
    }
    if let Some(address) = &change.email {
        changed.email = email("email", address)?;
    }
    for (name, value, field) in [
        ("phone", &change.phone, &mut changed.phone),
        ("company", &change.company, &mut changed.company),
        ("title", &change.title, &mut changed.title),
    ] {
        if value.is_some() {
            *field = maybe(name, value.as_deref(), LONGEST)?;
        }
    }
    changed.updated_at = now;
    *contact = changed;
    Ok(Json(contact.clone()))
}
