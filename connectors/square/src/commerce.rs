//! Customers, orders and what is sold, over version 2 of the API.

use async_trait::async_trait;
use connector::{
    Api, Error, ErrorKind, Method,
    commerce::{
        Commerce, Customer, GetOrder, ListOrders, ListProducts, Order, OrderItem, OrderStatus,
        PaymentStatus, Product, ProductStatus, SearchCustomers, SearchProducts,
    },
    json,
    model::{Cursor, Limit, Money, Page},
};
use serde_json::{Value, json};

use crate::Square;

/// A search for orders takes no more locations than these.
const MOST_LOCATIONS: usize = 10;

#[async_trait]
impl Commerce for Square {
    async fn search_customers(
        &self,
        api: &Api,
        ask: SearchCustomers,
    ) -> Result<Page<Customer>, Error> {
        if ask.query.is_some() {
            return Err(Error::input(
                "query",
                "Square does not search customers by name; use `email` or `phone`",
            ));
        }
        if ask.phone.as_deref().is_some_and(|phone| !phone.trim_start().starts_with('+')) {
            return Err(Error::input(
                "phone",
                "Square wants the number with its country: `+34600000001`",
            ));
        }
        let exactly = |text: Option<String>| text.map(|text| json!({ "exact": text }));
        let asked = json!({
            "query": given(json!({ "filter": given(json!({
                "email_address": exactly(ask.email),
                "phone_number": exactly(ask.phone),
            })) })),
            "cursor": ask.cursor.as_ref().map(Cursor::as_str),
            "limit": ask.limit.get(),
        });
        let found = search(api, "/v2/customers/search", asked).await?;
        Ok(Page::new(json::each(&found, "customers", customer)?, json::filled(&found, "cursor")))
    }

    async fn list_orders(&self, api: &Api, ask: ListOrders) -> Result<Page<Order>, Error> {
        if ask.email.is_some() {
            return Err(Error::input(
                "email",
                "Square lists orders by `customer_id`; find it with `customers.search`",
            ));
        }
        let (group, cursor) = place(ask.cursor.as_ref())?;
        let locations = locations(api).await?;
        let Some(asked) = locations.chunks(MOST_LOCATIONS).nth(group) else {
            return Ok(Page::last(Vec::new()));
        };
        let asked = json!({
            "location_ids": asked,
            "query": {
                "filter": given(json!({
                    "customer_filter": ask.customer_id.map(|id| json!({ "customer_ids": [id] })),
                    "state_filter": ask.status.map(|status| json!({ "states": words(status) })),
                    "date_time_filter": ask.created_from.map(
                        |from| json!({ "created_at": { "start_at": from.utc().to_string() } }),
                    ),
                })),
                "sort": { "sort_field": "CREATED_AT", "sort_order": "DESC" },
            },
            "cursor": cursor,
            "limit": ask.limit.get(),
        });
        let found = search(api, "/v2/orders/search", asked).await?;
        let is_more = locations.len() > (group + 1) * MOST_LOCATIONS;
        let next = json::filled(&found, "cursor")
            .map(|cursor| format!("{group}:{cursor}"))
            .or_else(|| is_more.then(|| format!("{}:", group + 1)));
        Ok(Page::new(json::each(&found, "orders", order)?, next))
    }

    async fn get_order(&self, api: &Api, ask: GetOrder) -> Result<Order, Error> {
        let found = api.call(Method::GET, "/v2/orders/{id}").part("id", ask.id).fetch().await?;
        match found.get("order").filter(|order| !order.is_null()) {
            Some(found) => order(found),
            None => Err(Error::new(ErrorKind::NotFound, "the seller has no such order")),
        }
    }

    async fn list_products(&self, api: &Api, ask: ListProducts) -> Result<Page<Product>, Error> {
        products(api, None, ask.cursor.as_ref(), ask.limit).await
    }

    async fn search_products(
        &self,
        api: &Api,
        ask: SearchProducts,
    ) -> Result<Page<Product>, Error> {
        if ask.query.trim().is_empty() {
            return Err(Error::input("query", "give a word, or use `products.list`"));
        }
        products(api, Some(&ask.query), ask.cursor.as_ref(), ask.limit).await
    }
}

/// An object without nulls; null where nothing is left.
fn given(asked: Value) -> Value {
    let asked = json::without_nulls(asked);
    if asked == json!({}) { Value::Null } else { asked }
}

/// A search, without what was not asked for.
async fn search(api: &Api, path: &str, asked: Value) -> Result<Value, Error> {
    api.call(Method::POST, path).json(json::without_nulls(asked)).looks().fetch().await
}

/// The ids of all locations, closed ones too: their orders stay. Sorted, so that each page is of the
/// same groups.
async fn locations(api: &Api) -> Result<Vec<String>, Error> {
    let found = api.get("/v2/locations").await?;
    let mut ids: Vec<_> = json::list_at(&found, "locations")
        .iter()
        .filter_map(|location| json::filled(location, "id"))
        .collect();
    ids.sort_unstable();
    Ok(ids)
}

