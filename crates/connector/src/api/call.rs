//! One request of a connector: what it asks, and what comes back.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde::Serialize;
use serde_json::{Value, json};
use url::{Url, form_urlencoded};

use super::{Api, Sketching, read};
use crate::{Connector, Error, ErrorKind, template};

/// A request to be. Nothing is sent before [`Call::fetch`] or [`Call::answer`].
#[must_use = "a call is sent by `fetch` or `answer`"]
pub struct Call<'a> {
    api: &'a Api,
    method: Method,
    path: String,
    parts: BTreeMap<String, String>,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Body,
    /// What made it impossible.
    wrong: Option<Error>,
    looks: bool,
}

enum Body {
    None,
    Json(Value),
    Form(Vec<(String, String)>),
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; `Null` where it is empty or no JSON.
    pub body: Value,
    /// Whether the body is neither empty nor JSON.
    pub(crate) garbled: bool,
}

/// A request that would be sent, without the credential.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sketch {
    /// The method.
    pub method: String,
    /// The URL, without a key in its query.
    pub url: String,
    /// The headers, without those of the credential.
    pub headers: BTreeMap<String, String>,
    /// The body: JSON, or a form's fields by name.
    pub body: Value,
}

impl Api {
    /// A request to a path of the API: `/contacts/{id}`, whose names [`Call::part`] fills; or a whole URL on
    /// one of the API's hosts.
    pub fn call(&self, method: Method, path: impl Into<String>) -> Call<'_> {
        let looks = matches!(method, Method::GET | Method::HEAD);
        Call {
            api: self,
            method,
            path: path.into(),
            parts: BTreeMap::new(),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Body::None,
            wrong: None,
            looks,
        }
    }

    /// Asks GraphQL, and gives `data`. Errors beside it, even with a status of 200, are errors.
    pub async fn graphql(&self, path: &str, query: &str, variables: Value) -> Result<Value, Error> {
        let body = json!({ "query": query, "variables": variables });
        let call = self.call(Method::POST, path).json(body);
        let looks = !query.trim_start().starts_with("mutation");
        let mut answer = Call { looks, ..call }.fetch().await?;
        if answer.get("errors").and_then(Value::as_array).is_some_and(|errors| !errors.is_empty()) {
            let error = read::graphql(&answer, &self.errors, &self.secrets());
            return Err(self.quoting(error));
        }
        Ok(answer.get_mut("data").map(Value::take).unwrap_or_default())
    }
}

impl Call<'_> {
    /// Fills a name of the path with one step, encoded.
    pub fn part(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.parts.insert(name.to_owned(), value.as_ref().to_owned());
        self
    }

    /// Adds a parameter.
    #[allow(clippy::needless_pass_by_value, reason = "texts, numbers and times are written alike")]
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a parameter where there is a value.
    pub fn query_if(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Adds a header that is no secret.
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        match HeaderValue::try_from(value) {
            Ok(value) => {
                self.headers.insert(HeaderName::from_static(name), value);
            }
            Err(_) => {
                self.wrong =
                    Some(Error::new(ErrorKind::Invalid, format!("`{name}` can't be sent")));
            }
        }
        self
    }

    /// A JSON body.
    pub fn json(self, body: Value) -> Self {
        Self { body: Body::Json(body), ..self }
    }

    /// A form as the body.
    pub fn form(self, fields: Vec<(String, String)>) -> Self {
        Self { body: Body::Form(fields), ..self }
    }

    /// It only looks, whatever its method: a search by `POST`.
    pub fn looks(self) -> Self {
        Self { looks: true, ..self }
    }

    /// Sends it, once, and gives the answer's JSON. Any status but 2xx is an error, and so is what the
    /// manifest's `api.errors` knows as one.
    pub async fn fetch(self) -> Result<Value, Error> {
        Ok(self.answer().await?.body)
    }

    /// The same, with the answer's headers.
    pub async fn answer(self) -> Result<Answer, Error> {
        let api = self.api;
        let answer = self.send().await?;
        match api.wrong(&answer) {
            Some(error) => Err(error),
            None => Ok(answer),
        }
    }

    /// Sends it, once; the answer whatever it says.
    pub(crate) async fn send(self) -> Result<Answer, Error> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        let url = self.url()?;
        let mut headers = self.headers;
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let (content_type, bytes) = encoded(&self.body);
        if let Some(content_type) = content_type {
            headers.entry(header::CONTENT_TYPE).or_insert(HeaderValue::from_static(content_type));
        }
        self.api.check_open(&self.method, &url, &bytes)?;
        let kept = match self.api.sketching {
            Sketching::Nothing => false,
            Sketching::Changes => !self.looks,
            Sketching::All => true,
        };
        if kept {
            self.api.sketch(&self.method, &url, headers, shown(&self.body));
            return Err(Error::new(ErrorKind::Unsupported, "this is a dry run; nothing was sent"));
        }
        let answer = self.api.exchange(self.method, url, headers, bytes).await?;
        let body = serde_json::from_slice(answer.body());
        let garbled = body.is_err() && !answer.body().is_empty();
        Ok(Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: body.unwrap_or_default(),
            garbled,
        })
    }

    fn url(&self) -> Result<Url, Error> {
        let path = if self.parts.is_empty() {
            self.path.clone()
        } else {
            template::fill(&self.path, &self.parts).ok_or_else(|| {
                Error::new(ErrorKind::Invalid, "one of the ids is none that can be asked for")
            })?
        };
        let mut url = self.api.resolve(&path)?;
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

fn encoded(body: &Body) -> (Option<&'static str>, Bytes) {
    match body {
        Body::None => (None, Bytes::new()),
        Body::Json(json) => (Some("application/json"), Bytes::from(json.to_string())),
        Body::Form(fields) => {
            let form =
                form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            (Some("application/x-www-form-urlencoded"), Bytes::from(form))
        }
    }
}

fn shown(body: &Body) -> Value {
    match body {
        Body::None => Value::Null,
        Body::Json(json) => json.clone(),
        Body::Form(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect()
        }
    }
}

/// What would be sent first to learn whose account it is, or to check the credential; none where nothing is
/// asked. Nothing is sent.
pub async fn sketch_identify(connector: &dyn Connector, api: Api) -> Result<Option<Sketch>, Error> {
    let api = api.sketching_all();
    let ended = connector.identify(&api).await;
    match (api.sketched(), ended) {
        (Some(sketch), _) => Ok(Some(sketch)),
        (None, Ok(_)) => Ok(None),
        (None, Err(error)) => Err(error),
    }
}

impl Api {
    /// What is wrong with an answer, if anything is.
    pub(crate) fn wrong(&self, answer: &Answer) -> Option<Error> {
        read::wrong(&self.errors, &self.rate, self.now, answer, &self.secrets())
            .map(|error| self.quoting(error))
    }

    fn quoting(&self, error: Error) -> Error {
        if self.quotes { error } else { error.with_provider_message(None) }
    }

    fn sketch(&self, method: &Method, url: &Url, headers: HeaderMap, body: Value) {
        let mut all = self.headers.clone();
        for name in self.apply.headers.keys() {
            all.remove(name);
        }
        all.extend(headers);
        let text = |(name, value): (&HeaderName, &HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let sketch = Sketch {
            method: method.to_string(),
            url: url.to_string(),
            headers: all.iter().map(text).collect(),
            body,
        };
        // The first is the one that would be sent.
        self.sketched
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .get_or_insert(sketch);
    }
}
