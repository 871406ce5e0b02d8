//! The hub as fault tests build it.

use std::{path::PathBuf, process::Command, sync::OnceLock};

use crate::harness::environment;

/// The binary with named points; built once if nobody says where it is.
pub(crate) fn path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| match environment::optional("VALETKEY_FAULT_BIN") {
        Some(path) => path.into(),
        None => build(),
    })
}

fn build() -> PathBuf {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../scripts/fault-test.sh");
    let output = Command::new(script).arg("binary").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the fault tests' binary can't be built: {said}");
    String::from_utf8(output.stdout).unwrap().trim().into()
}
