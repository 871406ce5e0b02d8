//! Shops: customers, orders, products.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Api, Error,
    model::{Cursor, DateTime, Id, Limit, Money, Page},
};

/// What a shop can do. Each action that the manifest lists works; the others answer
/// [`unsupported`](crate::unsupported).
#[async_trait]
pub trait Commerce: Send + Sync {
    /// `customers.search`
    async fn search_customers(
        &self,
        api: &Api,
        ask: SearchCustomers,
    ) -> Result<Page<Customer>, Error>;
    /// `orders.list`
    async fn list_orders(&self, api: &Api, ask: ListOrders) -> Result<Page<Order>, Error>;
    /// `orders.get`
    async fn get_order(&self, api: &Api, ask: GetOrder) -> Result<Order, Error>;
    /// `products.list`
    async fn list_products(&self, api: &Api, ask: ListProducts) -> Result<Page<Product>, Error>;
    /// `products.search`
    async fn search_products(&self, api: &Api, ask: SearchProducts)
    -> Result<Page<Product>, Error>;
}

/// Whoever buys.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Customer {
    /// The provider's id.
    pub id: Id,
    /// The whole name.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The phone number, as it was typed in.
    pub phone: Option<String>,
    /// When they were added.
    pub created_at: Option<DateTime>,
    /// When the record last changed.
    pub updated_at: Option<DateTime>,
    /// The provider's own record.
    pub raw: Value,
}

/// Which customers. Nothing given: all of them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchCustomers {
    /// Words of the name or whatever else the provider searches.
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

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// It is being worked on.
    Open,
    /// It is done.
    Completed,
    /// It was called off.
    Cancelled,
}

/// Whether an order is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Not yet, or not all of it.
    Pending,
    /// All of it.
    Paid,
    /// Some of it was given back.
    PartiallyRefunded,
    /// All of it was given back.
    Refunded,
    /// It failed, or was called off.
    Failed,
}

/// A line of an order.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OrderItem {
    /// The product, by its id, where it still is one.
    pub product_id: Option<Id>,
    /// What it is called.
    pub title: Option<String>,
    /// The merchant's own number of it.
    pub sku: Option<String>,
    /// How many.
    pub quantity: f64,
    /// The price of one.
    pub price: Option<Money>,
}

/// An order.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Order {
    /// The provider's id.
    pub id: Id,
    /// What people call it: `#1001`.
    pub number: Option<String>,
    /// Where it stands.
    pub status: OrderStatus,
    /// Whether it is paid, where that can be told.
    pub payment_status: Option<PaymentStatus>,
    /// Whether all of it has been sent, where that can be told.
    pub fulfilled: Option<bool>,
    /// Who bought, by the customer's id.
    pub customer_id: Option<Id>,
    /// The e-mail address of whoever bought.
    pub email: Option<String>,
    /// What it costs in all.
    pub total: Option<Money>,
    /// What was bought; of very long orders the first part.
    pub items: Vec<OrderItem>,
    /// Its page in the provider's app, or where the buyer sees it.
    pub url: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime>,
    /// When it last changed.
    pub updated_at: Option<DateTime>,
    /// The provider's own record.
    pub raw: Value,
}

/// Which orders. Nothing given: all of them, the newest first where the provider sorts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListOrders {
    /// Those of this customer.
    pub customer_id: Option<Id>,
    /// Those of whoever has exactly this e-mail address.
    pub email: Option<String>,
    /// Those that stand here.
    pub status: Option<OrderStatus>,
    /// Those made at this moment or after it.
    pub created_from: Option<DateTime>,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// The most items on the page.
    #[serde(default)]
    pub limit: Limit,
}

/// One order.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetOrder {
    /// The order's id.
    pub id: Id,
}

/// Whether a product can be bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProductStatus {
    /// It can.
    Active,
    /// Not yet.
    Draft,
    /// No longer.
    Archived,
}

/// A product.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Product {
    /// The provider's id.
    pub id: Id,
    /// What it is called.
    pub title: Option<String>,
    /// What it is; may be HTML, as the provider keeps it.
    pub description: Option<String>,
    /// Whether it can be bought, where that can be told.
    pub status: Option<ProductStatus>,
    /// The price; of several the lowest.
    pub price: Option<Money>,
    /// The merchant's own number of it.
    pub sku: Option<String>,
    /// Its page in the shop or in the provider's app.
    pub url: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime>,
    /// When it last changed.
    pub updated_at: Option<DateTime>,
    /// The provider's own record.
    pub raw: Value,
}

/// All products, a page at a time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListProducts {
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// The most items on the page.
    #[serde(default)]
    pub limit: Limit,
}

/// Which products.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchProducts {
    /// Words of the title or whatever else the provider searches.
    pub query: String,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// The most items on the page.
    #[serde(default)]
    pub limit: Limit,
}
