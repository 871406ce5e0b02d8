//! What the demo remembers between its commands: `demo.json`, for its owner's eyes.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use base::SecretString;
use serde::{Deserialize, Serialize};

use super::{DemoError, failed};
use crate::config::Config;

/// The note.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
pub(super) struct Note {
    /// Where the hub is that was set up.
    pub(super) hub: String,
    /// The id of the demo workspace there: a new database has another one.
    pub(super) workspace: String,
    /// The demo agent's key.
    pub(super) agent_key: String,
}

/// Where the note is.
pub(super) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("demo.json")
}

impl Note {
    /// The note, if the workspace was seeded.
    pub(super) fn read(data_dir: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path(data_dir)).ok()?).ok()
    }

    /// Keeps the note, in one piece or not at all.
    pub(super) fn write(&self, data_dir: &Path) -> Result<(), DemoError> {
        let path = path(data_dir);
        let text = serde_json::to_vec(self).map_err(|error| failed(error.to_string()))?;
        replace(&path, &text).map_err(|error| failed(format!("{}: {error}", path.display())))
    }
}

/// Puts a new file, which only its owner may read, in the place of the one that is there.
fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    let new = path.with_extension("json.new");
    // Left by a run that was stopped halfway; its mode may be any.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&new, path)
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use base::{OsRng, random_token};

    use super::*;

    fn folder() -> PathBuf {
        let folder = std::env::temp_dir().join(format!("valetkey-note-{}", random_token(&OsRng)));
        fs::create_dir(&folder).unwrap();
        folder
    }

    fn note(key: &str) -> Note {
        Note { hub: "http://hub".into(), workspace: "ws_1".into(), agent_key: key.into() }
    }

    #[test]
    fn a_note_is_its_owners_alone_whatever_lay_there_before() {
        let folder = folder();
        for old in [path(&folder), path(&folder).with_extension("json.new")] {
            fs::write(&old, "old").unwrap();
            fs::set_permissions(&old, fs::Permissions::from_mode(0o644)).unwrap();
        }
        note("vk_agent_x").write(&folder).unwrap();
        let mode = fs::metadata(path(&folder)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(Note::read(&folder) == Some(note("vk_agent_x")));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing else is left");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_note_of_another_shape_is_none() {
        let folder = folder();
        fs::write(path(&folder), r#"{"agent_key":"vk_agent_x"}"#).unwrap();
        assert!(Note::read(&folder).is_none());
        fs::remove_dir_all(folder).unwrap();
    }
}
