//! What the decision promises.

use proptest::prelude::*;

use super::*;

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn rule(scopes: &[&str], forms: &[Form]) -> Rule {
    Rule {
        agents: strings(&["agt_a"]),
        integrations: strings(&["int_a"]),
        scopes: strings(scopes),
        forms: forms.to_vec(),
        actions: Vec::new(),
        owners: vec![OwnerKind::EndUser],
    }
}

fn ask<'a>(all: &'a [String], scopes: Option<&'a [String]>, form: Option<Form>) -> Ask<'a> {
    Ask {
        agent: "agt_a",
        integration: "int_a",
        integration_scopes: all,
        owner: OwnerKind::EndUser,
        scopes,
        form,
        can_narrow: true,
        action: None,
    }
}

#[test]
fn nothing_is_allowed_without_a_policy() {
    let all = strings(&["read"]);
    assert!(matches!(decide(&[], &ask(&all, None, None)), Decision::Deny(_)));
}

#[test]
fn a_policy_for_users_gives_nothing_on_a_shared_account() {
    let all = strings(&["read"]);
    let rules = [("pol_a".to_owned(), rule(&["*"], &[Form::WholeToken]))];
    let question = Ask { owner: OwnerKind::Workspace, ..ask(&all, None, None) };
    assert!(matches!(decide(&rules, &question), Decision::Deny(Denied { policy: None, .. })));
}

#[test]
fn a_scope_that_no_policy_allows_is_named_in_the_refusal() {
    let all = strings(&["read", "write"]);
    let asked = strings(&["read", "write"]);
    let rules = [("pol_a".to_owned(), rule(&["read"], &[Form::WholeToken]))];
    let Decision::Deny(denied) = decide(&rules, &ask(&all, Some(&asked), Some(Form::WholeToken)))
    else {
        panic!("allowed");
    };
    assert_eq!(denied.scopes, strings(&["write"]));
    assert_eq!(denied.policy.as_deref(), Some("pol_a"));
}

#[test]
fn the_narrowest_form_is_taken_where_none_is_asked_for() {
    let all = strings(&["read", "write"]);
    let rules = [("pol_a".to_owned(), rule(&["read"], &[Form::WholeToken, Form::NarrowedToken]))];
    let Decision::Allow(granted) = decide(&rules, &ask(&all, None, None)) else {
        panic!("denied");
    };
    assert_eq!(granted.form, Some(Form::NarrowedToken));
    assert_eq!(granted.scopes, strings(&["read"]));
}

#[test]
fn a_form_is_written_as_the_api_writes_it_and_so_named_in_a_refusal() {
    let all = strings(&["read"]);
    for form in [Form::NarrowedToken, Form::WholeToken] {
        assert_eq!(serde_json::to_value(form).unwrap(), form.word());
        let other = if form == Form::WholeToken { Form::NarrowedToken } else { Form::WholeToken };
        let rules = named(&[rule(&["*"], &[other])]);
        let Decision::Deny(denied) = decide(&rules, &ask(&all, None, Some(form))) else {
            panic!("allowed");
        };
        assert!(denied.why.contains(&format!("`{}`", form.word())), "{}", denied.why);
    }
}

#[test]
fn the_whole_token_is_tried_where_no_policy_narrows_and_alone_where_the_provider_cannot() {
    let all = strings(&["read"]);
    let rules = named(&[rule(&["*"], &[Form::WholeToken])]);
    let both = named(&[rule(&["*"], &[Form::WholeToken, Form::NarrowedToken])]);
    for (rules, can_narrow) in [(&rules, true), (&rules, false), (&both, false)] {
        let question = Ask { can_narrow, ..ask(&all, None, None) };
        let Decision::Allow(granted) = decide(rules, &question) else { panic!("denied") };
        assert_eq!(granted.form, Some(Form::WholeToken));
    }
}

