//! What the pages promise.

use super::{field::html_pattern, *};

fn text(of: &str) -> String {
    of.to_owned()
}

fn person() -> Person {
    Person { name: text("Ana"), detail: Some(text("ana@acme.example")) }
}

fn scope(access: Access) -> Scope {
    Scope { title: Some(text("Read contacts")), name: text("contacts.read"), access }
}

fn field(secret: bool) -> Field {
    Field {
        name: text("key"),
        label: text("API key"),
        help: Some(text("In your settings")),
        secret,
        required: true,
        url: false,
        pattern: Some(text("^[a-z0-9-]+$")),
        suffix: None,
        options: Vec::new(),
        value: text("filled-in-before"),
        max_length: 200,
        problem: None,
    }
}

fn review() -> ReviewPage {
    ReviewPage {
        host: text("hub.example"),
        workspace: text("Chatty"),
        agent: Some(text("Helper")),
        site: text("app.chatty.example"),
        person: person(),
        app: text("Acme"),
        provider_site: Some(text("login.acme.example")),
        reconnect: false,
        shared: false,
        by_key: false,
        scopes: vec![scope(Access::Read)],
        fields: Vec::new(),
        problem: None,
        csrf: text("the-csrf"),
    }
}

fn result(completed: bool) -> ResultPage {
    ResultPage {
        host: text("hub.example"),
        workspace: text("Chatty"),
        app: text("Acme"),
        account: text("ana@acme.example"),
        site: text("app.chatty.example"),
        completed,
        minutes_left: 5,
        granted: vec![scope(Access::Read)],
        withheld: Vec::new(),
        back: Some(text("https://app.chatty.example/?session=s&code=c")),
        auto_continue: false,
    }
}

fn landing(token: &str) -> LandingPage {
    LandingPage {
        host: text("hub.example"),
        workspace: text("Chatty"),
        app: None,
        person: person(),
        site: text("app.chatty.example"),
        token: text(token),
    }
}

fn status(stage: Stage) -> StatusPage {
    StatusPage {
        host: text("hub.example"),
        workspace: text("Chatty"),
        app: Some(text("Acme")),
        site: text("app.chatty.example"),
        stage,
        next: None,
        until: None,
    }
}

fn failure(failure: Failure) -> FailurePage {
    FailurePage::new(text("hub.example"), failure, Some(text("Chatty")), Some(text("Acme")))
}

const FAILURES: [Failure; 8] = [
    Failure::Cancelled,
    Failure::NotMe,
    Failure::Denied,
    Failure::LinkGone,
    Failure::ProviderUnavailable,
    Failure::AdminRequired,
    Failure::WrongAccount,
    Failure::WrongEndUser,
];

const STAGES: [Stage; 4] = [Stage::Linking, Stage::Pending, Stage::Completed, Stage::Failed];

/// One of each, as full as it gets.
fn all() -> Vec<String> {
    let mut filled = review();
    filled.fields = vec![field(false), field(true)];
    filled.fields[0].problem = Some(text("Too short"));
    filled.fields[1].name = text("secret");
    filled.problem = Some(text("No"));
    let pick = PickPage {
        host: text("hub.example"),
        workspace: text("Chatty"),
        apps: vec![AppCard { integration: text("int_1"), name: text("Acme"), detail: None }],
        csrf: text("the-csrf"),
    };
    let problem = ProblemPage {
        host: text("hub.example"),
        status: 500,
        title: text("Broken"),
        detail: text("Try again."),
        request: Some(text("req_1")),
    };
    let index = IndexPage { host: text("hub.example"), version: text("0.1.0") };
    let mut pages: Vec<String> = [
        landing("t").render(),
        pick.render(),
        filled.render(),
        result(true).render(),
        problem.render(),
        index.render(),
    ]
    .into_iter()
    .map(Result::unwrap)
    .collect();
    pages.extend(FAILURES.map(|one| failure(one).render().unwrap()));
    pages.extend(STAGES.map(|one| status(one).render().unwrap()));
    pages
}

