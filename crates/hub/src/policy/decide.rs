//! The decision "may this agent have this", as a function of rules and a question.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// In what form access leaves the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// The provider's token, narrowed by the provider to the scopes.
    NarrowedToken,
    /// The provider's token with all that it can do.
    WholeToken,
}

impl Form {
    /// Its word, as the API writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::NarrowedToken => "narrowed_token",
            Self::WholeToken => "whole_token",
        }
    }
}

/// Whose connection is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerKind {
    /// The end user's own.
    EndUser,
    /// One that the workspace shares.
    Workspace,
}

/// What a policy allows. Agents and integrations are named by id, so that a slug that is used again
/// gives nobody what another had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The agents that may ask.
    pub agents: Vec<String>,
    /// The integrations they may ask for.
    pub integrations: Vec<String>,
    /// The scopes they may have; `*` means all that the integration asks for.
    pub scopes: Vec<String>,
    /// The forms in which they may have them.
    pub forms: Vec<Form>,
    /// On whose connections.
    pub owners: Vec<OwnerKind>,
}

/// A question.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Who asks.
    pub agent: &'a str,
    /// For which integration.
    pub integration: &'a str,
    /// All scopes that the integration asks for.
    pub integration_scopes: &'a [String],
    /// On whose connection.
    pub owner: OwnerKind,
    /// Which scopes; none = all that is allowed.
    pub scopes: Option<&'a [String]>,
    /// In which form; none = the narrowest that is allowed and can be had.
    pub form: Option<Form>,
    /// Whether the provider can narrow a token.
    pub can_narrow: bool,
}

/// A yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The first policy that the yes rests on.
    pub policy: String,
    /// The scopes, sorted.
    pub scopes: Vec<String>,
    /// The form.
    pub form: Form,
}

/// A no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The policy that came nearest, if any names this agent and integration.
    pub policy: Option<String>,
    /// Why, for a person.
    pub why: String,
    /// Scopes that no policy allows.
    pub scopes: Vec<String>,
}

/// A yes or a no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow(Granted),
    /// No.
    Deny(Denied),
}

impl Rule {
    fn concerns(&self, ask: &Ask<'_>) -> bool {
        self.agents.iter().any(|agent| agent == ask.agent)
            && self.integrations.iter().any(|integration| integration == ask.integration)
            && self.owners.contains(&ask.owner)
    }

    fn scopes_of(&self, ask: &Ask<'_>) -> Vec<String> {
        if self.scopes.iter().any(|scope| scope == "*") {
            return ask.integration_scopes.to_vec();
        }
        let asked_for = |scope: &&String| ask.integration_scopes.contains(scope);
        self.scopes.iter().filter(asked_for).cloned().collect()
    }
}

/// Decides. Pure: the same rules and question give the same answer everywhere.
///
/// `rules` are the workspace's enabled ones with their policy's id, in order of their making.
pub fn decide(rules: &[(String, Rule)], ask: &Ask<'_>) -> Decision {
    let concerned: Vec<_> = rules.iter().filter(|(_, rule)| rule.concerns(ask)).collect();
    let Some(nearest) = concerned.first().map(|(policy, _)| policy.clone()) else {
        return Decision::Deny(Denied {
            policy: None,
            why: "No policy lets this agent use this integration for this owner.".to_owned(),
            scopes: Vec::new(),
        });
    };
    let forms = match ask.form {
        Some(form) => vec![form],
        None if ask.can_narrow => vec![Form::NarrowedToken, Form::WholeToken],
        None => vec![Form::WholeToken],
    };
    let mut refused = None;
    for form in forms {
        match decide_form(&concerned, ask, form) {
            Ok(granted) => return Decision::Allow(granted),
            Err(denied) => {
                refused.get_or_insert(denied);
            }
        }
    }
    Decision::Deny(refused.unwrap_or(Denied {
        policy: Some(nearest),
        why: "No form of access is allowed.".to_owned(),
        scopes: Vec::new(),
    }))
}

fn decide_form(
    concerned: &[&(String, Rule)],
    ask: &Ask<'_>,
    form: Form,
) -> Result<Granted, Denied> {
    let deny = |why: String, scopes| Denied {
        policy: concerned.first().map(|(policy, _)| policy.clone()),
        why,
        scopes,
    };
    let mut allowed = BTreeSet::new();
    let mut deciding = None;
    for (policy, rule) in concerned {
        if rule.forms.contains(&form) {
            allowed.extend(rule.scopes_of(ask));
            deciding.get_or_insert(policy);
        }
    }
    let Some(policy) = deciding else {
        return Err(deny(format!("No policy allows the form `{}` here.", word(form)), Vec::new()));
    };
    let scopes: Vec<String> = match ask.scopes {
        None => allowed.into_iter().collect(),
        Some(asked) => {
            let asked: BTreeSet<_> = asked.iter().cloned().collect();
            let beyond: Vec<_> = asked.difference(&allowed).cloned().collect();
            if !beyond.is_empty() {
                let why = format!("No policy allows: {}.", beyond.join(", "));
                return Err(deny(why, beyond));
            }
            asked.into_iter().collect()
        }
    };
    if scopes.is_empty() {
        return Err(deny("The policies leave no scope to hand out.".to_owned(), Vec::new()));
    }
    Ok(Granted { policy: policy.clone(), scopes, form })
}

fn word(form: Form) -> &'static str {
    match form {
        Form::NarrowedToken => "narrowed_token",
        Form::WholeToken => "whole_token",
    }
}

#[cfg(test)]
mod tests {
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
        let Decision::Deny(denied) =
            decide(&rules, &ask(&all, Some(&asked), Some(Form::WholeToken)))
        else {
            panic!("allowed");
        };
        assert_eq!(denied.scopes, strings(&["write"]));
        assert_eq!(denied.policy.as_deref(), Some("pol_a"));
    }

    #[test]
    fn the_narrowest_form_is_taken_where_none_is_asked_for() {
        let all = strings(&["read", "write"]);
        let rules =
            [("pol_a".to_owned(), rule(&["read"], &[Form::WholeToken, Form::NarrowedToken]))];
        let Decision::Allow(granted) = decide(&rules, &ask(&all, None, None)) else {
            panic!("denied");
        };
        assert_eq!(granted.form, Form::NarrowedToken);
        assert_eq!(granted.scopes, strings(&["read"]));
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

    proptest! {
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
                prop_assert_eq!(granted.form, form);
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
}
