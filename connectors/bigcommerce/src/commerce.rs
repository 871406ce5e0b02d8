//! Customers, orders and products: orders over version 2 of the API, the rest over version 3.

use async_trait::async_trait;
use connector::{
    Api, Call, Error, Method,
    commerce::{
        Commerce, Customer, GetOrder, ListOrders, ListProducts, Order, OrderItem, OrderStatus,
        PaymentStatus, Product, ProductStatus, SearchCustomers, SearchProducts,
    },
    json,
    model::{Cursor, DateTime, Limit, Money, Page},
};
use serde_json::Value;

use crate::BigCommerce;

/// Orders on a page, at most: they come with all that was bought.
const MOST_ORDERS: u32 = 50;

#[async_trait]
impl Commerce for BigCommerce {
    async fn search_customers(
        &self,
        api: &Api,
        ask: SearchCustomers,
    ) -> Result<Page<Customer>, Error> {
        let call = api
            .call(Method::GET, "/v3/customers")
            .query_if("name:like", one("query", ask.query)?)
            .query_if("email:in", one("email", ask.email)?)
            .query_if("phone:in", one("phone", ask.phone)?);
        page(call, ask.cursor.as_ref(), ask.limit, customer).await
    }

    async fn list_orders(&self, api: &Api, ask: ListOrders) -> Result<Page<Order>, Error> {
        if ask.status.is_some() {
            return Err(Error::input(
                "status",
                "BigCommerce has many states, and lists orders of one of them at a time; leave it out, and look at each order's `status`",
            ));
        }
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if ask.customer_id.as_ref().is_some_and(|id| !is_number(id.as_str())) {
            return Err(Error::input("customer_id", "give a customer's `id`, a number"));
        }
        let (page, limit) =
            (Cursor::count(ask.cursor.as_ref(), 1)?, ask.limit.at_most(MOST_ORDERS));
        let found = with_items(api.call(Method::GET, "/v2/orders"))
            .query_if("customer_id", ask.customer_id)
            .query_if("email", ask.email)
            .query_if("min_date_created", ask.created_from.map(DateTime::utc))
            .query("sort", "date_created:desc")
            .query("page", page)
            .query("limit", limit)
            .fetch()
            .await?;
        // Where there are none, the answer is empty.
        let items: Vec<_> =
            found.as_array().into_iter().flatten().map(order).collect::<Result<_, _>>()?;
        // Nothing tells how many there are: after a full page there may be another.
        let is_more = items.len() >= limit as usize;
        Ok(Page::counted(items, page, 1, is_more))
    }

