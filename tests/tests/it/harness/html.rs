//! As much of HTML as a person without JavaScript needs: forms and links.

/// A start tag.
#[derive(Debug)]
struct Tag<'a> {
    name: String,
    attributes: Vec<(String, String)>,
    /// What follows it.
    rest: &'a str,
}

impl Tag<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

/// A form as it stands on the page.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    /// Where it goes.
    pub(crate) action: String,
    /// Whether it is sent as POST.
    pub(crate) post: bool,
    /// What is filled in already, submit buttons left out.
    pub(crate) fields: Vec<(String, String)>,
    /// Inputs that a person fills in.
    pub(crate) blanks: Vec<String>,
    /// What can be ticked or chosen, by name and value, ticked or not.
    pub(crate) choices: Vec<(String, String)>,
    /// The submit buttons, by name and value; both may be empty.
    pub(crate) buttons: Vec<(String, String)>,
}

impl Form {
    /// Fills in a field: what was there by that name goes.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.fields.retain(|(key, _)| key != name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }
}

/// All forms of a page.
pub(crate) fn forms(html: &str) -> Vec<Form> {
    let html = without_comments(html);
    let mut all = Vec::new();
    let mut rest = html.as_str();
    while let Some(tag) = next_tag(rest) {
        rest = tag.rest;
        if tag.name == "form" {
            let end = rest.find("</form").unwrap_or(rest.len());
            all.push(form(&tag, &rest[..end]));
            rest = &rest[end..];
        }
    }
    all
}

/// Where all links of a page, and its automatic onward step, lead.
pub(crate) fn links(html: &str) -> Vec<String> {
    let html = without_comments(html);
    let mut all = Vec::new();
    let mut rest = html.as_str();
    while let Some(tag) = next_tag(rest) {
        rest = tag.rest;
        match tag.name.as_str() {
            "a" => all.extend(tag.get("href").map(str::to_owned)),
            "meta"
                if tag.get("http-equiv").is_some_and(|it| it.eq_ignore_ascii_case("refresh")) =>
            {
                let content = tag.get("content").unwrap_or_default();
                all.extend(content.split_once("url=").map(|(_, url)| url.to_owned()));
            }
            _ => {}
        }
    }
    all
}

fn form(tag: &Tag<'_>, inside: &str) -> Form {
    let mut form = Form {
        action: tag.get("action").unwrap_or_default().to_owned(),
        post: tag.get("method").is_some_and(|method| method.eq_ignore_ascii_case("post")),
        fields: Vec::new(),
        blanks: Vec::new(),
        choices: Vec::new(),
        buttons: Vec::new(),
    };
    let mut rest = inside;
    let mut select: Option<String> = None;
    while let Some(tag) = next_tag(rest) {
        rest = tag.rest;
        let name = tag.get("name").unwrap_or_default().to_owned();
        let value = tag.get("value").unwrap_or_default().to_owned();
        if tag.has("disabled") {
            continue;
        }
        match tag.name.as_str() {
            "input" => input(&mut form, &tag, name, value),
            "button" if matches!(tag.get("type"), None | Some("submit")) => {
                form.buttons.push((name, value));
            }
            "textarea" => form.blanks.push(name),
            "select" => select = Some(name),
            "option" => choose(&mut form, select.as_deref(), &tag, &value),
            _ => {}
        }
    }
    form
}

fn input(form: &mut Form, tag: &Tag<'_>, name: String, value: String) {
    match tag.get("type").unwrap_or("text") {
        "hidden" => form.fields.push((name, value)),
        "submit" | "image" => form.buttons.push((name, value)),
        "checkbox" | "radio" => {
            let value = if tag.has("value") { value } else { "on".to_owned() };
            if tag.has("checked") {
                form.fields.push((name.clone(), value.clone()));
            }
            form.choices.push((name, value));
        }
        "button" | "reset" => {}
        _ if value.is_empty() => form.blanks.push(name),
        _ => form.fields.push((name, value)),
    }
}

/// The first option counts, unless a later one is selected.
fn choose(form: &mut Form, select: Option<&str>, option: &Tag<'_>, value: &str) {
    let Some(name) = select else { return };
    if option.has("selected") || !form.fields.iter().any(|(key, _)| key == name) {
        form.set(name, value);
    }
}

fn without_comments(html: &str) -> String {
    let mut left = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once("<!--") {
        left.push_str(before);
        rest = after.split_once("-->").map_or("", |(_, after)| after);
    }
    left.push_str(rest);
    left
}

/// The next start tag.
fn next_tag(html: &str) -> Option<Tag<'_>> {
    let mut rest = html;
    loop {
        rest = &rest[rest.find('<')? + 1..];
        if rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            break;
        }
    }
    let end = rest.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(rest.len());
    let name = rest[..end].to_ascii_lowercase();
    rest = &rest[end..];
    let mut attributes = Vec::new();
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return Some(Tag { name, attributes, rest });
        }
        if let Some(after) = rest.strip_prefix('>') {
            return Some(Tag { name, attributes, rest: after });
        }
        let (attribute, after) = attribute(rest);
        attributes.push(attribute);
        rest = after;
    }
}

fn attribute(html: &str) -> ((String, String), &str) {
    let stops = |c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/');
    // At least one character, so that this ends.
    let end = html.char_indices().skip(1).find(|(_, c)| stops(*c)).map_or(html.len(), |(at, _)| at);
    let (name, rest) = (html[..end].to_ascii_lowercase(), html[end..].trim_start());
    let Some(rest) = rest.strip_prefix('=').map(str::trim_start) else {
        return ((name, String::new()), &html[end..]);
    };
    for quote in ['"', '\''] {
        if let Some(inside) = rest.strip_prefix(quote) {
            let (value, after) = inside.split_once(quote).unwrap_or((inside, ""));
            return ((name, unescape(value)), after);
        }
    }
    let end = rest.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(rest.len());
    ((name, unescape(&rest[..end])), &rest[end..])
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        let known = after.split_once(';').and_then(|(name, tail)| Some((entity(name)?, tail)));
        let (character, tail) = known.unwrap_or(('&', after));
        plain.push(character);
        rest = tail;
    }
    plain.push_str(rest);
    plain
}

fn entity(name: &str) -> Option<char> {
    let number =
        |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match name.strip_prefix("#x").or_else(|| name.strip_prefix("#X")) {
            Some(hex) => number(hex, 16),
            None => number(name.strip_prefix('#')?, 10),
        },
    }
}

#[test]
fn a_form_is_read_as_a_browser_reads_it() {
    let page = r#"<!-- <form action="/no"></form> --><form method=post action="/a?x=1&amp;y=2">
        <input type="hidden" name="csrf" value="&#x27;&quot;">
        <input name='who' required> <input type="checkbox" name="s" value="1" checked>
        <input type="checkbox" name="s" value="2"><select name="n"><option value="a"><option value="b" selected></select>
        <button name="decision" value="allow">Yes</button><button type="button">Help</button></form>
        <a href="/next?a=1&amp;b=2">Next</a><meta http-equiv="refresh" content="3;url=/go">"#;
    let all = forms(page);
    assert_eq!(all.len(), 1);
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(all[0].action, "/a?x=1&y=2");
    assert!(all[0].post);
    assert_eq!(all[0].fields, [pair("csrf", "'\""), pair("s", "1"), pair("n", "b")]);
    assert_eq!(all[0].blanks, ["who"]);
    assert_eq!(all[0].choices, [pair("s", "1"), pair("s", "2")]);
    assert_eq!(all[0].buttons, [pair("decision", "allow")]);
    assert_eq!(links(page), ["/next?a=1&b=2", "/go"]);
}
