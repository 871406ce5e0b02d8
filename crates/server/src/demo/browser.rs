//! A browser of the barest kind, which clicks through the link by itself: for `--auto` only.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request, Response, header};
use outbound::Outbound;
use url::{Url, form_urlencoded};

use super::{DemoError, api::LIMITS, failed};

/// More pages and redirects than a link has.
const MOST: usize = 20;

/// Cookies by host and port, and the way out.
pub(super) struct Browser {
    outbound: Outbound,
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

/// A form of a page.
#[derive(Debug, Default, PartialEq, Eq)]
struct Form {
    action: String,
    fields: Vec<(String, String)>,
}

impl Browser {
    pub(super) fn new(outbound: &Outbound) -> Self {
        Self { outbound: outbound.clone(), cookies: BTreeMap::new() }
    }

    /// Opens a page and goes on by its main form or link until `end` is the next address.
    pub(super) async fn walk(&mut self, start: &str, end: &str) -> Result<Url, DemoError> {
        let mut url = Url::parse(start).map_err(|error| failed(error.to_string()))?;
        let mut form = None;
        for _ in 0..MOST {
            let answer = self.open(&url, form.take()).await?;
            if answer.status().is_redirection() {
                url = onward(&url, &answer)?;
            } else {
                let page = String::from_utf8_lossy(answer.body()).into_owned();
                if !answer.status().is_success() {
                    return Err(failed(format!("{} answered {}", url.path(), answer.status())));
                }
                if let Some(back) = links(&page).into_iter().find(|link| link.starts_with(end)) {
                    return Url::parse(&back).map_err(|error| failed(error.to_string()));
                }
                let next = main_form(&page)
                    .ok_or_else(|| failed(format!("The page {} leads no further", url.path())))?;
                url = url.join(&next.action).map_err(|error| failed(error.to_string()))?;
                form = Some(next.fields);
            }
            if url.as_str().starts_with(end) {
                return Ok(url);
            }
        }
        Err(failed("The link did not come to an end"))
    }

    async fn open(
        &mut self,
        url: &Url,
        form: Option<Vec<(String, String)>>,
    ) -> Result<Response<Bytes>, DemoError> {
        let site = format!("{}:{}", url.host_str().unwrap_or_default(), url.port().unwrap_or(80));
        let jar = self.cookies.entry(site).or_default();
        let mut request = Request::builder().uri(url.as_str()).header(header::ACCEPT, "text/html");
        if !jar.is_empty() {
            let all: Vec<String> =
                jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(header::COOKIE, all.join("; "));
        }
        let body = match form {
            None => Bytes::new(),
            Some(fields) => {
                request = request
                    .method(Method::POST)
                    .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
                let mut body = form_urlencoded::Serializer::new(String::new());
                body.extend_pairs(fields);
                body.finish().into()
            }
        };
        let request = request.body(body).map_err(|error| failed(error.to_string()))?;
        let answer =
            self.outbound.send(request, LIMITS).await.map_err(|error| failed(error.to_string()))?;
        for cookie in answer.headers().get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap_or_default().split(';').next().unwrap_or_default();
            if let Some((name, value)) = pair.split_once('=') {
                jar.insert(name.to_owned(), value.to_owned());
            }
        }
        Ok(answer)
    }
}

fn onward(from: &Url, answer: &Response<Bytes>) -> Result<Url, DemoError> {
    let place = answer.headers().get(header::LOCATION).and_then(|place| place.to_str().ok());
    let place = place.ok_or_else(|| failed("A redirect leads nowhere"))?;
    from.join(place).map_err(|error| failed(error.to_string()))
}

/// The inside of every tag of this name, `<name …>`.
fn tags<'a>(html: &'a str, name: &str) -> Vec<&'a str> {
    let open = format!("<{name}");
    let mut found = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find(&open) {
        rest = &rest[at + open.len()..];
        let end = rest.find('>').unwrap_or(rest.len());
        if rest.starts_with([' ', '\n', '>']) {
            found.push(&rest[..end]);
        }
    }
    found
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let value = tag[start..].split('"').next()?;
    let named = [("&quot;", "\""), ("&#34;", "\""), ("&#39;", "'"), ("&lt;", "<"), ("&gt;", ">")];
    let plain = named.iter().fold(value.to_owned(), |text, (code, sign)| text.replace(code, sign));
    Some(plain.replace("&#38;", "&").replace("&amp;", "&"))
}