/// Which group of locations, and Square's own cursor in it: `1:cursor`.
fn place(cursor: Option<&Cursor>) -> Result<(usize, Option<&str>), Error> {
    let Some(cursor) = cursor else { return Ok((0, None)) };
    let wrong = || Error::input("cursor", "give the `next_cursor` of the page before");
    let (group, rest) = cursor.as_str().split_once(':').ok_or_else(wrong)?;
    // A small number: no seller has as many locations.
    let group: u16 = group.parse().map_err(|_| wrong())?;
    Ok((group.into(), Some(rest).filter(|rest| !rest.is_empty())))
}

async fn products(
    api: &Api,
    words: Option<&str>,
    cursor: Option<&Cursor>,
    limit: Limit,
) -> Result<Page<Product>, Error> {
    let asked = json!({
        "text_filter": words,
        "archived_state": "ARCHIVED_STATE_ALL",
        "cursor": cursor.map(Cursor::as_str),
        "limit": limit.get(),
    });
    let found = search(api, "/v2/catalog/search-catalog-items", asked).await?;
    Ok(Page::new(json::each(&found, "items", product)?, json::filled(&found, "cursor")))
}

fn customer(found: &Value) -> Result<Customer, Error> {
    let names = ["given_name", "family_name"].map(|path| json::filled(found, path));
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    Ok(Customer {
        id: json::id_at(found, "id")?,
        name: Some(name)
            .filter(|name| !name.is_empty())
            .or_else(|| json::filled(found, "company_name"))
            .or_else(|| json::filled(found, "nickname")),
        email: json::filled(found, "email_address"),
        phone: json::filled(found, "phone_number"),
        created_at: json::time_at(found, "created_at"),
        updated_at: json::time_at(found, "updated_at"),
        raw: found.clone(),
    })
}

/// Square's words. A draft is worked on too.
fn words(status: OrderStatus) -> &'static [&'static str] {
    match status {
        OrderStatus::Open => &["OPEN", "DRAFT"],
        OrderStatus::Completed => &["COMPLETED"],
        OrderStatus::Cancelled => &["CANCELED"],
    }
}

fn order(found: &Value) -> Result<Order, Error> {
    let status = match json::text_at(found, "state").as_deref() {
        Some("COMPLETED") => OrderStatus::Completed,
        Some("CANCELED") => OrderStatus::Cancelled,
        _ => OrderStatus::Open,
    };
    Ok(Order {
        id: json::id_at(found, "id")?,
        number: json::filled(found, "ticket_name").or_else(|| json::filled(found, "reference_id")),
        status,
        payment_status: payment(found, status),
        fulfilled: fulfilled(found),
        // Where the order names none, whoever paid.
        customer_id: json::maybe_id(found, "customer_id")
            .or_else(|| json::maybe_id(found, "tenders.0.customer_id")),
        // An order has the addresses of whoever receives it, which may be somebody else.
        email: None,
        total: money(found, "total_money"),
        items: json::list_at(found, "line_items").iter().map(item).collect(),
        url: None,
        created_at: json::time_at(found, "created_at"),
        updated_at: json::time_at(found, "updated_at"),
        raw: found.clone(),
    })
}

/// Square has no word for it: what was given back, and what is still due, tell.
fn payment(found: &Value, status: OrderStatus) -> Option<PaymentStatus> {
    let amount = |path: &str| json::at(found, path).and_then(Value::as_i64);
    let back = given_back(found);
    if back > 0 {
        let is_all = amount("total_money.amount").is_some_and(|total| back >= total);
        let some = PaymentStatus::PartiallyRefunded;
        return Some(if is_all { PaymentStatus::Refunded } else { some });
    }
    match (status, amount("net_amount_due_money.amount")) {
        (OrderStatus::Cancelled, _) => Some(PaymentStatus::Failed),
        (_, Some(due)) if due > 0 => Some(PaymentStatus::Pending),
        // Nothing is completed before it is paid.
        (OrderStatus::Completed, _) | (OrderStatus::Open, Some(_)) => Some(PaymentStatus::Paid),
        (OrderStatus::Open, None) => None,
    }
}

fn given_back(found: &Value) -> i64 {
    let good = |refund: &&Value| {
        matches!(json::text_at(refund, "status").as_deref(), Some("PENDING" | "APPROVED"))
    };
    let refunds = json::list_at(found, "refunds").iter().filter(good);
    let amounts = refunds.filter_map(|refund| json::at(refund, "amount_money.amount")?.as_i64());
    amounts.fold(0, i64::saturating_add)
}

fn fulfilled(found: &Value) -> Option<bool> {
    let mut states = json::list_at(found, "fulfillments")
        .iter()
        .filter_map(|one| json::text_at(one, "state"))
        .filter(|state| state != "CANCELED" && state != "FAILED")
        .peekable();
    states.peek()?;
    Some(states.all(|state| state == "COMPLETED"))
}

