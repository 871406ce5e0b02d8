//! Who is signed in at the demo platform: a random value in the browser, a name in memory.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use base::{Rng, constant_time_eq, random_token};

/// Holds the browser's random value.
const COOKIE: &str = "chatty_session";
/// How many browsers are remembered; the oldest is forgotten first.
const MOST: usize = 100;

struct Entry {
    value: String,
    user: String,
}

/// The browsers that are signed in.
#[derive(Default)]
pub(super) struct SignIns(Mutex<VecDeque<Entry>>);

impl SignIns {
    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who is signed in at this browser.
    pub(super) fn user(&self, jar: &CookieJar) -> Option<String> {
        let told = jar.get(COOKIE)?.value();
        let entries = self.entries();
        let own = |entry: &&Entry| constant_time_eq(entry.value.as_bytes(), told.as_bytes());
        entries.iter().find(own).map(|entry| entry.user.clone())
    }

    /// Signs somebody in; the cookie for their browser. Always a new one: nobody can have set it before.
    pub(super) fn add(&self, rng: &dyn Rng, user: String) -> Cookie<'static> {
        let value = random_token(rng);
        let mut entries = self.entries();
        if entries.len() == MOST {
            entries.pop_front();
        }
        entries.push_back(Entry { value: value.clone(), user });
        // Lax: the hub's redirect back must carry it.
        Cookie::build((COOKIE, value)).path("/").http_only(true).same_site(SameSite::Lax).build()
    }
}

/// Whether a name may be anyone's here.
pub(super) fn is_name(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use base::SeededRng;

    use super::*;

    fn jar(cookie: Cookie<'static>) -> CookieJar {
        CookieJar::new().add(cookie)
    }

    #[test]
    fn a_cookie_says_nothing_by_itself() {
        let known = SignIns::default();
        let cookie = known.add(&SeededRng::new(1), "ana".to_owned());
        assert!(!cookie.value().contains("ana"));
        assert_eq!(known.user(&jar(cookie.clone())), Some("ana".to_owned()));
        assert_eq!(SignIns::default().user(&jar(cookie)), None);
        assert_eq!(known.user(&jar(Cookie::new(COOKIE, "ana"))), None);
        assert_eq!(known.user(&CookieJar::new()), None);
    }

    #[test]
    fn the_oldest_browser_is_forgotten_first() {
        let known = SignIns::default();
        let rng = SeededRng::new(1);
        let first = known.add(&rng, "first".to_owned());
        let second = known.add(&rng, "second".to_owned());
        for _ in 2..=MOST {
            known.add(&rng, "later".to_owned());
        }
        assert_eq!(known.user(&jar(first)), None);
        assert_eq!(known.user(&jar(second)), Some("second".to_owned()));
        assert_eq!(known.entries().len(), MOST);
    }
}
