#!/usr/bin/env bash
# Changes the code of the vault, of the decision and of the refresh in small ways, one at a time, and looks
# whether a test notices. Writes docs/mutants.md and fails where fewer than 85 % are noticed.
#
#   mutants.sh                 all parts: vault policy refresh
#   mutants.sh PART...         these; of the others the last outcomes are kept
#   MUTANTS_OUT=FOLDER         where outcomes are kept (target/mutants); what was caught there is not tried again
#   MUTANTS_SHARD=1/4          a quarter of each part
#   MUTANTS_JOBS=2             two at a time
#   MUTANTS_ARGS="--in-place"  more for cargo-mutants: in a checkout of its own, what was built is not built again
#   MUTANTS_REPORT=1           no run: the report of the outcomes that there are
#
# Takes hours. Works in a copy of the tree, in TMPDIR. Works with bash 3.2, which macOS has.
set -euo pipefail
cd "$(dirname "$0")/.."

TOOLS=${VALETKEY_TOOLS:-$HOME/.cache/valetkey/tools}
PATH=$PATH:$TOOLS/bin
VERSION=27.1.0
OUT=${MUTANTS_OUT:-$PWD/target/mutants}

fail() {
    printf '\nmake mutants: %s\n' "$*" >&2
    exit 1
}

needs() {
    command -v node >/dev/null || fail "node is missing: Node 20 or newer makes the report"
    cargo nextest --version >/dev/null 2>&1 || fail "cargo-nextest is missing: cargo install --locked cargo-nextest"
    cargo mutants --version >/dev/null 2>&1 || fail "cargo-mutants is missing: cargo install --locked cargo-mutants --version $VERSION"
}

# The vault's tests ask a stand-in for AWS KMS.
support() {
    [ -d tests/support/node_modules ] || (cd tests/support && npm ci --ignore-scripts --no-audit --no-fund)
    export KMS_STANDIN=$PWD/tests/support/kms.mjs
}

# name, package, files, test targets, filter for nextest; after these more for cargo-mutants
part() {
    local name=$1 package=$2 files=$3 targets=$4 filter=$5 target
    shift 5
    for target in $targets; do set -- "$@" "--cargo-arg=$target"; done
    printf '\n=== %s\n' "$name"
    mkdir -p "$OUT/$name"
    # shellcheck disable=SC2086 # MUTANTS_ARGS is a list of words
    # Missed ones and timeouts make it exit non-zero: the report judges. Anything else is a failure.
    local code=0
    CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=1 cargo mutants --package "$package" --file "$files" \
        --output "$OUT/$name" --iterate --test-tool nextest ${MUTANTS_JOBS:+--jobs "$MUTANTS_JOBS"} \
        --timeout 120 --build-timeout 600 ${MUTANTS_SHARD:+--shard "$MUTANTS_SHARD"} ${MUTANTS_ARGS:-} "$@" \
        -- --profile mutants --max-fail 1 -E "$filter" || code=$?
    case $code in
        0 | 2 | 3) ;;
        *) fail "cargo-mutants failed in $name (exit code $code)" ;;
    esac
    node scripts/mutants.mjs keep "$OUT/$name"
}

vault() { part vault vault 'crates/vault/src/**' '--lib --tests' 'all()'; }
policy() { part policy hub 'crates/hub/src/policy/**' '--lib --test=it' 'test(polic) | test(agents_ask) | test(revocation) | test(acts)'; }
# Three files have unit tests of their own: only for these the library's tests are built as well.
refresh() {
    local tests='test(refresh) | test(recovering) | test(completion) | test(agents_ask) | test(linking) | test(/^(journals|lifetimes|replicas|tested|told|turns)::/)'
    local room='crates/hub/src/refresh' name
    set --
    for name in pace schedule timing; do set -- "$@" --exclude "$room/$name.rs"; done
    part refresh hub "$room/**" --test=it "$tests" "$@"
    part refresh hub "$room/{pace,schedule,timing}.rs" '--lib --test=it' "$tests"
}

needs
if [ "${MUTANTS_REPORT:-}" != 1 ]; then
    support
    for name in "${@:-all}"; do
        case $name in
            all)
                vault
                policy
                refresh
                ;;
            vault | policy | refresh) "$name" ;;
            *) fail "there is no part '$name': vault policy refresh" ;;
        esac
    done
fi
node scripts/mutants.mjs report "$OUT"
