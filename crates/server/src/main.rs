//! The binary `valetkey`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::cli::main()
}
