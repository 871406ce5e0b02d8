//! Customers, orders and products, over the Admin API's GraphQL.

use async_trait::async_trait;
use connector::{
    Api, Error, ErrorKind,
    commerce::{
        Commerce, Customer, GetOrder, ListOrders, ListProducts, Order, OrderItem, OrderStatus,
        PaymentStatus, Product, ProductStatus, SearchCustomers, SearchProducts,
    },
    json,
    model::{Cursor, Id, Money, Page},
};
use serde_json::{Value, json};

use crate::Shopify;

const PATH: &str = "/graphql.json";
const CUSTOMERS: &str = include_str!("customers.graphql");
const ORDERS: &str = include_str!("orders.graphql");
const ORDER: &str = include_str!("order.graphql");
const PRODUCTS: &str = include_str!("products.graphql");

// A query costs about as much as it may give, and one of over 1,000 points is refused.
const MOST_CUSTOMERS: u32 = 100;
const MOST_ORDERS: u32 = 25;
const MOST_PRODUCTS: u32 = 50;

#[async_trait]
impl Commerce for Shopify {
    async fn search_customers(
        &self,
        api: &Api,
        ask: SearchCustomers,
    ) -> Result<Page<Customer>, Error> {
        let filter = [
            ask.query.as_deref().map(words),
            ask.email.as_deref().map(|email| field("email", email)),
            ask.phone.as_deref().map(|phone| field("phone", phone)),
        ];
        let asked = variables(filter, ask.cursor.as_ref(), ask.limit.at_most(MOST_CUSTOMERS));
        page(&api.graphql(PATH, CUSTOMERS, asked).await?, "customers", customer)
    }

    async fn list_orders(&self, api: &Api, ask: ListOrders) -> Result<Page<Order>, Error> {
        let customer = ask.customer_id.as_ref().map(number_of_customer).transpose()?;
        let filter = [
            customer.map(|number| field("customer_id", number)),
            ask.email.as_deref().map(|email| field("email", email)),
            // Unless it is told otherwise, Shopify leaves some out.
            Some(field("status", ask.status.map_or("any", word))),
            ask.created_from
                .map(|from| format!("created_at:>={}", quoted(&from.utc().to_string()))),
        ];
        let asked = variables(filter, ask.cursor.as_ref(), ask.limit.at_most(MOST_ORDERS));
        page(&api.graphql(PATH, ORDERS, asked).await?, "orders", order)
    }

    async fn get_order(&self, api: &Api, ask: GetOrder) -> Result<Order, Error> {
        let found = api.graphql(PATH, ORDER, json!({ "id": ask.id })).await?;
        match found.get("order").filter(|order| !order.is_null()) {
            Some(found) => order(found),
            None => Err(Error::new(ErrorKind::NotFound, "the store has no such order")),
        }
    }

    async fn list_products(&self, api: &Api, ask: ListProducts) -> Result<Page<Product>, Error> {
        products(api, variables([None], ask.cursor.as_ref(), ask.limit.at_most(MOST_PRODUCTS)))
            .await
    }

    async fn search_products(
        &self,
        api: &Api,
        ask: SearchProducts,
    ) -> Result<Page<Product>, Error> {
        products(
            api,
            variables(
                [Some(words(&ask.query))],
                ask.cursor.as_ref(),
                ask.limit.at_most(MOST_PRODUCTS),
            ),
        )
        .await
    }
}

async fn products(api: &Api, asked: Value) -> Result<Page<Product>, Error> {
    let found = api.graphql(PATH, PRODUCTS, asked).await?;
    let currency = json::filled(&found, "shop.currencyCode");
    page(&found, "products", |found| product(found, currency.as_deref()))
}

fn variables<const N: usize>(
    filter: [Option<String>; N],
    cursor: Option<&Cursor>,
    first: u32,
) -> Value {
    let filter: Vec<_> = filter.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    let query = Some(filter.join(" ")).filter(|query| !query.is_empty());
    json!({ "first": first, "after": cursor.map(Cursor::as_str), "query": query })
}

/// A value of the search syntax: in quotes, so that it can't become another filter.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn field(name: &str, value: &str) -> String {
    format!("{name}:{}", quoted(value))
}

/// Each word by itself, in any order.
fn words(text: &str) -> String {
    let words: Vec<_> = text.split_whitespace().map(quoted).collect();
    words.join(" ")
}

fn number_of_customer(id: &Id) -> Result<&str, Error> {
    let number = id.as_str().strip_prefix("gid://shopify/Customer/").unwrap_or(id.as_str());
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    digits.then_some(number).ok_or_else(|| {
        Error::input("customer_id", "give a customer's `id`, such as `gid://shopify/Customer/1`")
    })
}