#[test]
fn a_rule_of_another_agent_integration_or_owner_does_not_count() {
    let all = strings(&["read"]);
    let mine = rule(&["*"], &[Form::WholeToken]);
    for other in [
        Rule { agents: strings(&["agt_b"]), ..mine.clone() },
        Rule { integrations: strings(&["int_b"]), ..mine.clone() },
        Rule { owners: vec![OwnerKind::Workspace], ..mine.clone() },
    ] {
        let Decision::Deny(denied) = decide(&named(&[other]), &ask(&all, None, None)) else {
            panic!("allowed");
        };
        assert_eq!(denied.policy, None);
    }
    assert!(matches!(decide(&named(&[mine]), &ask(&all, None, None)), Decision::Allow(_)));
}

#[test]
fn where_the_policies_and_the_integration_share_no_scope_nothing_is_given() {
    let all = strings(&["read"]);
    let rules = named(&[rule(&["write"], &[Form::WholeToken])]);
    let Decision::Deny(denied) = decide(&rules, &ask(&all, None, None)) else { panic!("allowed") };
    assert_eq!(denied.policy.as_deref(), Some("pol_0"));
}

#[test]
fn two_policies_add_up() {
    let all = strings(&["read", "write"]);
    let rules = [
        ("pol_a".to_owned(), rule(&["read"], &[Form::WholeToken])),
        ("pol_b".to_owned(), rule(&["write"], &[Form::WholeToken])),
    ];
    assert!(matches!(decide(&rules, &ask(&all, Some(&all), None)), Decision::Allow(_)));
}

fn acting(scopes: &[&str], actions: &[&str]) -> Rule {
    Rule { actions: strings(actions), ..rule(scopes, &[]) }
}

fn to_do<'a>(all: &'a [String], name: &'a str, needs: &'a Needs) -> Ask<'a> {
    Ask { action: Some(Act { name, needs }), ..ask(all, None, None) }
}

fn named(rules: &[Rule]) -> Vec<(String, Rule)> {
    rules.iter().enumerate().map(|(n, rule)| (format!("pol_{n}"), rule.clone())).collect()
}

#[test]
fn a_policy_for_tokens_allows_no_action_and_one_for_actions_no_token() {
    let all = strings(&["read"]);
    let needs = Needs::All(strings(&["read"]));
    let tokens = named(&[rule(&["*"], &[Form::WholeToken, Form::NarrowedToken])]);
    let question = to_do(&all, "contacts.get", &needs);
    assert!(matches!(decide(&tokens, &question), Decision::Deny(_)));
    let actions = named(&[acting(&["*"], &["*"])]);
    assert!(matches!(decide(&actions, &question), Decision::Allow(_)));
    assert!(matches!(decide(&actions, &ask(&all, None, None)), Decision::Deny(_)));
}

#[test]
fn an_action_is_named_by_itself_or_by_its_noun() {
    let all = strings(&["read"]);
    let needs = Needs::All(strings(&["read"]));
    for (pattern, action, may) in [
        ("contacts.get", "contacts.get", true),
        ("contacts.get", "contacts.getall", false),
        ("contacts.*", "contacts.get", true),
        ("contacts.*", "contacts_of_others.get", false),
        ("*", "contacts.get", true),
        ("*.get", "contacts.get", false),
        (".*", "contacts.get", false),
    ] {
        let rules = named(&[acting(&["read"], &[pattern])]);
        let decision = decide(&rules, &to_do(&all, action, &needs));
        assert_eq!(matches!(decision, Decision::Allow(_)), may, "{pattern} {action}");
    }
}

#[test]
fn an_action_gets_the_scopes_that_it_needs_and_no_other() {
    let all = strings(&["a", "b", "c"]);
    let rules = named(&[acting(&["*"], &["*"])]);
    let scopes = |needs: Needs| match decide(&rules, &to_do(&all, "contacts.get", &needs)) {
        Decision::Allow(granted) => granted.scopes,
        Decision::Deny(denied) => panic!("{denied:?}"),
    };
    assert_eq!(scopes(Needs::All(strings(&["b"]))), strings(&["b"]));
    assert_eq!(scopes(Needs::Any { any_of: strings(&["c", "a", "z"]) }), strings(&["a", "c"]));
}

#[test]
fn scopes_that_a_policy_gives_for_tokens_do_not_serve_an_action() {
    let all = strings(&["read", "write"]);
    let needs = Needs::All(strings(&["write"]));
    let rules = named(&[acting(&["read"], &["*"]), rule(&["write"], &[Form::WholeToken])]);
    let Decision::Deny(denied) = decide(&rules, &to_do(&all, "contacts.create", &needs)) else {
        panic!("allowed");
    };
    assert_eq!(denied.scopes, strings(&["write"]));
}

