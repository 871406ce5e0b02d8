//! What a connector does for agents: each action over its cases in `fixtures/actions/`.

use base::ExposeSecret;
use connector::{
    Action, Api, Credential, Effect, Error, ErrorKind, Sketch, actions, manifest::Needs,
};
use serde_json::{Value, json};

use crate::{
    Subject,
    case::{self, Case},
    fixture::Fixture,
    flow::{Flow, troubles},
    peer::Answer,
};

/// Each listed action sends what its cases say, and makes of the answers what they say, with each way of
/// being allowed to.
pub async fn actions_do_as_their_cases_say(subject: &Subject) {
    let bench = Bench::new(subject).await;
    for name in subject.manifest().actions.keys() {
        let cases = case::of(&subject.folder, name);
        assert!(!cases.is_empty(), "fixtures/actions/{name}.json is missing");
    }
    for case in case::all(&subject.folder) {
        for scopes in ways(case.needs(subject)) {
            bench.answers(case.replies());
            let output = bench.run(case.action, &scopes, case.input.clone()).await;
            let output = output.unwrap_or_else(|error| panic!("{}: {error:?}", case.file));
            assert!(!output.to_string().contains(&bench.token()), "{}: the token", case.file);
            case.compare(&bench.flow.peer.since(bench.before()), &output, &bench.apply());
        }
    }
}

/// Nothing is sent without the scopes that an action needs, and what it sends is opened by them.
pub async fn actions_stay_within_their_scopes(subject: &Subject) {
    let bench = Bench::new(subject).await;
    let manifest = subject.manifest();
    for case in case::all(&subject.folder) {
        let needed = case.needs(subject).names();
        if needed.is_empty() {
            continue;
        }
        let mut others = manifest.scopes.iter().map(|scope| scope.name.clone()).collect::<Vec<_>>();
        others.retain(|scope| !needed.contains(scope.as_str()));
        for scopes in [Vec::new(), others] {
            bench.answers(case.replies());
            let error = bench.run(case.action, &scopes, case.input.clone()).await;
            let error = error.expect_err("an action without its scopes");
            assert_eq!(error.kind, ErrorKind::Denied, "{}", case.file);
            assert!(bench.nothing_was_sent(), "{}: sent without its scopes", case.file);
        }
    }
}

/// An error is told as what it is, so that an agent knows what to do.
pub async fn actions_tell_errors_apart(subject: &Subject) {
    tokio::time::pause();
    let bench = Bench::new(subject).await;
    for case in case::all(&subject.folder).into_iter().filter(Case::sends_anything) {
        let reply = |status| Answer::from(Fixture::json(status, json!({"message": "no"})));
        let mut table = vec![
            ("401", reply(401), ErrorKind::Reauthorize),
            ("403", reply(403), ErrorKind::Denied),
            ("409", reply(409), ErrorKind::Conflict),
            ("422", reply(422), ErrorKind::Invalid),
        ];
        if case.action.name.split('.').nth(1) == Some("get") {
            table.push(("404", reply(404), ErrorKind::NotFound));
        }
        let trouble = |(name, answer)| (name, answer, ErrorKind::Unavailable);
        table.extend(troubles().into_iter().map(trouble));
        for (name, answer, expected) in table {
            let error = bench.fails(&case, answer).await;
            assert_eq!(error.kind, expected, "{}, {name}: {error:?}", case.file);
        }
        let error = bench.fails(&case, subject.fixture("rate_limited").into()).await;
        assert!(matches!(error.kind, ErrorKind::RateLimited(_)), "{}: {error:?}", case.file);
    }
}

/// What is not listed can't be done, and nothing is sent to find out; nor for an input that is none.
pub async fn what_is_not_listed_is_unsupported(subject: &Subject) {
    let bench = Bench::new(subject).await;
    let all = subject.manifest().scopes.iter().map(|scope| scope.name.clone()).collect::<Vec<_>>();
    for action in actions() {
        let listed = subject.manifest().actions.contains_key(action.name);
        let able = action.needs(subject.connector.as_ref()).is_some();
        assert_eq!(listed, able, "{}: the manifest and the connector disagree", action.name);
        let error = bench.run(action, &all, json!({"no_such_field": 1})).await;
        let error = error.expect_err("an input with a field that there is not");
        let expected = if listed { ErrorKind::Invalid } else { ErrorKind::Unsupported };
        assert_eq!(error.kind, expected, "{}: {error:?}", action.name);
        assert!(bench.nothing_was_sent(), "{}", action.name);
    }
    for case in case::all(&subject.folder) {
        let listed = subject.manifest().actions.contains_key(case.action.name);
        assert!(listed, "{}: the manifest does not list the action", case.file);
    }
}