#[test]
fn no_page_needs_what_the_content_security_policy_forbids() {
    for page in all() {
        for forbidden in
            ["<script", " style=", "<style", "javascript:", " onclick", "<iframe", "src=", "data:"]
        {
            assert!(!page.contains(forbidden), "{forbidden} in {page}");
        }
    }
    assert!(!STYLESHEET.contains("url(") && !STYLESHEET.contains("@import"));
}

#[test]
fn each_page_has_one_heading_a_title_and_its_landmarks() {
    for page in all() {
        for once in ["<html lang=\"en\">", "<title>", "<h1>", "<header", "<main", "<footer"] {
            assert_eq!(page.matches(once).count(), 1, "{once} in {page}");
        }
        assert!(!page.contains("<title> ·"), "{page}");
    }
}

#[test]
fn no_page_has_an_id_twice() {
    for page in all() {
        let mut ids: Vec<&str> =
            page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{page}");
    }
}

#[test]
fn what_others_wrote_is_escaped() {
    let mut page = review();
    page.workspace = text("<script>alert(1)</script>");
    page.scopes[0].title = Some(text("\"><img src=x>"));
    let html = page.render().unwrap();
    assert!(!html.contains("<script") && !html.contains("<img"));
    assert!(!landing("\"><b>").render().unwrap().contains("<b>"));
}

#[test]
fn the_landing_page_posts_the_token_and_nothing_else() {
    let html = landing("the-token").render().unwrap();
    assert!(html.contains("<form method=\"post\" action=\"/connect\">"));
    assert!(html.contains("name=\"token\" value=\"the-token\""));
    assert_eq!(html.matches("the-token").count(), 1);
}

#[test]
fn the_review_names_who_asks_for_whom_what_is_asked_and_where_it_ends() {
    let html = review().render().unwrap();
    for named in [
        "Chatty",
        "Helper",
        "ana@acme.example",
        "app.chatty.example",
        "login.acme.example",
        "hub.example",
    ] {
        assert!(html.contains(named), "{named}");
    }
    assert!(html.contains("Read contacts") && html.contains("<code>contacts.read</code>"));
    assert!(html.contains("This is not me") && html.contains("action=\"/connect/cancel\""));
    assert!(html.contains("action=\"/connect/start\"") && html.contains("Continue to Acme"));
}

#[test]
fn a_key_is_masked_never_filled_in_and_posted_to_submit() {
    let mut page = review();
    page.by_key = true;
    page.fields = vec![field(true)];
    let html = page.render().unwrap();
    assert!(html.contains("action=\"/connect/submit\"") && html.contains("Check and link"));
    assert!(html.contains("type=\"password\"") && html.contains("autocomplete=\"off\""));
    assert!(!html.contains("filled-in-before"));
    // What is true of a password at the provider is not true of what is entered here.
    assert!(!html.contains("never see your password"));
}

#[test]
fn a_wrong_answer_is_bound_to_its_field_and_kept() {
    let mut page = review();
    page.fields = vec![field(false)];
    page.fields[0].problem = Some(text("Too short"));
    let html = page.render().unwrap();
    assert!(html.contains("<label for=\"f-key\">") && html.contains("id=\"f-key\""));
    assert!(html.contains("aria-invalid=\"true\" aria-describedby=\"e-key h-key\""));
    assert!(html.contains("value=\"filled-in-before\""));
}

#[test]
fn a_choice_keeps_what_was_chosen() {
    let mut page = review();
    page.fields = vec![field(false)];
    page.fields[0].options = vec![text("eu"), text("us")];
    page.fields[0].value = text("us");
    let html = page.render().unwrap();
    assert!(html.contains("<option selected>us</option>") && html.contains("<option>eu</option>"));
}

#[test]
fn an_account_is_called_linked_only_once_the_platform_has_completed_it() {
    assert!(result(true).render().unwrap().contains("Acme is linked"));
    assert!(!result(false).render().unwrap().contains("is linked"));
}

