//! Which replies a hub kept on its disk. The replies are sealed; whose they are is not.

use std::{collections::BTreeMap, path::Path};

use serde_json::Value;

/// How many replies the journal's files hold, for each connection.
pub(crate) fn replies(folder: &Path) -> BTreeMap<String, u64> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        for line in lines.filter(|line| line["reply"].is_string()) {
            let connection = line["connection"].as_str().unwrap_or_default().to_owned();
            *found.entry(connection).or_insert(0) += 1;
        }
    }
    found
}