/// A dry run shows the request that would change something, and sends it not.
pub async fn a_dry_run_changes_nothing(subject: &Subject) {
    let bench = Bench::new(subject).await;
    for case in case::all(&subject.folder) {
        let scopes = ways(case.needs(subject)).remove(0);
        bench.answers(case.replies());
        let sketch = bench.sketch(case.action, &scopes, case.input.clone()).await;
        if case.action.effect == Effect::Read {
            let error = sketch.expect_err("an action that looks has nothing to show");
            assert!(
                error.message.contains("changes nothing"),
                "{}: mark its requests with `looks`: {error:?}",
                case.file
            );
            continue;
        }
        let sketch = sketch.unwrap_or_else(|error| panic!("{}: {error:?}", case.file));
        let sent = bench.flow.peer.since(bench.before()).len();
        let expected = &case.exchanges[sent];
        let shown = format!("{} {}", sketch.method, sketch.url);
        // While cases are written, another check is just about to say what they send.
        if !case::are_written() {
            assert_eq!(shown, expected.sends, "{}: the first that was not sent", case.file);
        }
        let text = format!("{sketch:?}");
        assert!(!text.contains(&bench.token()), "{}: the token is shown", case.file);
    }
}

/// Each way in which scopes suffice.
fn ways(needs: &Needs) -> Vec<Vec<String>> {
    match needs {
        Needs::All(all) => vec![all.clone()],
        Needs::Any { any_of } => any_of.iter().map(|one| vec![one.clone()]).collect(),
    }
}

/// A linked account, and the provider behind it.
struct Bench<'a> {
    flow: Flow<'a>,
    credential: Credential,
    before: std::sync::Mutex<usize>,
}

impl<'a> Bench<'a> {
    async fn new(subject: &'a Subject) -> Self {
        let flow = Flow::start(subject).await;
        let credential = flow.credential().await;
        let before = flow.peer.seen().len().into();
        Self { flow, credential, before }
    }

    /// What the API answers, one by one; what was sent counts from now on.
    fn answers(&self, replies: Vec<Answer>) {
        self.flow.peer.api_in_turn(replies);
        *self.before.lock().expect("no check panics while it holds this") =
            self.flow.peer.seen().len();
    }

    fn before(&self) -> usize {
        *self.before.lock().expect("no check panics while it holds this")
    }

    fn nothing_was_sent(&self) -> bool {
        self.flow.peer.seen().len() == self.before()
    }

    fn api(&self) -> Api {
        self.flow
            .api(&self.credential)
            .unwrap_or_else(|error| panic!("no API: {error}"))
            .at(crate::flow::NOW)
    }

    async fn run(&self, action: &Action, scopes: &[String], input: Value) -> Result<Value, Error> {
        action.run(self.flow.subject.connector.as_ref(), self.api(), scopes, input).await
    }

    async fn sketch(
        &self,
        action: &Action,
        scopes: &[String],
        input: Value,
    ) -> Result<Sketch, Error> {
        action.sketch(self.flow.subject.connector.as_ref(), self.api(), scopes, input).await
    }

    async fn fails(&self, case: &Case, answer: Answer) -> Error {
        self.answers(vec![answer]);
        let scopes = ways(case.needs(self.flow.subject)).remove(0);
        let output = self.run(case.action, &scopes, case.input.clone()).await;
        output.expect_err("an error is no answer")
    }

    fn apply(&self) -> connector::Apply {
        self.flow.subject.manifest().apply(&self.credential)
    }

    fn token(&self) -> String {
        match &self.credential {
            Credential::OAuth(tokens) => tokens.access.expose_secret().to_owned(),
            Credential::OAuth1(pair) => pair.token.expose_secret().to_owned(),
            Credential::Keys(_) => crate::subject::KEY.to_owned(),
        }
    }
}