    async fn get_order(&self, api: &Api, ask: GetOrder) -> Result<Order, Error> {
        let call = api.call(Method::GET, "/v2/orders/{id}").part("id", ask.id);
        order(&with_items(call).fetch().await?)
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

/// One value of a filter that takes several: a comma would make it more.
fn one(field: &str, text: Option<String>) -> Result<Option<String>, Error> {
    match text {
        Some(text) if text.contains(',') => {
            Err(Error::input(field, "write it without a comma: BigCommerce takes it for several"))
        }
        Some(text) if text.trim().is_empty() => {
            Err(Error::input(field, "leave it out, or say what to look for"))
        }
        text => Ok(text),
    }
}

/// With what was bought, which is no part of an order otherwise.
fn with_items(call: Call<'_>) -> Call<'_> {
    call.query("include", "consignments.line_items").query("consignment_structure", "object")
}

/// Version 3 counts pages from 1, and tells how many there are.
async fn page<T>(
    call: Call<'_>,
    cursor: Option<&Cursor>,
    limit: Limit,
    one: impl Fn(&Value) -> Result<T, Error>,
) -> Result<Page<T>, Error> {
    let page = Cursor::count(cursor, 1)?;
    let found = call.query("page", page).query("limit", limit.get()).fetch().await?;
    let pages = json::at(&found, "meta.pagination.total_pages").and_then(Value::as_u64);
    let items = json::each(&found, "data", one)?;
    Ok(Page::counted(items, page, 1, pages.is_some_and(|pages| page < pages)))
}

/// A product says neither its currency nor its whole address: the store does.
async fn products(
    api: &Api,
    words: Option<&str>,
    cursor: Option<&Cursor>,
    limit: Limit,
) -> Result<Page<Product>, Error> {
    let store = api.get("/v2/store").await?;
    let call = api.call(Method::GET, "/v3/catalog/products").query_if("keyword", words);
    page(call, cursor, limit, |found| product(found, &store)).await
}

fn customer(found: &Value) -> Result<Customer, Error> {
    let names = ["first_name", "last_name"].map(|path| json::filled(found, path));
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    Ok(Customer {
        id: json::id_at(found, "id")?,
        name: Some(name).filter(|name| !name.is_empty()).or_else(|| json::filled(found, "company")),
        email: json::filled(found, "email"),
        phone: json::filled(found, "phone"),
        created_at: json::time_at(found, "date_created"),
        updated_at: json::time_at(found, "date_modified"),
        raw: found.clone(),
    })
}

// The states of an order, by BigCommerce's numbers.
const UNKNOWN: i64 = -1;
const INCOMPLETE: i64 = 0;
const PENDING: i64 = 1;
const SHIPPED: i64 = 2;
const REFUNDED: i64 = 4;
const CANCELLED: i64 = 5;
const DECLINED: i64 = 6;
const AWAITING_PAYMENT: i64 = 7;
const COMPLETED: i64 = 10;
const AWAITING_FULFILLMENT: i64 = 11;
const PARTIALLY_REFUNDED: i64 = 14;

fn order(found: &Value) -> Result<Order, Error> {
    let state = found.get("status_id").and_then(Value::as_i64).unwrap_or(UNKNOWN);
    // What is paid in, which may differ from what was shown (`currency_code`).
    let currency = json::text_at(found, "default_currency_code").unwrap_or_default();
    let id = json::id_at(found, "id")?;
    Ok(Order {
        number: Some(id.to_string()),
        id,
        status: match state {
            SHIPPED | REFUNDED | COMPLETED | PARTIALLY_REFUNDED => OrderStatus::Completed,
            CANCELLED | DECLINED => OrderStatus::Cancelled,
            _ => OrderStatus::Open,
        },
        payment_status: payment(state, &json::text_at(found, "payment_status").unwrap_or_default()),
        fulfilled: fulfilled(found, state),
        // 0 is a guest.
        customer_id: json::maybe_id(found, "customer_id").filter(|id| id.as_str() != "0"),
        email: json::filled(found, "billing_address.email"),
        total: money(found, "total_inc_tax", &currency),
        items: items(found, &currency),
        url: None,
        created_at: json::time_at(found, "date_created"),
        updated_at: json::time_at(found, "date_modified"),
        raw: found.clone(),
    })
}

/// The payment's own word, where there is one; orders that are paid by hand have none.
fn payment(state: i64, word: &str) -> Option<PaymentStatus> {
    match (state, word) {
        (REFUNDED, _) | (_, "refunded") => Some(PaymentStatus::Refunded),
        (PARTIALLY_REFUNDED, _) | (_, "partially refunded") => {
            Some(PaymentStatus::PartiallyRefunded)
        }
        (_, "captured" | "paid") => Some(PaymentStatus::Paid),
        (CANCELLED | DECLINED, _) | (_, "declined" | "void" | "void pending") => {
            Some(PaymentStatus::Failed)
        }
        (_, "authorized" | "capture pending" | "held for review" | "pending")
        | (INCOMPLETE | PENDING | AWAITING_PAYMENT, _) => Some(PaymentStatus::Pending),
        (COMPLETED | AWAITING_FULFILLMENT, _) => Some(PaymentStatus::Paid),
        _ => None,
    }
}

fn fulfilled(found: &Value, state: i64) -> Option<bool> {
    if matches!(state, SHIPPED | COMPLETED) {
        return Some(true);
    }
    if found.get("order_is_digital").and_then(Value::as_bool) == Some(true) {
        return None;
    }
    let count = |name: &str| found.get(name).and_then(Value::as_u64);
    let total = count("items_total").filter(|total| *total > 0)?;
    Some(count("items_shipped")? >= total)
}

fn items(found: &Value, currency: &str) -> Vec<OrderItem> {
    let groups = ["pickups", "shipping", "downloads", "email.gift_certificates"];
    groups
        .iter()
        .flat_map(|group| json::list_at(found, &format!("consignments.{group}")))
        .flat_map(|consignment| json::list_at(consignment, "line_items"))
        .map(|line| item(line, currency))
        .collect()
}

fn item(found: &Value, currency: &str) -> OrderItem {
    OrderItem {
        // 0 is none of the catalogue's.
        product_id: json::maybe_id(found, "product_id").filter(|id| id.as_str() != "0"),
        title: json::filled(found, "name"),
        sku: json::filled(found, "sku"),
        quantity: found.get("quantity").and_then(Value::as_f64).unwrap_or_default(),
        price: money(found, "price_inc_tax", currency),
    }
}

fn money(found: &Value, path: &str, currency: &str) -> Option<Money> {
    Money::from_decimal(&json::text_at(found, path)?, currency)
}

fn product(found: &Value, store: &Value) -> Result<Product, Error> {
    let is = |name: &str| found.get(name).and_then(Value::as_bool);
    let currency = json::text_at(store, "currency").unwrap_or_default();
    Ok(Product {
        id: json::id_at(found, "id")?,
        title: json::filled(found, "name"),
        description: json::filled(found, "description"),
        status: match (is("is_visible"), json::text_at(found, "availability").as_deref()) {
            (Some(false), _) => Some(ProductStatus::Draft),
            (_, Some("disabled")) => Some(ProductStatus::Archived),
            (_, Some("available" | "preorder")) => Some(ProductStatus::Active),
            _ => None,
        },
        price: money(found, "calculated_price", &currency)
            .or_else(|| money(found, "price", &currency)),
        sku: json::filled(found, "sku"),
        url: url(found, store),
        created_at: json::time_at(found, "date_created"),
        updated_at: json::time_at(found, "date_modified"),
        raw: found.clone(),
    })
}

/// Its page in the store's own front.
fn url(found: &Value, store: &Value) -> Option<String> {
    let path = json::filled(found, "custom_url.url").filter(|path| path.starts_with('/'))?;
    let front = json::filled(store, "secure_url")?;
    Some(format!("{}{path}", front.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_filter_can_not_become_several() {
        let given = |text: &str| one("email", Some(text.to_owned()));
        assert_eq!(given("bo@shop.example").unwrap().as_deref(), Some("bo@shop.example"));
        assert!(given("bo@shop.example,ana@shop.example").is_err());
        assert!(given(" ").is_err());
        assert_eq!(one("email", None).unwrap(), None);
    }

    #[test]
    fn the_payments_own_word_counts_before_the_orders_state() {
        for (state, word, expected) in [
            (AWAITING_FULFILLMENT, "authorized", Some(PaymentStatus::Pending)),
            (AWAITING_FULFILLMENT, "", Some(PaymentStatus::Paid)),
            (AWAITING_PAYMENT, "", Some(PaymentStatus::Pending)),
            (CANCELLED, "captured", Some(PaymentStatus::Paid)),
            (CANCELLED, "authorized", Some(PaymentStatus::Failed)),
            (DECLINED, "declined", Some(PaymentStatus::Failed)),
            (REFUNDED, "captured", Some(PaymentStatus::Refunded)),
            (COMPLETED, "partially refunded", Some(PaymentStatus::PartiallyRefunded)),
            (SHIPPED, "", None),
        ] {
            assert_eq!(payment(state, word), expected, "{state} {word}");
        }
    }

    #[test]
    fn an_order_is_sent_when_all_of_it_is() {
        let order = |state: i64, total: u64, shipped: u64, digital: bool| {
            let found = json!({ "items_total": total, "items_shipped": shipped, "order_is_digital": digital });
            fulfilled(&found, state)
        };
        assert_eq!(order(AWAITING_FULFILLMENT, 2, 1, false), Some(false));
        assert_eq!(order(AWAITING_FULFILLMENT, 2, 2, false), Some(true));
        assert_eq!(order(AWAITING_FULFILLMENT, 2, 0, true), None);
        assert_eq!(order(SHIPPED, 2, 0, false), Some(true));
    }

    #[test]
    fn a_price_is_exact_in_the_stores_currency() {
        let price = |price: Value, currency: &str| {
            let found = json!({ "id": 1, "price": price });
            product(&found, &json!({ "currency": currency })).unwrap().price
        };
        assert_eq!(price(json!(15.95), "EUR"), Money::new(1595, "EUR"));
        assert_eq!(price(json!("500.0000"), "JPY"), Money::new(500, "JPY"));
        assert_eq!(price(json!(15.955), "EUR"), None);
        assert_eq!(price(json!(15.95), ""), None);
    }
}
