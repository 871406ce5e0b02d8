//! Customer support: tickets and what is written in them.

use async_trait::async_trait;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Api, Error,
    model::{Cursor, DateTime, Id, Limit, Page},
};

/// What a help desk can do. Each action that the manifest lists works; the others answer
/// [`unsupported`](crate::unsupported).
#[async_trait]
pub trait Support: Send + Sync {
    /// `tickets.search`
    async fn search_tickets(&self, api: &Api, ask: SearchTickets) -> Result<Page<Ticket>, Error>;
    /// `tickets.get`
    async fn get_ticket(&self, api: &Api, ask: GetTicket) -> Result<Ticket, Error>;
    /// `tickets.create`
    async fn create_ticket(&self, api: &Api, new: NewTicket) -> Result<Ticket, Error>;
    /// `tickets.update`
    async fn update_ticket(&self, api: &Api, change: ChangeTicket) -> Result<Ticket, Error>;
    /// `tickets.messages`
    async fn list_messages(&self, api: &Api, ask: ListMessages) -> Result<Page<Message>, Error>;
    /// `tickets.reply`
    async fn reply(&self, api: &Api, new: NewMessage) -> Result<Message, Error>;
    /// `tickets.note`
    async fn note(&self, api: &Api, new: NewMessage) -> Result<Message, Error>;
}

/// Where a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TicketStatus {
    /// It waits for the help desk.
    Open,
    /// It waits for the customer, or for something else.
    Pending,
    /// It is done.
    Closed,
}

/// How much it hurries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Little.
    Low,
    /// As usual.
    Normal,
    /// Much.
    High,
    /// Now.
    Urgent,
}

/// A person, as the help desk knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Person {
    /// The provider's id.
    pub id: Option<Id>,
    /// The name.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
}

/// A ticket or conversation.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Ticket {
    /// The provider's id.
    pub id: Id,
    /// What it is about.
    pub subject: Option<String>,
    /// Where it stands.
    pub status: TicketStatus,
    /// How much it hurries, where the provider says it.
    pub priority: Option<Priority>,
    /// Who asks for help.
    pub requester: Option<Person>,
    /// Who helps.
    pub assignee: Option<Person>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its page in the provider's app.
    pub url: Option<String>,
    /// When it was made.
    pub created_at: Option<DateTime>,
    /// When it last changed.
    pub updated_at: Option<DateTime>,
    /// The provider's own record.
    pub raw: Value,
}

/// Which tickets. Nothing given: all of them, those that changed last first where the provider sorts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SearchTickets {
    /// Words of the subject or the messages.
    pub query: Option<String>,
    /// Those that stand here.
    pub status: Option<TicketStatus>,
    /// Those of the person with exactly this e-mail address.
    pub requester_email: Option<String>,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// The most items on the page.
    #[serde(default)]
    pub limit: Limit,
}

/// One ticket.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetTicket {
    /// The ticket's id.
    pub id: Id,
}

/// A ticket to be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTicket {
    /// What it is about.
    pub subject: String,
    /// The first message: plain text.
    pub text: String,
    /// The e-mail address of who asks for help.
    pub requester_email: String,
    /// Their name.
    pub requester_name: Option<String>,
    /// How much it hurries.
    pub priority: Option<Priority>,
    /// Its tags.
    #[serde(default)]
    #[schemars(length(max = 50))]
    pub tags: Vec<String>,
}

/// What changes of a ticket; what is left out stays.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeTicket {
    /// Which ticket.
    pub id: Id,
    /// What it is about.
    pub subject: Option<String>,
    /// Where it stands.
    pub status: Option<TicketStatus>,
    /// How much it hurries.
    pub priority: Option<Priority>,
    /// Who helps, by the id of that person.
    pub assignee_id: Option<Id>,
    /// All its tags; those that are not listed go.
    #[schemars(length(max = 50))]
    pub tags: Option<Vec<String>>,
}

/// What sort of message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Whoever asks for help sees it.
    Reply,
    /// Only the help desk sees it.
    Note,
}

/// Who wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Whoever asks for help.
    Customer,
    /// The help desk.
    Agent,
    /// A machine.
    System,
}

/// A message in a ticket.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Message {
    /// The provider's id.
    pub id: Id,
    /// The ticket it is in.
    pub ticket_id: Id,
    /// What sort of message.
    pub kind: MessageKind,
    /// Who wrote it.
    pub author: Option<Person>,
    /// As what, where that can be told.
    pub role: Option<Role>,
    /// Plain text where the provider has it, else what it has, perhaps HTML.
    pub text: Option<String>,
    /// When it was written.
    pub created_at: Option<DateTime>,
    /// The provider's own record.
    pub raw: Value,
}

/// The messages of a ticket, a page at a time.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListMessages {
    /// The ticket's id.
    pub id: Id,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// The most items on the page.
    #[serde(default)]
    pub limit: Limit,
}

/// A message to be.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// The ticket's id.
    pub id: Id,
    /// Plain text.
    pub text: String,
}
