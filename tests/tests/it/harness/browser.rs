//! A person's browser without JavaScript: cookies, redirects, forms.

use url::Url;

use super::{
    html::{self, Form},
    http::{Reply, Request},
    jar::Jar,
};

/// One browser of one person. Two browsers share nothing.
#[derive(Debug)]
pub(crate) struct Browser {
    person: String,
    answers: Vec<(String, String)>,
    jar: Jar,
}

/// A page that is shown.
#[derive(Debug)]
pub(crate) struct Page {
    /// Where it is.
    pub(crate) url: Url,
    /// What was answered.
    pub(crate) reply: Reply,
}

/// Where a way ended.
#[derive(Debug)]
pub(crate) enum End {
    /// Before this URL was opened, as was asked.
    At(Url),
    /// On this page, which leads no further.
    On(Box<Page>),
}

/// More pages or redirects than any way has.
const MOST_STEPS: usize = 30;

impl Browser {
    /// A fresh browser of this person, who signs in under this name wherever asked.
    pub(crate) fn of(person: &str) -> Self {
        Self { person: person.to_owned(), answers: Vec::new(), jar: Jar::default() }
    }

    /// What this person pastes into a field of this name. One line comes of it, as in every browser (HTML,
    /// value sanitization).
    pub(crate) fn pasting(mut self, name: &str, text: &str) -> Self {
        self.answers.push((name.to_owned(), text.replace(['\r', '\n'], "")));
        self
    }

    /// The cookies' texts.
    pub(crate) fn cookies(&self) -> Vec<String> {
        self.jar.values().map(str::to_owned).collect()
    }

    /// Opens an address and follows where it leads, up to the first page.
    pub(crate) async fn open(&mut self, url: &str) -> Page {
        match self.follow(Request::new("GET", url), url.parse().unwrap(), &|_| false).await {
            End::On(page) => *page,
            End::At(url) => unreachable!("stopped at {url}"),
        }
    }

    /// Goes on from page to page by the main button, as one does who wants to get through, until
    /// `stop` says so of the next address, or a page leads no further.
    pub(crate) async fn walk(&mut self, start: &str, stop: impl Fn(&Url) -> bool) -> End {
        let mut url: Url = start.parse().unwrap();
        if stop(&url) {
            return End::At(url);
        }
        let mut end = self.follow(Request::new("GET", start), url, &stop).await;
        for _ in 0..MOST_STEPS {
            let End::On(page) = end else { return end };
            if page.reply.status >= 400 {
                return End::On(page);
            }
            let links = html::links(&page.reply.text());
            let onward = links.iter().filter_map(|link| page.url.join(link).ok()).find(&stop);
            if let Some(onward) = onward {
                return End::At(onward);
            }
            let Some(form) = self.main_form(&page) else { return End::On(page) };
            url = page.url.join(&form.action).unwrap();
            end = self.follow(send(&url, &form), url, &stop).await;
        }
        panic!("more than {MOST_STEPS} pages");
    }

    /// Sends the form of this page that goes to `action`; up to the next page.
    pub(crate) async fn submit(&mut self, page: &Page, action: &str) -> Page {
        let forms = html::forms(&page.reply.text());
        let form = forms.iter().find(|form| form.action.ends_with(action));
        let form = form.unwrap_or_else(|| panic!("no form to {action}: {}", page.reply.text()));
        let url = page.url.join(&form.action).unwrap();
        match self.follow(send(&url, form), url, &|_| false).await {
            End::On(page) => *page,
            End::At(url) => unreachable!("stopped at {url}"),
        }
    }

    /// Goes through a connect page; returns the address that the browser is sent back to.
    pub(crate) async fn link(&mut self, connect_url: &str, return_url: &str) -> Url {
        match self.walk(connect_url, |url| url.as_str().starts_with(return_url)).await {
            End::At(url) => url,
            End::On(page) => {
                panic!("stuck at {} ({}): {}", page.url, page.reply.status, page.reply.text())
            }
        }
    }

    /// Sends a request with this browser's cookies and follows redirects.
    async fn follow(&mut self, request: Request, url: Url, stop: &dyn Fn(&Url) -> bool) -> End {
        let (mut request, mut url) = (request, url);
        for _ in 0..MOST_STEPS {
            let mut dressed = request.header("accept", "text/html,application/xhtml+xml");
            if let Some(cookies) = self.jar.header(&url) {
                dressed = dressed.header("cookie", &cookies);
            }
            let reply = dressed.send().await;
            self.jar.take(&url, &reply.headers);
            let onward = match reply.status {
                301..=303 => reply.header("location"),
                307 | 308 => panic!("{url} answers {}: a form would be sent twice", reply.status),
                _ => None,
            };
            let Some(onward) = onward else { return End::On(Box::new(Page { url, reply })) };
            url = url.join(onward).unwrap();
            if stop(&url) {
                return End::At(url);
            }
            request = Request::new("GET", url.as_str());
        }
        panic!("more than {MOST_STEPS} redirects, the last to {url}");
    }

    /// The form that leads on, filled in; none on a page that has none.
    fn main_form(&self, page: &Page) -> Option<Form> {
        let refuses = |text: &str| ["deny", "cancel", "abort", "no"].contains(&text);
        let leads_on =
            |form: &Form| form.post && !refuses(form.action.rsplit('/').next().unwrap_or(""));
        let mut form = html::forms(&page.reply.text()).into_iter().find(leads_on)?;
        let button = form.buttons.iter().find(|(_, value)| !refuses(value)).cloned()?;
        if !button.0.is_empty() {
            form.set(&button.0, &button.1);
        }
        for name in form.blanks.clone() {
            let asked = name.trim_start_matches("input-");
            let pasted = self.answers.iter().find(|(name, _)| name == asked);
            let answer = match asked {
                _ if pasted.is_some() => pasted.map_or("", |(_, text)| text),
                "login" => self.person.as_str(),
                "password" => "any password",
                _ => "",
            };
            form.set(&name, answer);
        }
        // A page that lets one choose among accounts.
        let mine =
            |(name, value): &&(String, String)| name == "account" && value.contains(&self.person);
        if let Some((name, value)) = form.choices.iter().find(mine).cloned() {
            form.set(&name, &value);
        }
        Some(form)
    }
}

fn send(url: &Url, form: &Form) -> Request {
    let origin = url.origin().ascii_serialization();
    Request::new("POST", url.as_str()).header("origin", &origin).form(&form.fields)
}

/// A field of an address's query.
pub(crate) fn query(url: &Url, name: &str) -> String {
    let found = url.query_pairs().find(|(key, _)| key == name);
    found.unwrap_or_else(|| panic!("{url} has no `{name}`")).1.into_owned()
}
