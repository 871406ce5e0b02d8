#!/bin/sh
# rustc for scripts/fuzz.sh: with the coverage counters that libFuzzer reads. Cargo calls it for our own crates only.
case " $* " in
    # What runs while building has no libFuzzer.
    *" build_script_build "* | *" proc-macro "*) exec "$@" ;;
    *" --crate-name "*) ;;
    *) exec "$@" ;;
esac
exec "$@" -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares
