//! Somebody can write into the database and has no key: a sealed credential that is moved, brought back or
//! damaged opens nowhere, and gives nobody a token that belongs elsewhere.

use serde_json::{Value, json};

use super::{
    Attack,
    rows::Rows,
    town::Town,
    way::{Way, complete},
};
use crate::harness::{Browser, Database, Workspace, platform::RETURN_URL};

/// One person of one workspace and her connection.
#[derive(Clone)]
struct Linked {
    workspace: &'static str,
    person: String,
    connection: String,
}

impl Linked {
    async fn new(town: &Town, workspace: &'static str, person: &str, at_acme: &str) -> Self {
        let tenant = town.platform.workspace(workspace).await;
        let connection = town.link(&tenant, person, at_acme).await;
        Self { workspace, person: person.to_owned(), connection }
    }

    /// Where its row is.
    fn row(&self) -> String {
        format!("connection WHERE id = '{}'", self.connection)
    }

    fn set(&self, what: &str) -> String {
        format!("UPDATE connection SET {what} WHERE id = '{}'", self.connection)
    }

    async fn sealed(&self, rows: &mut Rows) -> Vec<u8> {
        rows.bytes(&format!("SELECT credential_sealed FROM {}", self.row())).await
    }

    async fn put(&self, rows: &mut Rows, sealed: &[u8]) {
        rows.put(&self.set("credential_sealed = $1"), sealed).await;
    }
}