fn item(found: &Value) -> OrderItem {
    OrderItem {
        // A line names the variation, not the item that it is one of.
        product_id: None,
        title: json::filled(found, "name"),
        sku: None,
        quantity: json::text_at(found, "quantity")
            .and_then(|quantity| quantity.parse().ok())
            .unwrap_or_default(),
        price: money(found, "base_price_money"),
    }
}

/// Square counts in a currency's minor units.
fn money(found: &Value, path: &str) -> Option<Money> {
    let money = json::at(found, path)?;
    Money::new(money.get("amount")?.as_i64()?, &json::text_at(money, "currency")?)
}

fn product(found: &Value) -> Result<Product, Error> {
    let variations = json::list_at(found, "item_data.variations");
    let is_archived =
        json::at(found, "item_data.is_archived").and_then(Value::as_bool) == Some(true);
    Ok(Product {
        id: json::id_at(found, "id")?,
        title: json::filled(found, "item_data.name"),
        description: json::filled(found, "item_data.description_html")
            .or_else(|| json::filled(found, "item_data.description")),
        status: Some(if is_archived { ProductStatus::Archived } else { ProductStatus::Active }),
        price: variations
            .iter()
            .filter_map(|variation| money(variation, "item_variation_data.price_money"))
            .min_by_key(|price| price.minor),
        sku: json::filled(found, "item_data.variations.0.item_variation_data.sku"),
        url: json::filled(found, "item_data.ecom_uri"),
        created_at: None,
        updated_at: json::time_at(found, "updated_at"),
        raw: found.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(text: &str) -> Cursor {
        serde_json::from_value(json!(text)).unwrap()
    }

    fn paid(order: &Value) -> Option<PaymentStatus> {
        super::order(order).unwrap().payment_status
    }

    #[test]
    fn a_cursor_says_which_locations_and_where_in_them() {
        assert_eq!(place(None).unwrap(), (0, None));
        assert_eq!(place(Some(&cursor("0:ab:c"))).unwrap(), (0, Some("ab:c")));
        assert_eq!(place(Some(&cursor("2:"))).unwrap(), (2, None));
        for bad in ["ab", ":", "-1:a", "x:a", "99999999999:a"] {
            assert!(place(Some(&cursor(bad))).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_due_and_what_was_given_back_tell_whether_it_is_paid() {
        let eur = |amount: i64| json!({ "amount": amount, "currency": "EUR" });
        let refund =
            |status: &str, amount: i64| json!({ "status": status, "amount_money": eur(amount) });
        let order = |state: &str, due: i64, refunds: Value| {
            paid(&json!({ "id": "O1", "state": state, "total_money": eur(4190),
                "net_amount_due_money": eur(due), "refunds": refunds }))
        };
        assert_eq!(order("OPEN", 4190, json!([])), Some(PaymentStatus::Pending));
        assert_eq!(order("OPEN", 0, json!([])), Some(PaymentStatus::Paid));
        assert_eq!(order("COMPLETED", 0, json!([])), Some(PaymentStatus::Paid));
        assert_eq!(order("CANCELED", 4190, json!([])), Some(PaymentStatus::Failed));
        let some = json!([refund("APPROVED", 1000), refund("FAILED", 4190)]);
        assert_eq!(order("COMPLETED", 0, some), Some(PaymentStatus::PartiallyRefunded));
        let all = json!([refund("APPROVED", 1000), refund("PENDING", 3190)]);
        assert_eq!(order("COMPLETED", 0, all), Some(PaymentStatus::Refunded));
        assert_eq!(paid(&json!({ "id": "O1", "state": "OPEN" })), None);
        assert_eq!(paid(&json!({ "id": "O1", "state": "COMPLETED" })), Some(PaymentStatus::Paid));
    }

    #[test]
    fn all_is_sent_where_nothing_that_still_counts_is_left() {
        let order = |states: &[&str]| {
            let all: Vec<_> = states.iter().map(|state| json!({ "state": state })).collect();
            fulfilled(&json!({ "fulfillments": all }))
        };
        assert_eq!(order(&[]), None);
        assert_eq!(order(&["CANCELED"]), None);
        assert_eq!(order(&["COMPLETED", "CANCELED"]), Some(true));
        assert_eq!(order(&["COMPLETED", "PREPARED"]), Some(false));
    }

    #[test]
    fn money_is_in_the_currencys_own_minor_units() {
        let of = |price: Value| money(&json!({ "price": price }), "price");
        assert_eq!(of(json!({ "amount": 1595, "currency": "EUR" })), Money::new(1595, "EUR"));
        assert_eq!(of(json!({ "amount": 500, "currency": "JPY" })), Money::new(500, "JPY"));
        assert_eq!(of(json!({ "amount": 15.95, "currency": "EUR" })), None);
        assert_eq!(of(json!({ "amount": 1, "currency": "BTC" })), None);
    }
}
