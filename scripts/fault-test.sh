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

# A copy: cargo gives this build and the ordinary one the same name.
fault_binary() {
    local report made tries=0
    while :; do
        report=$(cargo_build --bin valetkey --features server/failpoints)
        made=$(built valetkey "$report")
        [ -x "$made" ] || fail "cargo built no binary valetkey"
        VALETKEY_FAULT_BIN=$(dirname "$made")/valetkey-faults
        cp "$made" "$VALETKEY_FAULT_BIN.$$"
        # Another build may just have put the ordinary one in its place.
        if grep -q VALETKEY_FAILPOINTS "$VALETKEY_FAULT_BIN.$$"; then break; fi
        rm -f "$VALETKEY_FAULT_BIN.$$"
        tries=$((tries + 1))
        [ "$tries" -lt 5 ] || fail "the binary that cargo built has no named points"
    done
    mv -f "$VALETKEY_FAULT_BIN.$$" "$VALETKEY_FAULT_BIN"
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