/// What was done to whose row.
type Damaged = Vec<(&'static str, Linked)>;

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_sealed_credential_that_was_moved_opens_nowhere() {
    let mut attack = Attack::new("moved_ciphertext");
    let town = Town::start().await;
    for slug in ["aurora", "borealis"] {
        town.workspace(slug).await;
    }
    let people = People::link(&town).await;
    let untouched = people.untouched.clone();
    let (town, damaged) = town.stopped(async move |database| people.damage(database).await).await;

    for (what, victim) in &damaged {
        let tenant = town.platform.workspace(victim.workspace).await;
        let reply = ask(&tenant, &victim.person).await;
        let problem = reply.problem(500);
        assert_eq!(problem["code"], "internal", "{what}: {problem}");
        assert!(!reply.text().contains("access_token"), "{what}: {}", reply.text());
        assert_told(&town, what, &problem);
        attack.refused(*what);
    }
    for (linked, email) in untouched {
        let tenant = town.platform.workspace(linked.workspace).await;
        let issued = ask(&tenant, &linked.person).await.ok();
        let token = issued["access_token"].as_str().unwrap_or_else(|| panic!("{issued}"));
        assert_eq!(town.acme.account_of(token).await, email);
        attack.works(format!("a connection beside the damaged ones, in {}", linked.workspace));
    }
    // Who lost hers links again.
    let (what, victim) = &damaged[0];
    let tenant = town.platform.workspace(victim.workspace).await;
    let mut way = Way::of(&tenant, "crm", &victim.person, Browser::of("ana")).await;
    let url = way.url().to_owned();
    complete(&tenant, &way.browser.link(&url, RETURN_URL).await, &victim.person).await;
    assert_eq!(ask(&tenant, &victim.person).await.ok()["status"], "issued", "{what}");
    attack.works("a damaged connection that is linked again");
}

async fn ask(workspace: &Workspace, person: &str) -> crate::harness::http::Reply {
    let question = json!({ "integration": "crm", "end_user": { "id": person } });
    workspace.ask_as("assistant", &question).await
}

/// Whoever runs the hub finds the cause in the log, under the id that the caller was told.
fn assert_told(town: &Town, what: &str, problem: &Value) {
    let log = String::from_utf8(town.hub.log()).unwrap();
    let id = problem["request_id"].as_str().unwrap();
    let line = log.lines().find(|line| line.contains("a request failed") && line.contains(id));
    let line = line.unwrap_or_else(|| panic!("{what}: the log does not tell of {id}: {log}"));
    assert!(line.contains("sealed"), "{what}: {line}");
}

struct People {
    /// Two of one workspace, whose credentials change places.
    swapped: [Linked; 2],
    /// One of each of two workspaces.
    across: [Linked; 2],
    /// Label and credential of one.
    fields: Linked,
    /// One who linked twice, and the first credential.
    again: Linked,
    /// One whose credential is said to be a newer one.
    newer: Linked,
    /// One whose row becomes another workspace's, and who asks there.
    abducted: Linked,
    abductor: Linked,
    /// One whose row becomes that of another person of her own workspace, who asks.
    given: Linked,
    taker: Linked,
    /// To be damaged, one way each.
    broken: Vec<Linked>,
    untouched: Vec<(Linked, &'static str)>,
    first: Vec<u8>,
}

/// Does something to sealed bytes.
type Break = fn(&mut Vec<u8>);

#[rustfmt::skip]
const BREAKS: [(&str, Break); 8] = [
    ("cut short by a byte", |bytes| { bytes.pop(); }),
    ("cut to half", |bytes| bytes.truncate(bytes.len() / 2)),
    ("cut to nothing", Vec::clear),
    ("a byte more", |bytes| bytes.push(0)),
    ("a bit of the tag", |bytes| *bytes.last_mut().unwrap() ^= 1),
    ("a bit of the text", |bytes| bytes[40] ^= 1),
    ("a bit of the nonce", |bytes| bytes[20] ^= 1),
    ("another version", |bytes| bytes[0] = 2),
];

impl People {
    async fn link(town: &Town) -> Self {
        let a =
            async |person: &str, at_acme: &str| Linked::new(town, "aurora", person, at_acme).await;
        let b = async |person: &str, at_acme: &str| {
            Linked::new(town, "borealis", person, at_acme).await
        };
        let again = a("again", "ana").await;
        let first = again.sealed(&mut Rows::of(&town.database).await).await;
        assert_eq!(a("again", "ana").await.connection, again.connection);
        let mut broken = Vec::new();
        for number in 0..BREAKS.len() {
            broken.push(a(&format!("broken-{number}"), "ana").await);
        }
        Self {
            swapped: [a("swapped-1", "ana").await, a("swapped-2", "ben").await],
            across: [a("across", "ana").await, b("across", "ben").await],
            fields: a("fields", "ana").await,
            again,
            newer: a("newer", "ana").await,
            abducted: a("abducted", "ana").await,
            abductor: b("abductor", "ben").await,
            given: a("given", "ana").await,
            taker: a("taker", "ben").await,
            broken,
            untouched: vec![
                (a("untouched", "ben").await, "ben@acme.example"),
                (b("untouched", "ana").await, "ana@acme.example"),
            ],
            first,
        }
    }

    /// Does all of it, while the hub is down.
    async fn damage(self, database: &Database) -> Damaged {
        let mut rows = Rows::of(database).await;
        let mut damaged: Damaged = Vec::new();
        for (what, [one, other]) in [
            ("two credentials of a workspace swapped", &self.swapped),
            ("credentials of two workspaces swapped", &self.across),
        ] {
            let sealed = [one.sealed(&mut rows).await, other.sealed(&mut rows).await];
            one.put(&mut rows, &sealed[1]).await;
            other.put(&mut rows, &sealed[0]).await;
            damaged.extend([(what, one.clone()), (what, other.clone())]);
        }
        rows.change(
            &self
                .fields
                .set("account_sealed = credential_sealed, credential_sealed = account_sealed"),
        )
        .await;
        damaged.push(("two fields of a row swapped", self.fields));
        self.again.put(&mut rows, &self.first).await;
        damaged.push(("an older credential under the newer one's number", self.again));
        rows.change(&self.newer.set("generation = generation + 1")).await;
        damaged.push(("a credential under a newer number", self.newer));
        let what = "a whole row moved into another workspace";
        damaged.push((what, give(&mut rows, &self.abducted, self.abductor).await));
        let what = "a whole row given to another person";
        damaged.push((what, give(&mut rows, &self.given, self.taker).await));
        for (linked, (what, change)) in self.broken.into_iter().zip(BREAKS) {
            let mut sealed = linked.sealed(&mut rows).await;
            change(&mut sealed);
            linked.put(&mut rows, &sealed).await;
            damaged.push((what, linked));
        }
        damaged
    }
}

/// The whole row of one becomes the row of another person, who loses their own.
async fn give(rows: &mut Rows, given: &Linked, by: Linked) -> Linked {
    rows.change(&by.set("status = 'revoked', account_digest = x'00'")).await;
    let of_theirs = |column: &str| format!("{column} = (SELECT {column} FROM {})", by.row());
    let columns = ["workspace_id", "integration_id", "owner_key", "end_user_id"].map(of_theirs);
    rows.change(&given.set(&columns.join(", "))).await;
    by
}
