//! Customers, orders and products, over version 3 of the REST API.

use async_trait::async_trait;
use connector::{
    Answer, Api, Call, Error, Method,
    commerce::{
        Commerce, Customer, GetOrder, ListOrders, ListProducts, Order, OrderItem, OrderStatus,
        PaymentStatus, Product, ProductStatus, SearchCustomers, SearchProducts,
    },
    json,
    model::{Cursor, DateTime, Id, Limit, Money, Page},
};
use serde_json::Value;

use crate::WooCommerce;

#[async_trait]
impl Commerce for WooCommerce {
    async fn search_customers(
        &self,
        api: &Api,
        ask: SearchCustomers,
    ) -> Result<Page<Customer>, Error> {
        if ask.phone.is_some() {
            return Err(Error::input("phone", "WooCommerce does not search by it; use `query`"));
        }
        let call = api
            .call(Method::GET, "/customers")
            .query("role", "all")
            .query_if("search", ask.query)
            .query_if("email", ask.email);
        page(call, ask.cursor.as_ref(), ask.limit, customer).await
    }

    async fn list_orders(&self, api: &Api, ask: ListOrders) -> Result<Page<Order>, Error> {
        if ask.email.is_some() {
            return Err(Error::input(
                "email",
                "WooCommerce lists orders by `customer_id`; find it with `customers.search`",
            ));
        }
        let call = api
            .call(Method::GET, "/orders")
            .query_if("customer", ask.customer_id)
            .query_if("status", ask.status.map(words))
            .query_if("after", ask.created_from.map(|from| from.utc().local()))
            .query_if("dates_are_gmt", ask.created_from.map(|_| true));
        page(call, ask.cursor.as_ref(), ask.limit, order).await
    }

    async fn get_order(&self, api: &Api, ask: GetOrder) -> Result<Order, Error> {
        order(&api.call(Method::GET, "/orders/{id}").part("id", ask.id).fetch().await?)
    }

    async fn list_products(&self, api: &Api, ask: ListProducts) -> Result<Page<Product>, Error> {
        let call = api.call(Method::GET, "/products");
        page(call, ask.cursor.as_ref(), ask.limit, product).await
    }

    async fn search_products(
        &self,
        api: &Api,
        ask: SearchProducts,
    ) -> Result<Page<Product>, Error> {
        let call = api.call(Method::GET, "/products").query("search", ask.query);
        page(call, ask.cursor.as_ref(), ask.limit, product).await
    }
}

/// Pages are counted from 1; a header tells how many there are.
async fn page<T>(
    call: Call<'_>,
    cursor: Option<&Cursor>,
    limit: Limit,
    one: impl Fn(&Value) -> Result<T, Error>,
) -> Result<Page<T>, Error> {
    let page = Cursor::count(cursor, 1)?;
    let Answer { headers, body, .. } =
        call.query("page", page).query("per_page", limit.get()).answer().await?;
    let pages = headers.get("x-wp-totalpages").and_then(|pages| pages.to_str().ok()?.parse().ok());
    let items = body.as_array().into_iter().flatten().map(one).collect::<Result<_, _>>()?;
    Ok(Page::counted(items, page, 1, pages.is_some_and(|pages: u64| page < pages)))
}

/// WooCommerce writes UTC without saying so.
fn utc(found: &Value, path: &str) -> Option<DateTime> {
    json::time_at(found, path)
}

fn customer(found: &Value) -> Result<Customer, Error> {
    let names = ["first_name", "last_name"].map(|path| json::filled(found, path));
    let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
    Ok(Customer {
        id: json::id_at(found, "id")?,
        name: Some(name).filter(|name| !name.is_empty()),
        email: json::filled(found, "email"),
        phone: json::filled(found, "billing.phone"),
        created_at: utc(found, "date_created_gmt"),
        updated_at: utc(found, "date_modified_gmt"),
        raw: found.clone(),
    })
}

fn words(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Open => "pending,processing,on-hold",
        OrderStatus::Completed => "completed,refunded",
        OrderStatus::Cancelled => "cancelled,failed",
    }
}

fn order(found: &Value) -> Result<Order, Error> {
    let word = json::text_at(found, "status").unwrap_or_default();
    let currency = json::text_at(found, "currency").unwrap_or_default();
    let was_paid = json::filled(found, "date_paid_gmt").is_some();
    let some_back = !json::list_at(found, "refunds").is_empty();
    let payment = match word.as_str() {
        "refunded" => PaymentStatus::Refunded,
        "failed" => PaymentStatus::Failed,
        _ if some_back => PaymentStatus::PartiallyRefunded,
        _ if was_paid => PaymentStatus::Paid,
        "cancelled" => PaymentStatus::Failed,
        _ => PaymentStatus::Pending,
    };
    Ok(Order {
        id: json::id_at(found, "id")?,
        number: json::filled(found, "number"),
        status: match word.as_str() {
            "completed" | "refunded" => OrderStatus::Completed,
            "cancelled" | "failed" => OrderStatus::Cancelled,
            _ => OrderStatus::Open,
        },
        payment_status: Some(payment),
        fulfilled: None,
        // 0 is a guest.
        customer_id: json::maybe_id(found, "customer_id").filter(|id| id.as_str() != "0"),
        email: json::filled(found, "billing.email"),
        total: json::text_at(found, "total")
            .and_then(|total| Money::from_decimal(&total, &currency)),
        items: json::list_at(found, "line_items").iter().map(|one| item(one, &currency)).collect(),
        url: None,
        created_at: utc(found, "date_created_gmt"),
        updated_at: utc(found, "date_modified_gmt"),
        raw: found.clone(),
    })
}

fn item(found: &Value, currency: &str) -> OrderItem {
    OrderItem {
        product_id: json::maybe_id(found, "product_id").filter(|id: &Id| id.as_str() != "0"),
        title: json::filled(found, "name"),
        sku: json::filled(found, "sku"),
        quantity: found.get("quantity").and_then(Value::as_f64).unwrap_or_default(),
        price: json::text_at(found, "price")
            .and_then(|price| Money::from_decimal(&price, currency)),
    }
}

fn product(found: &Value) -> Result<Product, Error> {
    Ok(Product {
        id: json::id_at(found, "id")?,
        title: json::filled(found, "name"),
        description: json::filled(found, "description"),
        status: match json::text_at(found, "status").as_deref() {
            Some("publish") => Some(ProductStatus::Active),
            Some("draft" | "pending" | "private") => Some(ProductStatus::Draft),
            _ => None,
        },
        // A product does not say its currency.
        price: None,
        sku: json::filled(found, "sku"),
        url: json::filled(found, "permalink"),
        created_at: utc(found, "date_created_gmt"),
        updated_at: utc(found, "date_modified_gmt"),
        raw: found.clone(),
    })
}
