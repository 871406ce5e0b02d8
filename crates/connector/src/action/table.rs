//! All actions, in the order in which they are listed.

use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, generate::SchemaSettings};

use super::{Action, Category, Effect, Future, check, unsupported};
use crate::{Api, Connector, calendar as cal, commerce as shop, crm, model::Page, support as desk};
use serde_json::Value;

/// Schemas stand for themselves: nothing is outside of them.
fn schema<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>()
}

/// `trait: "name" Effect "title" method(Input) -> Output;`
macro_rules! actions {
    ($($category:ident $able:ident: $name:literal $effect:ident $title:literal $method:ident($input:ty) -> $output:ty;)*) => {
        vec![$({
            fn run<'a>(connector: &'a dyn Connector, api: &'a Api, input: Value) -> Future<'a> {
                Box::pin(async move {
                    let able = connector.$able().ok_or_else(|| unsupported($name))?;
                    let output: $output = able.$method(api, check::read::<$input>(&input)?).await?;
                    serde_json::to_value(output).map_err(|_| crate::Error::new(
                        crate::ErrorKind::Unavailable,
                        "the provider's answer holds what can't be written down",
                    ))
                })
            }
            Action {
                name: $name,
                category: Category::$category,
                effect: Effect::$effect,
                title: $title,
                input: schema::<$input>,
                output: schema::<$output>,
                check: |input| check::read::<$input>(input).map(drop),
                run,
            }
        }),*]
    };
}

static ACTIONS: LazyLock<Vec<Action>> = LazyLock::new(|| {
    actions! {
        Crm crm: "contacts.search" Read "Find contacts" search_contacts(crm::SearchContacts) -> Page<crm::Contact>;
        Crm crm: "contacts.get" Read "See one contact" get_contact(crm::ById) -> crm::Contact;
        Crm crm: "contacts.create" Write "Add a contact" create_contact(crm::NewContact) -> crm::Contact;
        Crm crm: "contacts.update" Write "Change a contact" update_contact(crm::ChangeContact) -> crm::Contact;
        Crm crm: "companies.search" Read "Find companies" search_companies(crm::SearchCompanies) -> Page<crm::Company>;
        Crm crm: "companies.get" Read "See one company" get_company(crm::ById) -> crm::Company;
        Crm crm: "companies.create" Write "Add a company" create_company(crm::NewCompany) -> crm::Company;
        Crm crm: "companies.update" Write "Change a company" update_company(crm::ChangeCompany) -> crm::Company;
        Crm crm: "deals.search" Read "Find deals" search_deals(crm::SearchDeals) -> Page<crm::Deal>;
        Crm crm: "deals.get" Read "See one deal" get_deal(crm::ById) -> crm::Deal;
        Crm crm: "deals.create" Write "Add a deal" create_deal(crm::NewDeal) -> crm::Deal;
        Crm crm: "deals.update" Write "Change a deal" update_deal(crm::ChangeDeal) -> crm::Deal;
        Crm crm: "notes.create" Write "Add a note to a contact, company or deal" create_note(crm::NewNote) -> crm::Note;
        Calendar calendar: "calendars.list" Read "List calendars" list_calendars(cal::ListCalendars) -> Page<cal::CalendarInfo>;
        Calendar calendar: "events.list" Read "List events" list_events(cal::ListEvents) -> Page<cal::Event>;
        Calendar calendar: "events.get" Read "See one event" get_event(cal::GetEvent) -> cal::Event;
        Calendar calendar: "events.create" Write "Put an event into a calendar" create_event(cal::NewEvent) -> cal::Event;
        Calendar calendar: "events.update" Write "Change an event" update_event(cal::ChangeEvent) -> cal::Event;
        Calendar calendar: "events.cancel" Destructive "Call an event off" cancel_event(cal::CancelEvent) -> cal::Cancelled;
        Calendar calendar: "free_busy.query" Read "See when calendars are busy" free_busy(cal::AskFreeBusy) -> cal::FreeBusy;
        Support support: "tickets.search" Read "Find tickets" search_tickets(desk::SearchTickets) -> Page<desk::Ticket>;
        Support support: "tickets.get" Read "See one ticket" get_ticket(desk::GetTicket) -> desk::Ticket;
        Support support: "tickets.create" Write "Open a ticket" create_ticket(desk::NewTicket) -> desk::Ticket;
        Support support: "tickets.update" Write "Change a ticket" update_ticket(desk::ChangeTicket) -> desk::Ticket;
        Support support: "tickets.messages" Read "Read a ticket's messages" list_messages(desk::ListMessages) -> Page<desk::Message>;
        Support support: "tickets.reply" Write "Answer in a ticket" reply(desk::NewMessage) -> desk::Message;
        Support support: "tickets.note" Write "Add a note that only the help desk sees" note(desk::NewMessage) -> desk::Message;
        Commerce commerce: "customers.search" Read "Find customers" search_customers(shop::SearchCustomers) -> Page<shop::Customer>;
        Commerce commerce: "orders.list" Read "List orders" list_orders(shop::ListOrders) -> Page<shop::Order>;
        Commerce commerce: "orders.get" Read "See one order" get_order(shop::GetOrder) -> shop::Order;
        Commerce commerce: "products.list" Read "List products" list_products(shop::ListProducts) -> Page<shop::Product>;
        Commerce commerce: "products.search" Read "Find products" search_products(shop::SearchProducts) -> Page<shop::Product>;
    }
});

/// All actions, by category.
pub fn all() -> &'static [Action] {
    &ACTIONS
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn every_action_has_its_own_name_and_schemas_of_objects() {
        let names: BTreeSet<_> = all().iter().map(|action| action.name).collect();
        assert_eq!(names.len(), all().len());
        for action in all() {
            for schema in [action.input_schema(), action.output_schema()] {
                assert_eq!(schema.get("type"), Some(&json!("object")), "{}", action.name);
            }
        }
    }

    #[test]
    fn an_input_with_a_field_too_many_is_refused_by_name() {
        let action = Action::named("contacts.search").unwrap();
        let error = action.check(&json!({"mail": "a@b.example"})).unwrap_err();
        assert!(error.message.contains("`mail`") && error.message.contains("`email`"), "{error}");
        action.check(&json!({"email": "a@b.example", "limit": 5})).unwrap();
    }

    #[test]
    fn an_input_without_bounds_is_refused() {
        let action = Action::named("tickets.reply").unwrap();
        let long = "x".repeat(33 * 1024);
        assert!(action.check(&json!({"id": "1", "text": long})).is_err());
        assert!(action.check(&json!({"id": "1", "text": "a\0b"})).is_err());
        assert!(action.check(&json!({"id": "..", "text": "x"})).is_err());
    }
}
