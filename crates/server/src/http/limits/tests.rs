//! What comes in and what does not, with a clock that stands still.

use std::sync::atomic::{AtomicU32, Ordering};

use base::SeededRng;
use governor::clock::FakeRelativeClock;
use hub::Error;

use super::{rate::Rate, *};

const WRONG: &str = "vk_agent_aaaaaaaa_wrongwrongwrongwrongwrongwrongwrong";
const RIGHT: &str = "vk_agent_bbbbbbbb_rightrightrightrightrightrightright";

/// The limits, a clock, and how often the database was asked.
struct Door {
    limits: Limits<FakeRelativeClock>,
    clock: FakeRelativeClock,
    looks: AtomicU32,
}

impl Door {
    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Raw::default().check().expect("the defaults are good");
        change(&mut settings);
        let clock = FakeRelativeClock::default();
        let limits = Limits::with(&settings, &SeededRng::new(1), &clock);
        Self { limits, clock, looks: AtomicU32::new(0) }
    }

    /// Whether a request from here with this key comes in; the status if not.
    async fn knock(
        &self,
        source: &str,
        key: &str,
        found: hub::Result<Principal>,
    ) -> Result<(), u16> {
        let peer = source.parse().expect("an address");
        let source = self.limits.proxies().source(peer, &axum::http::HeaderMap::new());
        let standing = Standing::default();
        let knock = Knock { source, key, agent: None, standing: &standing };
        let look = async {
            self.looks.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            found
        };
        self.limits.admit(knock, look).await.map(|_| ()).map_err(|problem| problem.status())
    }

    fn looks(&self) -> u32 {
        self.looks.load(Ordering::Relaxed)
    }
}

#[allow(clippy::unnecessary_wraps, reason = "as the hub answers")]
fn principal(owner: Owner) -> hub::Result<Principal> {
    let workspace = match &owner {
        Owner::Platform(_) => None,
        Owner::Workspace(workspace) | Owner::Agent { workspace, .. } => Some(workspace.clone()),
    };
    Ok(Principal { key: "key_1".into(), owner, workspace, workspace_status: None, epoch: 1 })
}

#[allow(clippy::unnecessary_wraps, reason = "as the hub answers")]
fn agent(workspace: &str, agent: &str) -> hub::Result<Principal> {
    principal(Owner::Agent { workspace: workspace.into(), agent: agent.into() })
}

#[allow(clippy::unnecessary_wraps, reason = "as the hub answers")]
fn wrong() -> hub::Result<Principal> {
    Err(Error::new(Kind::Unauthenticated, "unauthenticated", "wrong"))
}

const HERE: &str = "203.0.113.5";

#[tokio::test]
async fn a_source_that_guesses_is_refused_before_anything_is_looked_up() {
    let door = Door::with(|_| {});
    for _ in 0..20 {
        assert_eq!(door.knock(HERE, WRONG, wrong()).await, Err(401));
    }
    for _ in 0..100 {
        assert_eq!(door.knock(HERE, WRONG, wrong()).await, Err(429));
    }
    assert_eq!(door.looks(), 20);
    door.clock.advance(Duration::from_secs(3));
    assert_eq!(door.knock(HERE, WRONG, wrong()).await, Err(401), "one more after three seconds");
    assert_eq!(door.knock(HERE, WRONG, wrong()).await, Err(429));
}

#[tokio::test]
async fn guesses_at_once_are_no_more_than_are_looked_up_at_once_beyond_the_limit() {
    let door = Door::with(|_| {});
    let many = (0..500).map(|_| door.knock(HERE, WRONG, wrong()));
    futures::future::join_all(many).await;
    assert!(door.looks() <= 20 + u32::try_from(LOOKED_UP_AT_ONCE).unwrap(), "{}", door.looks());
}

#[tokio::test]
async fn a_key_that_was_right_lately_is_not_shut_out_by_its_neighbours() {
    let door = Door::with(|_| {});
    assert_eq!(door.knock(HERE, RIGHT, agent("ws_1", "agt_1")).await, Ok(()));
    for _ in 0..50 {
        door.knock(HERE, WRONG, wrong()).await.expect_err("a wrong key");
    }
    assert_eq!(door.knock(HERE, RIGHT, agent("ws_1", "agt_1")).await, Ok(()));
    assert_eq!(door.knock("198.51.100.1", WRONG, wrong()).await, Err(401), "another source");
}

#[tokio::test]
async fn a_key_that_was_right_and_is_revoked_is_a_wrong_key() {
    let door = Door::with(|_| {});
    assert_eq!(door.knock(HERE, RIGHT, agent("ws_1", "agt_1")).await, Ok(()));
    for _ in 0..20 {
        assert_eq!(door.knock(HERE, RIGHT, wrong()).await, Err(401));
    }
    assert_eq!(door.knock(HERE, RIGHT, wrong()).await, Err(429));
    assert_eq!(door.looks(), 21);
}

