//! Whatever is done to keys, in whatever order and by whichever process, and wherever it is interrupted: no
//! value is lost before its workspace's keys are destroyed, and none opens after.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base::{ExposeSecret, SeededRng, Timestamp};
use hub::{
    client::{self, Owner},
    keys::{self, Course, KEPT_FOR, Kept, Pace, STOPPED},
    store::{KNOWN_FOR, PoolSizes, SYSTEM, Store},
};
use proptest::prelude::*;
use vault::LocalKeys;

use super::scene::{Scene, new_client};

const SLUGS: [&str; 2] = ["chat", "shop"];
const SLOTS: usize = 3;

#[derive(Clone, Debug)]
enum Op {
    /// A process seals a new value.
    Seal { process: usize, workspace: usize, slot: usize },
    /// A process gives a workspace (or the hub) a new key, and is killed after so many steps.
    Rotate { process: usize, workspace: usize, kill_after: u64 },
    /// The same for all.
    RotateAll { process: usize, kill_after: u64 },
    /// A process wraps everything with its own first wrapping key, and is killed after so many steps.
    Rewrap { process: usize, kill_after: u64 },
    /// A process rotates while the other seals.
    Together { process: usize, workspace: usize },
    /// A process does its background work.
    Background { process: usize },
    /// A process starts anew.
    Restart { process: usize },
    /// Time passes.
    Later { seconds: u64 },
    /// A process destroys the first workspace's keys.
    Destroy { process: usize },
}

fn op() -> impl Strategy<Value = Op> {
    let process = 0..2_usize;
    let place = (0..2_usize, 0..2_usize, 0..SLOTS);
    prop_oneof![
        8 => place.prop_map(|(process, workspace, slot)| Op::Seal { process, workspace, slot }),
        5 => (process.clone(), 0..3_usize, 0..6_u64).prop_map(|(process, workspace, kill_after)| {
            Op::Rotate { process, workspace, kill_after }
        }),
        2 => (process.clone(), 0..14_u64)
            .prop_map(|(process, kill_after)| Op::RotateAll { process, kill_after }),
        3 => (process.clone(), 0..4_u64)
            .prop_map(|(process, kill_after)| Op::Rewrap { process, kill_after }),
        2 => (process.clone(), 0..2_usize)
            .prop_map(|(process, workspace)| Op::Together { process, workspace }),
        3 => process.clone().prop_map(|process| Op::Background { process }),
        1 => process.clone().prop_map(|process| Op::Restart { process }),
        4 => prop_oneof![0..8_u64, Just(90), Just(KEPT_FOR.as_secs() + 60)]
            .prop_map(|seconds| Op::Later { seconds }),
        1 => process.prop_map(|process| Op::Destroy { process }),
    ]
}

struct World {
    scene: Scene,
    processes: Vec<Store>,
    ids: Vec<String>,
    /// What was sealed last, by workspace and slot.
    values: [[u64; SLOTS]; 2],
    next: u64,
    destroyed: Option<(usize, Timestamp)>,
}

/// Every start has randomness of its own.
static STARTS: AtomicU64 = AtomicU64::new(1000);

/// Each process knows both wrapping keys; the first one of each is another.
async fn process(scene: &Scene, which: usize) -> Store {
    let keys = [7, 8].map(|seed| LocalKeys::generate_text(&SeededRng::new(seed)));
    let [first, second] = [&keys[which], &keys[1 - which]].map(ExposeSecret::expose_secret);
    let text = format!("{first}\n{second}").into();
    let keys = Arc::new(LocalKeys::from_text(&text, "the test").unwrap());
    let rng = Arc::new(SeededRng::new(STARTS.fetch_add(1, Ordering::Relaxed)));
    let clock = scene.clock.clone();
    Store::open(&scene.database(), PoolSizes::default(), keys, clock, rng).await.unwrap()
}

fn slot(number: usize) -> String {
    format!("client-{number}")
}

