//! The decision "may this agent have this", as a function of rules and a question.

use std::collections::BTreeSet;

use connector::manifest::Needs;
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
    /// The forms in which they may have them as a token; none = no token at all.
    pub forms: Vec<Form>,
    /// The actions that they may run with these scopes: a name, `contacts.*`, or `*`; none = no action.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// On whose connections.
    pub owners: Vec<OwnerKind>,
}

/// An action to run.
#[derive(Clone, Copy, Debug)]
pub struct Act<'a> {
    /// Its name.
    pub name: &'a str,
    /// The scopes that it needs with this provider.
    pub needs: &'a Needs,
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
    /// To run this, in the place of a token: `scopes` and `form` say nothing then.
    pub action: Option<Act<'a>>,
}

/// A yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The first policy that the yes rests on.
    pub policy: String,
    /// The scopes, sorted.
    pub scopes: Vec<String>,
    /// The form of the token; none = the action may be run.
    pub form: Option<Form>,
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

    fn names(&self, action: &str) -> bool {
        self.actions.iter().any(|pattern| fits(pattern, action))
    }
}

/// Whether a rule's word for actions means this one: its name, the noun before its dot and `.*`, or `*`.
pub(super) fn fits(pattern: &str, action: &str) -> bool {
    let noun = pattern.strip_suffix(".*");
    let same_noun = |noun| action.split_once('.').is_some_and(|(its, _)| its == noun);
    pattern == "*" || pattern == action || noun.is_some_and(same_noun)
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
    if let Some(act) = ask.action {
        return match decide_action(&concerned, ask, act) {
            Ok(granted) => Decision::Allow(granted),
            Err(denied) => Decision::Deny(denied),
        };
    }
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

fn deny(concerned: &[&(String, Rule)], why: String, scopes: Vec<String>) -> Denied {
    Denied { policy: concerned.first().map(|(policy, _)| policy.clone()), why, scopes }
}

/// The scopes that those of the rules give together that count, and the first of them.
fn gathered<'a>(
    concerned: &[&'a (String, Rule)],
    ask: &Ask<'_>,
    counts: impl Fn(&Rule) -> bool,
) -> Option<(&'a String, BTreeSet<String>)> {
    let mut all = BTreeSet::new();
    let mut deciding = None;
    for (policy, rule) in concerned {
        if counts(rule) {
            all.extend(rule.scopes_of(ask));
            deciding.get_or_insert(policy);
        }
    }
    deciding.map(|policy| (policy, all))
}

fn decide_form(
    concerned: &[&(String, Rule)],
    ask: &Ask<'_>,
    form: Form,
) -> Result<Granted, Denied> {
    let Some((policy, allowed)) = gathered(concerned, ask, |rule| rule.forms.contains(&form))
    else {
        let why = format!("No policy allows the form `{}` here.", form.word());
        return Err(deny(concerned, why, Vec::new()));
    };
    let scopes: Vec<String> = match ask.scopes {
        None => allowed.into_iter().collect(),
        Some(asked) => {
            let asked: BTreeSet<_> = asked.iter().cloned().collect();
            let beyond: Vec<_> = asked.difference(&allowed).cloned().collect();
            if !beyond.is_empty() {
                let why = format!("No policy allows: {}.", beyond.join(", "));
                return Err(deny(concerned, why, beyond));
            }
            asked.into_iter().collect()
        }
    };
    if scopes.is_empty() {
        let why = "The policies leave no scope to hand out.".to_owned();
        return Err(deny(concerned, why, Vec::new()));
    }
    Ok(Granted { policy: policy.clone(), scopes, form: Some(form) })
}

/// The action stands where a token's form stands: scopes that a policy gives for tokens alone do not count.
fn decide_action(
    concerned: &[&(String, Rule)],
    ask: &Ask<'_>,
    act: Act<'_>,
) -> Result<Granted, Denied> {
    let Some((policy, allowed)) = gathered(concerned, ask, |rule| rule.names(act.name)) else {
        let why = format!("No policy allows the action `{}` here.", act.name);
        return Err(deny(concerned, why, Vec::new()));
    };
    let allowed: Vec<_> = allowed.into_iter().collect();
    let missing = act.needs.missing(&allowed);
    if !missing.is_empty() {
        let why = format!(
            "The action `{}` needs a scope that no policy allows with it, or that the integration does not ask for: {}.",
            act.name,
            missing.join(", ")
        );
        return Err(deny(concerned, why, missing));
    }
    let scopes = act.needs.of(&allowed);
    if scopes.is_empty() {
        let why = "The policies leave no scope to act with.".to_owned();
        return Err(deny(concerned, why, Vec::new()));
    }
    Ok(Granted { policy: policy.clone(), scopes, form: None })
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
