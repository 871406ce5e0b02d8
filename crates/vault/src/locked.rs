//! Where keys lie: in pages that are locked, which no swap file gets to see.
//!
//! The pages are this file's own, so that locking them locks nothing else. They are never given back;
//! the places in them are, and there are as many as there ever were keys at once.

use std::{
    array, iter, mem,
    sync::{
        Mutex, Once, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use aes_gcm::{Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

/// A key and what AES makes of it; both wipe themselves.
struct Material {
    key: Zeroizing<[u8; 32]>,
    cipher: Aes256Gcm,
}

type Slot = RwLock<Option<Material>>;

/// The largest page of the usual systems: what is aligned to it shares a page with nothing.
const PAGE: usize = 16 * 1024;
const SLOTS: usize = PAGE / size_of::<Slot>();

#[repr(align(16384))]
struct Page([Slot; SLOTS]);

const _: () = assert!(size_of::<Page>() == PAGE && align_of::<Page>() == PAGE);

/// As many pages are made at once as there are, up to this: few and large areas, for a system counts
/// them, and small ones first, for its limit may be low.
const MOST_AT_ONCE: usize = 64;

struct Free {
    slots: Vec<&'static Slot>,
    /// How many pages were made.
    pages: usize,
}

static FREE: Mutex<Free> = Mutex::new(Free { slots: Vec::new(), pages: 0 });

/// A key in locked memory. Wiped when it is dropped; not printable, not copyable.
pub(crate) struct LockedKey(&'static Slot);

base::lacks!(LockedKey: std::fmt::Debug, std::fmt::Display, Clone, serde::Serialize);

impl LockedKey {
    pub(crate) fn new(key: &Zeroizing<[u8; 32]>) -> Self {
        let slot = free_slot();
        put(slot, key);
        // What was made on the stack was copied, and lies there still: the same again over it.
        put(&RwLock::new(None), &BLANK);
        Self(slot)
    }

    /// What `use_it` makes of the key's bytes and its cipher.
    pub(crate) fn with<T>(&self, use_it: impl FnOnce(&[u8; 32], &Aes256Gcm) -> T) -> T {
        let slot = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let material = slot.as_ref().expect("a slot is empty before its first key alone");
        use_it(&material.key, &material.cipher)
    }

    /// Another key in its place: emptying the slot would copy into it whatever the stack holds.
    fn wipe(&self) {
        put(self.0, &BLANK);
    }
}

static BLANK: [u8; 32] = [0; 32];

/// Never inlined, so that it works on the same part of the stack each time that a function calls it.
#[inline(never)]
fn put(slot: &Slot, key: &[u8; 32]) {
    let material = Material { key: Zeroizing::new(*key), cipher: Aes256Gcm::new(key.into()) };
    *slot.write().unwrap_or_else(PoisonError::into_inner) = Some(material);
}

impl Drop for LockedKey {
    fn drop(&mut self) {
        self.wipe();
        FREE.lock().unwrap_or_else(PoisonError::into_inner).slots.push(self.0);
    }
}

fn free_slot() -> &'static Slot {
    let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
    if free.slots.is_empty() {
        let more = new_pages(free.pages.clamp(1, MOST_AT_ONCE));
        free.pages += more.len();
        free.slots.extend(more.iter().flat_map(|page| &page.0));
    }
    free.slots.pop().expect("a page has slots")
}

/// How many pages of 16 KiB hold keys and are not locked, because the system refused: 0 where keys are never
/// swapped out. Counted since the process started.
pub fn unlocked_pages() -> u64 {
    UNLOCKED.load(Ordering::Relaxed)
}

static UNLOCKED: AtomicU64 = AtomicU64::new(0);

/// Counts pages that could not be locked; the log is told once.
fn refused(pages: usize, error: &region::Error) {
    static TOLD: Once = Once::new();
    UNLOCKED.fetch_add(pages as u64, Ordering::Relaxed);
    TOLD.call_once(|| {
        tracing::warn!(
            %error,
            "keys could not be locked in memory, so the system may write them to its swap space. \
             Raise RLIMIT_MEMLOCK (systemd: LimitMEMLOCK=256M), or encrypt the swap space"
        );
    });
}

/// Pages, locked if the system allows; where it does not, keys lie in them all the same.
fn new_pages(count: usize) -> &'static [Page] {
    let page = || Page(array::from_fn(|_| RwLock::new(None)));
    let pages: &'static [Page] = iter::repeat_with(page).take(count).collect::<Vec<_>>().leak();
    match region::lock(pages.as_ptr(), size_of_val(pages)) {
        // The guard would unlock them.
        Ok(guard) => mem::forget(guard),
        Err(error) => refused(pages.len(), &error),
    }
    pages
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, ptr};

    use sha2::Sha256;
    use zeroize::ZeroizeOnDrop;

    use super::*;

    fn key(byte: u8) -> LockedKey {
        LockedKey::new(&Zeroizing::new(array::from_fn(|at| byte ^ u8::try_from(at).unwrap())))
    }

    #[test]
    fn all_that_is_made_of_a_key_wipes_itself() {
        fn wiped<T: ZeroizeOnDrop>() {}
        wiped::<Zeroizing<[u8; 32]>>();
        wiped::<Aes256Gcm>();
        // All that HKDF and HMAC keep is states of the hash.
        wiped::<Sha256>();
    }

    #[test]
    fn a_place_is_used_again() {
        let places: HashSet<_> = (0..1000).map(|_| ptr::from_ref(key(1).0)).collect();
        // Other tests take and leave some at the same time.
        assert!(places.len() < 500, "{} places for one key after another", places.len());
    }

    #[test]
    fn pages_that_are_not_locked_are_counted() {
        let before = unlocked_pages();
        refused(3, &region::Error::UnmappedRegion);
        refused(64, &region::Error::UnmappedRegion);
        // As many more as other tests were refused meanwhile.
        assert!(unlocked_pages() >= before + 67);
    }

    #[test]
    fn keys_side_by_side_do_not_disturb_each_other() {
        let keys: Vec<_> = (0..100).map(key).collect();
        for (byte, key) in (0..).zip(&keys) {
            key.with(|bytes, _| assert_eq!(bytes[0], byte));
        }
    }

    #[cfg(target_os = "linux")]
    mod seen_from_outside {
        use std::{
            fs::{self, File},
            ops::Not,
            os::unix::fs::FileExt,
        };

        use super::*;

        /// What lies in a key's slot, as the kernel reads it.
        fn memory(key: &LockedKey) -> Vec<u8> {
            let mut bytes = vec![0; size_of::<Slot>()];
            let address = ptr::from_ref(key.0).addr() as u64;
            File::open("/proc/self/mem").unwrap().read_exact_at(&mut bytes, address).unwrap();
            bytes
        }

        /// 32 bytes of what AES makes of the key: two of its rounds, from which the key can be told.
        fn rounds(memory: &[u8]) -> &[u8] {
            &memory[272..304]
        }

        fn holds(bytes: &[u8], part: &[u8]) -> bool {
            bytes.windows(part.len()).any(|window| window == part)
        }

        #[test]
        fn a_dropped_key_and_its_schedule_are_gone_from_memory() {
            let key = key(0xa5);
            let bytes = key.with(|bytes, _| *bytes);
            let before = memory(&key);
            assert!(holds(&before, &bytes), "this test sees no memory");
            // What a drop does, without giving the place to another test.
            key.wipe();
            let after = memory(&key);
            assert!(!holds(&after, &bytes));
            let schedules = before[32..].chunks_exact(16).filter(|part| holds(part, &[0; 4]).not());
            assert!(schedules.clone().count() > 15, "the schedule is not there");
            for part in schedules {
                assert!(!holds(&after, part), "{part:x?} is left");
            }
        }

        #[test]
        fn a_keys_schedule_is_not_left_on_the_stack() {
            let mut stack = vec![0; 64 * 1024];
            let mut below = |here: &LockedKey| {
                let address = ptr::from_ref(here).addr() - stack.len();
                let mem = File::open("/proc/self/mem").unwrap();
                mem.read_exact_at(&mut stack, address as u64).unwrap();
                holds(&stack, rounds(&memory(here)))
            };
            let key = key(0x5a);
            assert!(!below(&key));
            // One `put` alone leaves it there: this test sees it.
            put(key.0, &[7; 32]);
            assert!(below(&key), "this test does not see the stack");
        }

        #[test]
        fn keys_lie_in_locked_pages() {
            let key = key(1);
            let address = ptr::from_ref(key.0).addr();
            let maps = fs::read_to_string("/proc/self/smaps").unwrap();
            let holds = |line: &str| {
                let (from, rest) = line.split_once('-')?;
                let (to, _) = rest.split_once(' ')?;
                let number = |text| usize::from_str_radix(text, 16).ok();
                Some((number(from)?..number(to)?).contains(&address))
            };
            let mut of_key = maps.lines().skip_while(|line| holds(line) != Some(true));
            let flags = of_key.find(|line| line.starts_with("VmFlags:")).unwrap();
            assert!(flags.split(' ').any(|flag| flag == "lo"), "{flags}");
        }
    }
}
