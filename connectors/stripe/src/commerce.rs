//! Customers and products. Stripe has no orders.

use async_trait::async_trait;
use connector::{
    Api, Error, Method,
    commerce::{
        Commerce, Customer, GetOrder, ListOrders, ListProducts, Order, Product, ProductStatus,
        SearchCustomers, SearchProducts,
    },
    json,
    model::{Cursor, Money, Page},
    unsupported,
};
use serde_json::Value;

use crate::Stripe;

/// Currencies that Stripe counts in hundredths although ISO 4217 has no smaller unit (from memory).
const IN_HUNDREDTHS: [&str; 2] = ["isk", "ugx"];

#[async_trait]
impl Commerce for Stripe {
    async fn search_customers(
        &self,
        api: &Api,
        ask: SearchCustomers,
    ) -> Result<Page<Customer>, Error> {
        let clauses: Vec<_> = [
            ask.query.as_deref().map(part_of_name).transpose()?,
            ask.email.as_deref().map(|email| format!("email:{}", quoted(email))),
            ask.phone.as_deref().map(|phone| format!("phone:{}", quoted(phone))),
        ]
        .into_iter()
        .flatten()
        .collect();
        let cursor = ask.cursor.as_ref().map(Cursor::as_str);
        let call = if clauses.is_empty() {
            api.call(Method::GET, "/v1/customers").query_if("starting_after", cursor)
        } else {
            let search = api.call(Method::GET, "/v1/customers/search");
            search.query("query", clauses.join(" AND ")).query_if("page", cursor)
        };
        let found = call.query("limit", ask.limit.get()).fetch().await?;
        Ok(Page::new(json::each(&found, "data", customer)?, next(&found)))
    }

    async fn list_orders(&self, _: &Api, _: ListOrders) -> Result<Page<Order>, Error> {
        Err(unsupported("orders.list"))
    }

    async fn get_order(&self, _: &Api, _: GetOrder) -> Result<Order, Error> {
        Err(unsupported("orders.get"))
    }

    async fn list_products(&self, api: &Api, ask: ListProducts) -> Result<Page<Product>, Error> {
        let found = api
            .call(Method::GET, "/v1/products")
            .query("limit", ask.limit.get())
            .query("expand[]", "data.default_price")
            .query_if("starting_after", ask.cursor.as_ref().map(Cursor::as_str))
            .fetch()
            .await?;
        Ok(Page::new(json::each(&found, "data", product)?, next(&found)))
    }

    async fn search_products(
        &self,
        api: &Api,
        ask: SearchProducts,
    ) -> Result<Page<Product>, Error> {
        let found = api
            .call(Method::GET, "/v1/products/search")
            .query("query", part_of_name(&ask.query)?)
            .query("limit", ask.limit.get())
            .query("expand[]", "data.default_price")
            .query_if("page", ask.cursor.as_ref().map(Cursor::as_str))
            .fetch()
            .await?;
        Ok(Page::new(json::each(&found, "data", product)?, next(&found)))
    }
}

/// A value of the search's language: in quotes, so that it can't become another clause.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn part_of_name(text: &str) -> Result<String, Error> {
    if text.trim().chars().count() < 3 {
        return Err(Error::input("query", "Stripe searches for three letters at least"));
    }
    Ok(format!("name~{}", quoted(text.trim())))
}

/// A search tells the next page; a list is continued after its last record.
fn next(found: &Value) -> Option<String> {
    let has_more = found.get("has_more").and_then(Value::as_bool) == Some(true);
    let last = || json::text_at(json::list_at(found, "data").last()?, "id");
    if has_more { json::filled(found, "next_page").or_else(last) } else { None }
}

fn customer(found: &Value) -> Result<Customer, Error> {
    Ok(Customer {
        id: json::id_at(found, "id")?,
        name: json::filled(found, "name"),
        email: json::filled(found, "email"),
        phone: json::filled(found, "phone"),
        created_at: json::secs_at(found, "created"),
        updated_at: None,
        raw: found.clone(),
    })
}

fn product(found: &Value) -> Result<Product, Error> {
    let is_active = found.get("active").and_then(Value::as_bool);
    Ok(Product {
        id: json::id_at(found, "id")?,
        title: json::filled(found, "name"),
        description: json::filled(found, "description"),
        status: is_active
            .map(|yes| if yes { ProductStatus::Active } else { ProductStatus::Archived }),
        price: price(found),
        sku: None,
        url: json::filled(found, "url"),
        created_at: json::secs_at(found, "created"),
        updated_at: json::secs_at(found, "updated"),
        raw: found.clone(),
    })
}

fn price(found: &Value) -> Option<Money> {
    let minor = json::at(found, "default_price.unit_amount")?.as_i64()?;
    let currency = json::text_at(found, "default_price.currency")?;
    let is_odd = IN_HUNDREDTHS.contains(&currency.to_ascii_lowercase().as_str());
    Money::new(if is_odd { minor / 100 } else { minor }, &currency)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_searched_for_can_not_become_another_clause() {
        let clause = part_of_name("a\" OR email~\"b").unwrap();
        assert_eq!(clause, r#"name~"a\" OR email~\"b""#);
        assert!(part_of_name(" a ").is_err());
    }

    #[test]
    fn a_price_is_in_the_currencys_own_minor_units() {
        let of = |amount: i64, currency: &str| {
            price(&json!({ "default_price": { "unit_amount": amount, "currency": currency } }))
        };
        assert_eq!(of(1595, "eur"), Money::new(1595, "EUR"));
        assert_eq!(of(500, "jpy"), Money::new(500, "JPY"));
        assert_eq!(of(50_000, "isk"), Money::new(500, "ISK"));
    }
}
