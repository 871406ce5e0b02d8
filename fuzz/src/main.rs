//! The fuzzer: libFuzzer on the target that `FUZZ_TARGET` names. `make fuzz` builds and runs it.
#![no_main]

use std::sync::OnceLock;

use fuzz::Target;
use libfuzzer_sys::fuzz_target;

fn chosen() -> &'static Target {
    static CHOSEN: OnceLock<&'static Target> = OnceLock::new();
    CHOSEN.get_or_init(|| {
        #[allow(clippy::disallowed_methods, reason = "libFuzzer has the command line")]
        let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
        let known = fuzz::TARGETS.map(|target| target.name).join(", ");
        fuzz::target(&name).unwrap_or_else(|| panic!("FUZZ_TARGET names none of: {known}"))
    })
}

fuzz_target!(init: { chosen(); }, |data: &[u8]| (chosen().run)(data));