fn has(tag: &str, name: &str) -> bool {
    tag.split_whitespace().any(|word| word == name)
}

fn links(html: &str) -> Vec<String> {
    tags(html, "a").into_iter().filter_map(|tag| attribute(tag, "href")).collect()
}

/// The first form that does not cancel, as it is filled in, sent by its first button.
fn main_form(html: &str) -> Option<Form> {
    let mut rest = html;
    while let Some(at) = rest.find("<form") {
        rest = &rest[at + 5..];
        let end = rest.find("</form").unwrap_or(rest.len());
        let (form, after) = rest.split_at(end);
        rest = after;
        let tag = form.split('>').next()?;
        let action = attribute(tag, "action").unwrap_or_default();
        if !action.ends_with("/cancel") {
            let fields = fields(html, form, attribute(tag, "id").as_deref());
            return Some(Form { action, fields });
        }
    }
    None
}

/// The controls of a form: those inside that name no other by `form=`, and those elsewhere that name it.
fn controls<'a>(html: &'a str, form: &'a str, id: Option<&str>, name: &str) -> Vec<&'a str> {
    let inside = tags(form, name).into_iter().filter(|tag| {
        let owner = attribute(tag, "form");
        owner.is_none() || owner.as_deref() == id
    });
    let outside = tags(html, name).into_iter().filter(|tag| {
        let within = form.as_bytes().as_ptr_range().contains(&tag.as_ptr());
        !within && id.is_some() && attribute(tag, "form").as_deref() == id
    });
    inside.chain(outside).collect()
}

fn fields(html: &str, form: &str, id: Option<&str>) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    for tag in controls(html, form, id, "input") {
        let (Some(name), value) = (attribute(tag, "name"), attribute(tag, "value")) else {
            continue;
        };
        let kind = attribute(tag, "type").unwrap_or_default();
        let chosen = !matches!(kind.as_str(), "radio" | "checkbox") || has(tag, "checked");
        if chosen {
            fields.push((name, value.unwrap_or_default()));
        }
    }
    // The button that the form is sent by, if it says something itself.
    let button = controls(html, form, id, "button").into_iter().next();
    let said = button.and_then(|tag| Some((attribute(tag, "name")?, attribute(tag, "value"))));
    fields.extend(said.map(|(name, value)| (name, value.unwrap_or_default())));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_form_is_sent_as_it_is_filled_in() {
        let page = r#"<form action="/cancel"><button>x</button></form>
            <form method="post" action="/go"><input type="hidden" name="a" value="1 &amp; 2">
            <input type="radio" name="r" value="x"><input type="radio" name="r" value="y" checked>
            <input type="checkbox" name="c" value="on"><button name="d" value="allow">Go</button>
            <button name="d" value="deny">No</button></form>"#;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let fields = vec![pair("a", "1 & 2"), pair("r", "y"), pair("d", "allow")];
        assert_eq!(main_form(page), Some(Form { action: "/go".to_owned(), fields }));
    }

    #[test]
    fn a_button_that_names_another_form_is_none_of_this_ones() {
        let page = r#"<form id="cancel" action="/cancel"><input type="hidden" name="csrf" value="1"></form>
            <button form="cancel" name="reason" value="not_me">x</button>
            <form action="/start"><input type="hidden" name="csrf" value="1">
            <button form="cancel" name="reason" value="cancelled">Cancel</button></form>"#;
        let fields = vec![("csrf".to_owned(), "1".to_owned())];
        assert_eq!(main_form(page), Some(Form { action: "/start".to_owned(), fields }));
    }

    #[test]
    fn what_stands_elsewhere_and_names_the_form_is_sent_with_it() {
        let page = r#"<form id="go" action="/start"></form><input form="go" name="a" value="1">
            <input form="other" name="b" value="2"><button form="go" name="d" value="yes">Go</button>"#;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let fields = vec![pair("a", "1"), pair("d", "yes")];
        assert_eq!(main_form(page), Some(Form { action: "/start".to_owned(), fields }));
    }
}
