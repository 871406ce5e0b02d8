//! What the demo remembers between its commands: `demo.json`, for its owner's eyes.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use base::SecretString;
use serde::{Deserialize, Serialize};

use super::{DemoError, failed};
use crate::config::Config;

/// The note.
#[derive(Serialize, Deserialize)]
pub(super) struct Note {
    /// The demo agent's key.
    pub(super) agent_key: String,
}

fn path(config: &Config) -> std::path::PathBuf {
    config.data_dir.join("demo.json")
}

impl Note {
    /// The note, if the workspace was seeded.
    pub(super) fn read(config: &Config) -> Option<Self> {
        serde_json::from_slice(&fs::read(path(config)).ok()?).ok()
    }

    pub(super) fn write(&self, config: &Config) -> Result<(), DemoError> {
        let text = serde_json::to_vec(self).map_err(|error| failed(error.to_string()))?;
        write_private(&path(config), &text)
    }
}

fn write_private(path: &Path, text: &[u8]) -> Result<(), DemoError> {
    let told = |error: std::io::Error| failed(format!("{}: {error}", path.display()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(told)?;
    file.write_all(text).map_err(told)
}

/// The platform's key: configured, or the one that the hub made at its first start.
pub(super) fn platform_key(config: &Config) -> Result<SecretString, DemoError> {
    if let Some(key) = &config.platform_key {
        return Ok(key.clone());
    }
    let path = config.data_dir.join("platform.key");
    let text = fs::read_to_string(&path).map_err(|error| {
        failed(format!(
            "{}: {error}. Start the hub with `make run` in another terminal, from the same folder.",
            path.display()
        ))
    })?;
    Ok(text.trim().to_owned().into())
}