fn page<T>(
    found: &Value,
    name: &str,
    one: impl Fn(&Value) -> Result<T, Error>,
) -> Result<Page<T>, Error> {
    let list = found.get(name).unwrap_or(&Value::Null);
    let items = json::each(list, "nodes", one)?;
    let more = json::at(list, "pageInfo.hasNextPage").and_then(Value::as_bool) == Some(true);
    let next = json::filled(list, "pageInfo.endCursor").filter(|_| more);
    Ok(Page::new(items, next))
}

fn customer(found: &Value) -> Result<Customer, Error> {
    Ok(Customer {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "displayName"),
        email: json::filled(found, "defaultEmailAddress.emailAddress"),
        phone: json::filled(found, "defaultPhoneNumber.phoneNumber"),
        created_at: json::time_at(found, "createdAt"),
        updated_at: json::time_at(found, "updatedAt"),
        raw: found.clone(),
    })
}

/// Shopify's word.
fn word(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Open => "open",
        OrderStatus::Completed => "closed",
        OrderStatus::Cancelled => "cancelled",
    }
}

fn order(found: &Value) -> Result<Order, Error> {
    let is_closed = found.get("closed").and_then(Value::as_bool) == Some(true);
    let status = if json::filled(found, "cancelledAt").is_some() {
        OrderStatus::Cancelled
    } else if is_closed {
        OrderStatus::Completed
    } else {
        OrderStatus::Open
    };
    Ok(Order {
        id: json::id_at(found, "id")?,
        number: json::filled(found, "name"),
        status,
        payment_status: json::filled(found, "displayFinancialStatus").as_deref().and_then(payment),
        fulfilled: json::filled(found, "displayFulfillmentStatus")
            .map(|status| matches!(status.as_str(), "FULFILLED" | "FULFILLMENT_NOT_REQUIRED")),
        // Both need scopes of their own: an order is seen without them.
        customer_id: None,
        email: json::filled(found, "email"),
        total: money(found, "totalPriceSet"),
        items: json::list_at(found, "lineItems.nodes").iter().map(item).collect(),
        url: json::filled(found, "statusPageUrl"),
        created_at: json::time_at(found, "createdAt"),
        updated_at: json::time_at(found, "updatedAt"),
        raw: found.clone(),
    })
}

fn payment(status: &str) -> Option<PaymentStatus> {
    match status {
        "PENDING" | "AUTHORIZED" | "PARTIALLY_PAID" => Some(PaymentStatus::Pending),
        "PAID" => Some(PaymentStatus::Paid),
        "PARTIALLY_REFUNDED" => Some(PaymentStatus::PartiallyRefunded),
        "REFUNDED" => Some(PaymentStatus::Refunded),
        "VOIDED" | "EXPIRED" => Some(PaymentStatus::Failed),
        _ => None,
    }
}

fn item(found: &Value) -> OrderItem {
    OrderItem {
        product_id: None,
        title: json::filled(found, "title"),
        sku: json::filled(found, "sku"),
        quantity: found.get("quantity").and_then(Value::as_f64).unwrap_or_default(),
        price: money(found, "originalUnitPriceSet"),
    }
}

/// In the store's own currency.
fn money(found: &Value, bag: &str) -> Option<Money> {
    let amount = json::text_at(found, &format!("{bag}.shopMoney.amount"))?;
    Money::from_decimal(&amount, &json::text_at(found, &format!("{bag}.shopMoney.currencyCode"))?)
}

fn product(found: &Value, currency: Option<&str>) -> Result<Product, Error> {
    let variants = json::list_at(found, "variants.nodes");
    let price = |variant: &Value| Money::from_decimal(&json::text_at(variant, "price")?, currency?);
    Ok(Product {
        id: json::id_at(found, "id")?,
        title: json::filled(found, "title"),
        description: json::filled(found, "descriptionHtml"),
        status: match json::text_at(found, "status").as_deref() {
            Some("ACTIVE" | "UNLISTED") => Some(ProductStatus::Active),
            Some("DRAFT") => Some(ProductStatus::Draft),
            Some("ARCHIVED") => Some(ProductStatus::Archived),
            _ => None,
        },
        price: variants.iter().filter_map(price).min_by_key(|price| price.minor),
        sku: json::filled(found, "variants.nodes.0.sku"),
        url: json::filled(found, "onlineStoreUrl"),
        created_at: json::time_at(found, "createdAt"),
        updated_at: json::time_at(found, "updatedAt"),
        raw: found.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_searched_for_can_not_become_another_filter() {
        assert_eq!(field("email", "a\" OR status:any"), r#"email:"a\" OR status:any""#);
        assert_eq!(words(r#"ana "x\"#), r#""ana" "\"x\\""#);
        assert_eq!(words("  "), "");
    }

    #[test]
    fn a_customer_is_named_by_id_alone() {
        let id = |text: &str| Id::new(text).unwrap();
        assert_eq!(number_of_customer(&id("gid://shopify/Customer/42")).unwrap(), "42");
        assert!(number_of_customer(&id("gid://shopify/Order/42")).is_err());
        assert!(number_of_customer(&id("42 OR email:a")).is_err());
    }
}
