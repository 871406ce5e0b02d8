#!/usr/bin/env bash
# All that CI runs. Stops at the first thing that fails. Named parts alone: scripts/test.sh format lint
#
#   needs format lint licences build support database tests promises; security is `make security`
#
# `tests` brings `build`, `support` and `database` with it. Works with bash 3.2, which macOS has.
set -euo pipefail
cd "$(dirname "$0")/.."
ROOT=$PWD

TOOLS=${VALETKEY_TOOLS:-$HOME/.cache/valetkey/tools}
PATH=$PATH:$TOOLS/bin
DENY_VERSION=0.20.2
POSTGRES=""
PART="starting"
# What was asked for, for the last line.
ASKED="make test"
case "$*" in
    '' | all) ;;
    security) ASKED="make security" ;;
    *) ASKED="scripts/test.sh $*" ;;
esac

fail() {
    printf '\n%s: %s\n' "$ASKED" "$*" >&2
    exit 1
}

heading() {
    PART=$1
    printf '\n=== %s (%ss)\n' "$1" "$SECONDS"
}

# Ends what was started here, whatever the outcome.
finish() {
    local code=$?
    trap - EXIT
    if [ -n "$POSTGRES" ]; then tests/support/postgres.sh stop "$POSTGRES" || true; fi
    if [ "$code" -ne 0 ]; then printf '\n%s: FAILED at: %s\n' "$ASKED" "$PART" >&2; fi
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# --- The parts.

needs() {
    heading "What is needed"
    command -v cargo >/dev/null || fail "cargo is missing: install Rust from https://rustup.rs"
    command -v node >/dev/null || fail "node is missing: the black-box tests need Node 20 or newer"
    command -v npm >/dev/null || fail "npm is missing: it comes with Node"
    [ "$(node -p 'parseInt(process.versions.node)')" -ge 20 ] || fail "Node $(node -v) is too old: 20 or newer is needed"
    printf '%s, node %s, ' "$(cargo --version)" "$(node --version)"
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest --version | head -n 1
    else
        printf 'no cargo-nextest: cargo test is used, which lets load tests disturb one another\n'
    fi
}

format() {
    heading "Formatting"
    cargo fmt --all -- --check -l || fail "the code is not formatted: run 'make fmt'"
}

lint() {
    heading "Clippy"
    cargo clippy --workspace --all-targets --locked --features server/aws-kms -- -D warnings
}

licences() {
    heading "Bans, licences, sources"
    if ! cargo deny --version >/dev/null 2>&1; then
        if [ "${CI:-}" != true ]; then
            printf '!!! SKIPPED: cargo-deny is missing, and CI will run it. To have it here:\n'
            printf '!!!   cargo install --locked cargo-deny --version %s\n' "$DENY_VERSION"
            return
        fi
        # A debug build: it is run once and compiles in half the time.
        env -u CARGO_TARGET_DIR cargo install --locked --debug --root "$TOOLS" cargo-deny --version "$DENY_VERSION"
    fi
    cargo deny --log-level error check bans licenses sources
}

# Everything at once and with the tests' own features, so that nothing is compiled twice.
build() {
    heading "Build"
    local report
    report=$(cargo build --workspace --all-targets --locked --message-format=json-render-diagnostics)
    VALETKEY_BIN=$(binary valetkey "$report")
    PLAYGROUND_BIN=$(binary playground "$report")
    [ -x "$VALETKEY_BIN" ] || fail "cargo built no binary valetkey"
    [ -x "$PLAYGROUND_BIN" ] || fail "cargo built no binary playground"
    export VALETKEY_BIN PLAYGROUND_BIN
    printf '%s\n%s\n' "$VALETKEY_BIN" "$PLAYGROUND_BIN"
}

# The path of a built binary, from cargo's own report: right for any target folder or target.
binary() {
    printf '%s\n' "$2" | sed -n 's|.*"executable":"\([^"]*/'"$1"'\)".*|\1|p' | tail -n 1
}

# From the registry only when the lock file is another than last time.
support() {
    heading "What the black-box tests talk to"
    local stamp=tests/support/node_modules/.lock-file now
    now=$(cksum <tests/support/package-lock.json)
    if [ "$(cat "$stamp" 2>/dev/null)" = "$now" ]; then
        printf 'npm packages are as in the lock file\n'
    else
        (cd tests/support && npm ci --ignore-scripts --no-audit --no-fund)
        printf '%s\n' "$now" >"$stamp"
    fi
    node tests/support/sdks.mjs
    export OIDC_PROVIDER=$ROOT/tests/support/oidc-provider.mjs
    export KMS_STANDIN=$ROOT/tests/support/kms.mjs
}

database() {
    heading "PostgreSQL"
    if [ -n "${TEST_DATABASE_URL:-}" ]; then
        printf 'the one in TEST_DATABASE_URL\n'
    elif [ "${VALETKEY_SKIP_POSTGRES:-}" = 1 ]; then
        printf '!!! SKIPPED: VALETKEY_SKIP_POSTGRES=1, so the tests run on SQLite only\n'
    else
        POSTGRES=$(mktemp -d "${TMPDIR:-/tmp}/valetkey-postgres.XXXXXX")
        TEST_DATABASE_URL=$(tests/support/postgres.sh start "$POSTGRES")
        export TEST_DATABASE_URL
        printf 'started: %s\n' "$TEST_DATABASE_URL"
    fi
}

run_tests() {
    heading "Tests"
    if [ ! -d ../shared/specs ]; then
        printf '!!! SKIPPED: contract tests of four vendors, whose API descriptions are not in ../shared/specs\n'
    fi
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --workspace --locked --no-fail-fast
    else
        cargo test --workspace --locked --no-fail-fast --lib --bins --tests
    fi
}

# One a line: within `a && b` bash would not stop at what fails inside of `a`.
tests() {
    build
    support
    database
    run_tests
}

# The names in SECURITY.md are those of tests that exist. By nextest's list: what it lists was built above.
promises() {
    if cargo nextest --version >/dev/null 2>&1; then
        heading "Promises"
        node scripts/security.mjs check
    fi
}

# What `make security` prints.
security() {
    cargo nextest --version >/dev/null 2>&1 || fail "cargo-nextest is missing: cargo install --locked cargo-nextest"
    build
    support
    database
    heading "Promises, attacks, corpus, fuzzers"
    node scripts/security.mjs
}

everything() {
    needs
    format
    lint
    licences
    tests
    promises
}

for part in "${@:-all}"; do
    case $part in
        all) everything ;;
        needs | format | lint | licences | build | support | database | tests | promises | security) "$part" ;;
        *) fail "there is no part '$part': needs format lint licences build support database tests promises security" ;;
    esac
done
printf '\n%s: passed in %s s\n' "$ASKED" "$SECONDS"
