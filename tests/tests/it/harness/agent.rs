//! An agent, which asks.

use serde_json::{Value, json};

use super::http::{Reply, Request};

/// An agent with its own key, at one replica of the hub.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    /// Where the replica listens.
    pub(crate) address: String,
    /// The hub's name, as a load balancer passes it on.
    pub(crate) host: String,
    /// Its key.
    pub(crate) key: String,
}

impl Agent {
    /// The same agent, at another replica.
    pub(crate) fn at(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    /// Asks `POST /v1/token`; whatever the answer.
    pub(crate) async fn ask(&self, question: &Value) -> Reply {
        self.request().json(question).send().await
    }

    /// Asks with the name of a workspace beside its key.
    pub(crate) async fn ask_in(&self, workspace: &str, question: &Value) -> Reply {
        self.request().header("x-valetkey-workspace", workspace).json(question).send().await
    }

    /// A token call without a question.
    pub(crate) fn request(&self) -> Request {
        self.request_to("POST", "/v1/token")
    }

    /// Any call.
    pub(crate) fn request_to(&self, method: &str, path: &str) -> Request {
        Request::new(method, format!("{}{path}", self.address))
            .header("host", &self.host)
            .header("authorization", &format!("Bearer {}", self.key))
    }

    /// Asks for all that is allowed of one integration for one person.
    pub(crate) async fn ask_for(&self, integration: &str, person: &str) -> Reply {
        self.ask(&json!({ "integration": integration, "end_user": { "id": person } })).await
    }

    /// The token of an answer that must carry one.
    pub(crate) async fn token(&self, integration: &str, person: &str) -> String {
        let answer = self.ask_for(integration, person).await.ok();
        assert_eq!(answer["status"], "issued", "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    }
}
