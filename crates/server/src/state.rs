//! What every handler can reach.

use std::{ops::Deref, sync::Arc};

use hub::{audit::Writer, provider::Registry, refresh::Refresher, store::Store};
use url::Url;

use crate::http::limits::Limits;

/// The running hub. Cheap to clone.
#[derive(Clone)]
pub(crate) struct AppState(Arc<Hub>);

/// Its parts.
pub(crate) struct Hub {
    /// The database.
    pub(crate) store: Store,
    /// The providers.
    pub(crate) registry: Registry,
    /// The one writer.
    pub(crate) writer: Writer,
    /// Refreshes.
    pub(crate) refresher: Refresher,
    /// Who may ask how often.
    pub(crate) limits: Limits,
    /// Where people's browsers reach the hub.
    pub(crate) public_url: Url,
}

impl AppState {
    pub(crate) fn new(hub: Hub) -> Self {
        Self(Arc::new(hub))
    }
}

impl Deref for AppState {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        &self.0
    }
}
