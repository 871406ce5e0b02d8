#!/usr/bin/env bash
# Lets libFuzzer look for bytes that break a law of fuzz/src, FUZZ_SECONDS (60) for each target, and prints a table.
# Named targets alone: scripts/fuzz.sh callback manifest. `scripts/fuzz.sh keep` adds to fuzz/corpus what former runs
# found and is not covered there yet. FUZZ_OUT (target/fuzz) keeps what was found.
#
# Stable Rust: the coverage counters are LLVM's own pass, and are put into our crates alone, so that what they depend
# on is the same as in every other build. Needs a C++ compiler. Works with bash 3.2, which macOS has.
set -euo pipefail
cd "$(dirname "$0")/.."
ROOT=$PWD

OUT=${FUZZ_OUT:-$ROOT/target/fuzz}
SECONDS_EACH=${FUZZ_SECONDS:-60}
ALL="audit callback envelope manifest tenant_host token_reply"
# No larger file is kept, in bytes.
MOST_KEPT=4096
CHILD=""

fail() {
    printf 'make fuzz: %s\n' "$*" >&2
    exit 2
}

# Ends what was started here.
finish() {
    if [ -n "$CHILD" ]; then kill "$CHILD" 2>/dev/null || true; fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

build() {
    printf 'building the fuzzer\n' >&2
    local report
    # Signatures are unusably slow unoptimised.
    report=$(RUSTC_WORKSPACE_WRAPPER=$ROOT/scripts/fuzz-rustc.sh cargo build --locked -p fuzz --bin fuzzer --features engine \
        --config 'profile.dev.package.curve25519-dalek.opt-level=3' \
        --config 'profile.dev.package.ed25519-dalek.opt-level=3' \
        --message-format=json-render-diagnostics)
    FUZZER=$(printf '%s\n' "$report" | sed -n 's|.*"executable":"\([^"]*/fuzzer\)".*|\1|p' | tail -n 1)
    [ -x "$FUZZER" ] || fail "cargo built no fuzzer"
    # A build meanwhile must not change what runs.
    mkdir -p "$OUT"
    cp "$FUZZER" "$OUT/fuzzer"
    FUZZER=$OUT/fuzzer
}

# The number that libFuzzer gives at its end.
stat() {
    sed -n "s/^stat::$2: *//p" "$1" | tail -n 1
}

# One target; its line of the table goes into $OUT/table.
one() {
    local target=$1 found=$OUT/found/$1 broken=$OUT/broken/$1 log=$OUT/$1.log began=$SECONDS took executions findings
    rm -rf "$broken"
    mkdir -p "$found" "$broken"
    printf 'fuzzing %s for %s s\n' "$target" "$SECONDS_EACH" >&2
    FUZZ_TARGET=$target "$FUZZER" -max_total_time="$SECONDS_EACH" -max_len="$(longest "$target")" -timeout=20 \
        -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$broken/" "$found" "fuzz/corpus/$target" >"$log" 2>&1 &
    CHILD=$!
    local code=0
    wait "$CHILD" || code=$?
    CHILD=""
    took=$((SECONDS - began))
    executions=$(stat "$log" number_of_executed_units)
    findings=$(find "$broken" -type f | wc -l | tr -d ' ')
    if [ "$code" -ne 0 ] && [ "$findings" -eq 0 ]; then
        # It ended, and left no file that says on what.
        tail -n 20 "$log" >&2
        findings=1
    fi
    if [ "$findings" -gt 0 ]; then
        FOUND=1
        printf '\n%s: a law is broken. %s\n' "$target" "$(grep -m 1 -A 1 'panicked at' "$log" | tr '\n' ' ')" >&2
        find "$broken" -type f | sed 's/^/  /' >&2
    fi
    printf '%s %s %s %s\n' "$target" "${executions:-0}" "$took" "$findings" >>"$OUT/table"
}

longest() {
    case $1 in
        manifest) printf 8192 ;;
        callback) printf 10000 ;;
        *) printf 4096 ;;
    esac
}

table() {
    awk 'BEGIN { printf "\n%-14s %12s %9s %14s %9s\n", "target", "executions", "seconds", "executions/s", "findings" }
        { printf "%-14s %12d %9d %14d %9d\n", $1, $2, $3, $2 / ($3 > 0 ? $3 : 1), $4 }' "$OUT/table"
    # For scripts.
    awk 'BEGIN { print ""; OFS = "\t" } { print "fuzz", $1, $2, $4 }' "$OUT/table"
}

# What covers code that nothing there covers, as few files as do, into fuzz/corpus.
keep() {
    local target kept file
    for target in $ALL; do
        [ -d "$OUT/found/$target" ] || continue
        kept=$(mktemp -d)
        cp "fuzz/corpus/$target"/* "$kept"
        FUZZ_TARGET=$target "$FUZZER" -set_cover_merge=1 -use_counters=0 -max_len="$MOST_KEPT" "$kept" "$OUT/found/$target" >"$OUT/$target.log" 2>&1 ||
            fail "merging $target ended with an error: $OUT/$target.log"
        for file in "$kept"/*; do
            [ -e "fuzz/corpus/$target/$(basename "$file")" ] || cp "$file" "fuzz/corpus/$target/"
        done
        rm -rf "$kept"
        printf '%-14s %5s files\n' "$target" "$(find "fuzz/corpus/$target" -type f | wc -l)"
    done
}

case $SECONDS_EACH in
    '' | *[!0-9]* | 0) fail "FUZZ_SECONDS is a number of seconds, from 1" ;;
esac
if [ "${1:-}" = keep ]; then
    build
    keep
    exit 0
fi
for target in "$@"; do
    case " $ALL " in
        *" $target "*) ;;
        *) fail "there is no target '$target': $ALL" ;;
    esac
done
build
: >"$OUT/table"
FOUND=0
for target in ${*:-$ALL}; do
    one "$target"
done
table
exit "$FOUND"