impl World {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let mut ids = Vec::new();
        for slug in SLUGS {
            let id = scene.workspace(slug).await;
            for number in 0..SLOTS {
                let new = client::NewClient {
                    client_secret: Some("0".to_owned().into()),
                    ..new_client("acme", &[])
                };
                let owner = Owner::Workspace(&id);
                client::put(&scene.store, &scene.registry, owner, &slot(number), new)
                    .await
                    .unwrap();
            }
            ids.push(id);
        }
        let processes = vec![process(&scene, 0).await, process(&scene, 1).await];
        let values = [[0; SLOTS]; 2];
        Self { scene, processes, ids, values, next: 1, destroyed: None }
    }

    async fn seal(&mut self, process: usize, workspace: usize, number: usize) {
        let store = &self.processes[process];
        let owner = Owner::Workspace(&self.ids[workspace]);
        let secret = self.next.to_string().into();
        let registry = &self.scene.registry;
        let done = client::change_secret(store, registry, owner, &slot(number), secret).await;
        match (self.is_destroyed(workspace), done) {
            (false, done) => {
                done.unwrap();
                self.values[workspace][number] = self.next;
                self.next += 1;
            }
            // A process that has not heard of it yet may seal, for nobody.
            (true, Ok(_)) => assert!(!self.must_know(process), "sealed with a destroyed key"),
            (true, Err(error)) => assert_eq!(error.code, "workspace_closed"),
        }
    }

    fn is_destroyed(&self, workspace: usize) -> bool {
        workspace == 0 && self.destroyed.is_some()
    }

    /// Whether the process must have heard that the keys are destroyed.
    fn must_know(&self, process: usize) -> bool {
        self.destroyed.is_some_and(|(by, at)| {
            by == process || self.processes[process].now() >= at.plus(KNOWN_FOR)
        })
    }

    /// Every value, as every process reads it.
    async fn check(&self) {
        for (process, store) in self.processes.iter().enumerate() {
            for (workspace, id) in self.ids.iter().enumerate() {
                for number in 0..SLOTS {
                    let owner = Owner::Workspace(id);
                    let row = client::get(store, owner, &slot(number)).await.unwrap();
                    let read = client::secrets(store, &row).await;
                    if self.is_destroyed(workspace) {
                        assert!(!self.must_know(process) || read.is_err(), "a value opened");
                        continue;
                    }
                    let read = read.unwrap();
                    let expected = self.values[workspace][number].to_string();
                    assert_eq!(read[0].expose_secret(), expected, "process {process}, {id}");
                }
            }
        }
    }

    async fn apply(&mut self, op: &Op) {
        match *op {
            Op::Seal { process, workspace, slot } => self.seal(process, workspace, slot).await,
            Op::Rotate { process, workspace, kill_after } => {
                let id = self.ids.get(workspace).map_or(SYSTEM, String::as_str);
                let steps = AtomicU64::new(0);
                let watch = |_| steps.fetch_add(1, Ordering::Relaxed) < kill_after;
                let mut course = Course::new(Pace::Steady, &watch);
                let done = keys::rotate(&self.processes[process], id, &mut course).await;
                fine(done, self.is_destroyed(workspace));
            }
            Op::RotateAll { process, kill_after } => {
                let steps = AtomicU64::new(0);
                let watch = |_| steps.fetch_add(1, Ordering::Relaxed) < kill_after;
                let mut course = Course::new(Pace::Steady, &watch);
                fine(keys::rotate_all(&self.processes[process], &mut course).await, false);
            }
            Op::Rewrap { process, kill_after } => {
                let steps = AtomicU64::new(0);
                let watch = |_| steps.fetch_add(1, Ordering::Relaxed) < kill_after;
                let mut course = Course::new(Pace::Steady, &watch);
                fine(keys::rewrap(&self.processes[process], &mut course).await, false);
            }
            Op::Together { process, workspace } => self.together(process, workspace).await,
            Op::Background { process } => {
                keys::follow(&self.processes[process]).await.unwrap();
                keys::tidy(&self.processes[process]).await.unwrap();
            }
            Op::Restart { process: which } => {
                self.processes[which] = process(&self.scene, which).await;
            }
            Op::Later { seconds } => self.scene.later(Duration::from_secs(seconds)),
            Op::Destroy { process } => self.destroy(process).await,
        }
    }

    async fn together(&mut self, process: usize, workspace: usize) {
        let (store, id) = (self.processes[process].clone(), self.ids[workspace].clone());
        let rotation = tokio::spawn(async move {
            let watch = |_| true;
            keys::rotate(&store, &id, &mut Course::new(Pace::Steady, &watch)).await
        });
        for number in 0..SLOTS {
            self.seal(1 - process, workspace, number).await;
        }
        fine(rotation.await.unwrap(), self.is_destroyed(workspace));
    }

    async fn destroy(&mut self, process: usize) {
        if self.destroyed.is_some() {
            return;
        }
        let store = &self.processes[process];
        let row = hub::workspace::get(store, &self.ids[0]).await.unwrap();
        keys::destroy(store, &row).await.unwrap();
        self.destroyed = Some((process, store.now()));
    }

    /// In the end everything is under the newest key, and what is retired is deleted.
    async fn conclude(&mut self) {
        for _ in 0..2 {
            let store = &self.processes[0];
            let watch = |_| true;
            keys::rotate_all(store, &mut Course::new(Pace::Steady, &watch)).await.unwrap();
            self.scene.later(KEPT_FOR + Duration::from_mins(1));
            for _ in 0..4 {
                keys::follow(store).await.unwrap();
            }
            keys::tidy(store).await.unwrap();
        }
        let status = keys::status(&self.processes[0], None).await.unwrap();
        assert!(!status.keys.iter().any(|one| one.kept == Some(Kept::Named)), "{status:?}");
        self.check().await;
    }
}

/// It is through, or was killed, or had nothing left to work on.
fn fine<T>(done: hub::Result<T>, is_destroyed: bool) {
    if let Err(error) = done {
        let closed = is_destroyed && error.code == "workspace_closed";
        assert!(error.code == STOPPED || closed, "{error}");
    }
}

#[tokio::test]
async fn a_process_that_never_used_the_newest_key_is_told_that_it_is_destroyed() {
    let mut world = World::new().await;
    for op in [
        Op::Rotate { process: 0, workspace: 0, kill_after: 1 },
        Op::Destroy { process: 0 },
        Op::Seal { process: 1, workspace: 0, slot: 0 },
    ] {
        world.apply(&op).await;
        world.check().await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn no_value_is_lost_before_destruction_and_none_opens_after(
        ops in proptest::collection::vec(op(), 1..25),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for op in &ops {
                world.apply(op).await;
                world.check().await;
            }
            world.conclude().await;
        });
    }
}
