#!/usr/bin/env bash
# Faults, long: the kill matrix for as many seeds as fit FAULT_MINUTES (40 if not set, 500 runs at
# least), and the outages that take their time. Prints a report. docs/fault-tests.md says what is shown.
#
#   fault-test.sh [FILTER…]   runs the tests whose names hold one of these words, or all
#   fault-test.sh binary      only builds the hub with its named points, and prints where it is
#
# Works with bash 3.2, which macOS has.
set -euo pipefail
cd "$(dirname "$0")/.."
ROOT=$PWD
POSTGRES=""

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "make fault-test: $*"
    exit 1
}

# Ends what was started here, whatever the outcome.
finish() {
    local code=$?
    trap - EXIT
    if [ -n "$POSTGRES" ]; then tests/support/postgres.sh stop "$POSTGRES" || true; fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The path of a built binary, from cargo's own report.
built() {
    printf '%s\n' "$2" | sed -n 's|.*"executable":"\([^"]*/'"$1"'\)".*|\1|p' | tail -n 1
}

# Together with a test, and over the whole workspace: so the libraries are those that the tests'
# build has already made, and only the hub and its server are compiled again.
cargo_build() {
    cargo build --workspace --locked --message-format=json-render-diagnostics --test faults "$@"
}

# Cargo gives this build and the ordinary one the same name: what is made on the way is shared, the
# binary goes to a folder of its own.
fault_binary() {
    local target report
    target=$(cargo metadata --no-deps --format-version 1 --locked | sed -n 's|.*"target_directory":"\([^"]*\)".*|\1|p')
    [ -n "$target" ] || fail "cargo does not say where it builds"
    report=$(CARGO_BUILD_BUILD_DIR=$target CARGO_TARGET_DIR=$target/faults \
        cargo_build --bin valetkey --features server/failpoints)
    VALETKEY_FAULT_BIN=$(built valetkey "$report")
    [ -x "$VALETKEY_FAULT_BIN" ] || fail "cargo built no binary valetkey"
    export VALETKEY_FAULT_BIN
}

support() {
    local report
    if [ -z "${PLAYGROUND_BIN:-}" ]; then
        report=$(cargo_build --bin playground)
        PLAYGROUND_BIN=$(built playground "$report")
        export PLAYGROUND_BIN
    fi
    if [ -z "${OIDC_PROVIDER:-}" ]; then
        scripts/test.sh support >&2
        export OIDC_PROVIDER=$ROOT/tests/support/oidc-provider.mjs
    fi
    if [ -z "${TEST_DATABASE_URL:-}" ]; then
        POSTGRES=$(mktemp -d "${TMPDIR:-/tmp}/valetkey-postgres.XXXXXX")
        TEST_DATABASE_URL=$(tests/support/postgres.sh start "$POSTGRES")
        export TEST_DATABASE_URL
    fi
}

run_tests() {
    # One after the other, with the machine to themselves; the matrix runs its own at once.
    export FAULT_MINUTES=${FAULT_MINUTES:-40}
    cargo test --package blackbox --test faults --locked -- --test-threads 1 --nocapture "${@:-long::}"
}

if [ "${1:-}" = binary ]; then
    fault_binary
    printf '%s\n' "$VALETKEY_FAULT_BIN"
    exit 0
fi
if [ -z "${VALETKEY_FAULT_BIN:-}" ]; then fault_binary; fi
support
run_tests "$@"