fn any_rules() -> impl Strategy<Value = Vec<Rule>> {
    let scopes = proptest::collection::vec("[a-d*]", 0..4);
    let actions = proptest::collection::vec("x\\.(get|set|\\*)|y\\.get|\\*", 0..3);
    let one = (scopes, actions, any::<bool>(), any::<bool>()).prop_map(
        |(scopes, actions, mine, shared)| Rule {
            agents: strings(&[if mine { "agt_a" } else { "agt_b" }]),
            scopes,
            actions,
            owners: vec![if shared { OwnerKind::Workspace } else { OwnerKind::EndUser }],
            ..rule(&[], &[Form::WholeToken])
        },
    );
    proptest::collection::vec(one, 0..5)
}

proptest! {
    /// Whatever is taken away from the rules, nothing is allowed that was not before.
    #[test]
    fn a_removed_policy_never_allows_more(
        rules in any_rules(),
        gone in any::<prop::sample::Index>(),
        all in proptest::collection::vec("[a-d]", 0..5),
        needed in proptest::collection::vec("[a-d]", 1..3),
        any_of in any::<bool>(),
        for_token in any::<bool>(),
    ) {
        prop_assume!(!rules.is_empty());
        let needs = if any_of { Needs::Any { any_of: needed } } else { Needs::All(needed) };
        let question =
            if for_token { ask(&all, None, None) } else { to_do(&all, "x.get", &needs) };
        let before = decide(&named(&rules), &question);
        let mut fewer = rules.clone();
        fewer.remove(gone.index(rules.len()));
        if let Decision::Allow(less) = decide(&named(&fewer), &question) {
            let Decision::Allow(more) = before else { panic!("allowed by fewer rules") };
            prop_assert!(less.scopes.iter().all(|scope| more.scopes.contains(scope)));
        }
    }

    /// A yes to an action rests on a rule of this agent that names it, and holds what it needs of what
    /// such rules give.
    #[test]
    fn an_action_is_allowed_only_with_scopes_that_came_with_it(
        rules in any_rules(),
        all in proptest::collection::vec("[a-d]", 0..5),
        needed in proptest::collection::vec("[a-d]", 1..3),
    ) {
        let needs = Needs::All(needed.clone());
        if let Decision::Allow(granted) = decide(&named(&rules), &to_do(&all, "x.get", &needs)) {
            prop_assert_eq!(granted.form, None);
            prop_assert!(needed.iter().all(|scope| granted.scopes.contains(scope)));
            for scope in &granted.scopes {
                prop_assert!(all.contains(scope) && needed.contains(scope));
                prop_assert!(rules.iter().any(|rule| rule.agents[0] == "agt_a"
                    && rule.owners[0] == OwnerKind::EndUser
                    && rule.actions.iter().any(|pattern| fits(pattern, "x.get"))
                    && rule.scopes.iter().any(|given| given == scope || given == "*")));
            }
        }
    }

    /// Whatever the rules say, a yes never holds a scope that no rule names or that the
    /// integration does not ask for.
    #[test]
    fn no_request_widens_scopes(
        allowed in proptest::collection::vec("[a-e*]", 0..5),
        all in proptest::collection::vec("[a-e]", 0..5),
        asked in proptest::option::of(proptest::collection::vec("[a-f]", 0..5)),
        whole in any::<bool>(),
    ) {
        let form = if whole { Form::WholeToken } else { Form::NarrowedToken };
        let rules = [("pol_a".to_owned(), Rule { scopes: allowed.clone(), ..rule(&[], &[form]) })];
        let question = ask(&all, asked.as_deref(), None);
        if let Decision::Allow(granted) = decide(&rules, &question) {
            prop_assert_eq!(granted.form, Some(form));
            for scope in &granted.scopes {
                prop_assert!(all.contains(scope));
                prop_assert!(allowed.contains(scope) || allowed.iter().any(|s| s == "*"));
                if let Some(asked) = &asked {
                    prop_assert!(asked.contains(scope));
                }
            }
        }
    }
}