#[tokio::test]
async fn many_right_keys_from_one_address_are_no_guesses() {
    let door = Door::with(|_| {});
    for number in 0..200 {
        let key = format!("vk_agent_{number:08}_rightrightrightrightrightrightright");
        assert_eq!(door.knock(HERE, &key, agent("ws_1", &key)).await, Ok(()));
    }
}

#[tokio::test]
async fn what_is_no_key_at_all_counts_for_nothing() {
    let door = Door::with(|_| {});
    for key in ["", "x", "vk_", "vk_agent_short_short", "Bearer"] {
        for _ in 0..20 {
            assert_eq!(door.knock(HERE, key, wrong()).await, Err(401));
        }
    }
    assert_eq!(door.knock(HERE, WRONG, wrong()).await, Err(401));
}

#[tokio::test]
async fn a_database_that_fails_makes_nobody_a_guesser() {
    let door = Door::with(|_| {});
    for _ in 0..50 {
        let failed = Err(Error::unavailable("down", "down", Duration::from_secs(1)));
        assert_eq!(door.knock(HERE, RIGHT, failed).await, Err(503));
    }
}

#[tokio::test]
async fn an_agents_limit_is_its_own_and_holds_before_anything_is_looked_up() {
    let door = Door::with(|settings| settings.agent = Rate::read("1/s,burst=3").expect("a rate"));
    let other = "vk_agent_cccccccc_rightrightrightrightrightrightright";
    for _ in 0..3 {
        assert_eq!(door.knock(HERE, RIGHT, agent("ws_1", "agt_1")).await, Ok(()));
    }
    for _ in 0..10 {
        assert_eq!(door.knock(HERE, RIGHT, agent("ws_1", "agt_1")).await, Err(429));
    }
    assert_eq!(door.looks(), 3);
    assert_eq!(door.knock(HERE, other, agent("ws_1", "agt_2")).await, Ok(()));
    door.clock.advance(Duration::from_secs(1));
    assert_eq!(door.knock(HERE, RIGHT, agent("ws_1", "agt_1")).await, Ok(()));
}

#[tokio::test]
async fn an_agents_flood_takes_from_its_workspace_only_what_passes() {
    let door = Door::with(|settings| {
        settings.agent = Rate::read("1/h,burst=3").expect("a rate");
        settings.workspace = Rate::read("1/h,burst=5").expect("a rate");
    });
    for _ in 0..50 {
        door.knock(HERE, RIGHT, agent("ws_1", "agt_1")).await.ok();
    }
    let own = "vk_ws_cccccccc_rightrightrightrightrightrightright";
    let workspace = || principal(Owner::Workspace("ws_1".into()));
    assert_eq!(door.knock(HERE, own, workspace()).await, Ok(()));
    assert_eq!(door.knock(HERE, own, workspace()).await, Ok(()));
    assert_eq!(door.knock(HERE, own, workspace()).await, Err(429));
    let stranger = "vk_ws_dddddddd_rightrightrightrightrightrightright";
    let elsewhere = principal(Owner::Workspace("ws_2".into()));
    assert_eq!(door.knock(HERE, stranger, elsewhere).await, Ok(()), "another workspace");
}

#[tokio::test]
async fn a_platforms_request_counts_for_the_workspace_that_it_names() {
    let door =
        Door::with(|settings| settings.workspace = Rate::read("1/h,burst=1").expect("a rate"));
    let key = "vk_platform_eeeeeeee_rightrightrightrightrightrightright";
    let named = |workspace: &str| {
        let found = principal(Owner::Platform(Vec::new()));
        found.map(|found| Principal { workspace: Some(workspace.into()), ..found })
    };
    assert_eq!(door.knock(HERE, key, named("ws_1")).await, Ok(()));
    assert_eq!(door.knock(HERE, key, named("ws_1")).await, Err(429));
    assert_eq!(door.knock(HERE, key, named("ws_2")).await, Ok(()));
}

#[tokio::test]
async fn a_limit_that_is_off_is_none() {
    let door = Door::with(|settings| {
        (settings.agent, settings.workspace, settings.wrong_keys) = (None, None, None);
    });
    for _ in 0..2000 {
        assert_eq!(door.knock(HERE, RIGHT, agent("ws_1", "agt_1")).await, Ok(()));
    }
    for _ in 0..100 {
        assert_eq!(door.knock(HERE, WRONG, wrong()).await, Err(401));
    }
}