#[test]
fn what_was_not_granted_is_told_apart_in_words() {
    let mut page = result(true);
    assert!(!page.render().unwrap().contains("Not allowed"));
    page.withheld = vec![scope(Access::Write)];
    assert!(page.render().unwrap().contains("Not allowed"));
}

#[test]
fn the_person_clicks_unless_told_otherwise() {
    let mut page = result(false);
    assert!(!page.render().unwrap().contains("http-equiv"));
    page.auto_continue = true;
    assert!(
        page.render()
            .unwrap()
            .contains("http-equiv=\"refresh\" content=\"3;url=https://app.chatty.example/")
    );
}

#[test]
fn links_away_do_not_tell_where_from() {
    let html = result(false).render().unwrap();
    assert!(
        html.contains(
            "href=\"https://app.chatty.example/?session=s&#38;code=c\" rel=\"noreferrer\""
        )
    );
}

#[test]
fn failures_are_told_apart_and_say_why_and_what_to_do() {
    let mut headings: Vec<String> = FAILURES
        .map(|one| {
            let html = failure(one).render().unwrap();
            assert!(html.contains("role=\"alert\"") && html.contains("<dt>Why</dt>"));
            assert!(html.contains("<dt>What to do</dt>"));
            // A workspace may end in a full stop, as in "Chatty Inc."
            let named =
                FailurePage::new(text("h"), one, Some(text("Chatty Inc.")), Some(text("Acme")));
            assert!(!named.render().unwrap().contains(".."));
            html.split("<h1>").nth(1).unwrap().split("</h1>").next().unwrap().to_owned()
        })
        .into();
    headings.sort();
    headings.dedup();
    assert_eq!(headings.len(), FAILURES.len());
}

#[test]
fn patterns_become_what_a_browser_reads() {
    for (ours, browsers) in [
        ("^[a-z0-9-]+$", r"[a-z0-9\-]+"),
        ("^[-a-z]+$", r"[\-a-z]+"),
        (r"^[A-Za-z0-9_.\-]{1,63}$", r"[A-Za-z0-9_.\-]{1,63}"),
        (r"^(?:eu|us)\d+$", r"(?:eu|us)\d+"),
        (r"^https://[^/]+\.example$", r"https://[^\/]+\.example"),
        (r"^a\-b$", "a-b"),
    ] {
        assert_eq!(html_pattern(ours).as_deref(), Some(browsers), "{ours}");
    }
}

#[test]
fn what_stands_behind_an_answer_is_shown_and_may_be_pasted_too() {
    let mut page = review();
    let of = |help| Field { help, suffix: Some(text(".my-app.example")), ..field(false) };
    page.fields = vec![of(None)];
    let html = page.render().unwrap();
    assert!(html.contains("<span id=\"s-key\">.my-app.example</span>"), "{html}");
    assert!(html.contains("aria-describedby=\" s-key\""), "{html}");
    let pattern = of(None).html_pattern();
    let wanted = r"(?:https:\/\/)?(?:[a-z0-9\-]+)(?:\.my-app\.example)?\/?";
    assert_eq!(pattern.as_deref(), Some(wanted));
    page.fields = vec![of(Some(text("In your settings")))];
    assert!(page.render().unwrap().contains("aria-describedby=\" h-key s-key\""));
}

#[test]
fn patterns_that_a_browser_reads_otherwise_are_left_out() {
    for pattern in [
        "abc",
        "^a|b$",
        "^(?i)a$",
        r"^\p{L}+$",
        "^a$|^b$",
        "^[[:alpha:]]$",
        "^[a&&b]$",
        r"^[\w-.]$",
        "^[a",
        "^(a$",
        "^a)$",
    ] {
        assert_eq!(html_pattern(pattern), None, "{pattern}");
    }
}

#[test]
fn a_tile_has_a_letter_whatever_the_name() {
    assert_eq!(monogram("acme"), 'A');
    assert_eq!(monogram("«éclair»"), 'É');
    assert_eq!(monogram(""), '•');
    assert!(tint("HubSpot") < 6 && tint("") < 6);
}
