#!/usr/bin/env bash
# Builds and starts all that a first look needs, on loopback: the hub, Acme (the playground provider)
# and the demo platform. Ctrl-C stops the three. Works with bash 3.2, which macOS has.
set -euo pipefail
cd "$(dirname "$0")/.."

LISTEN=${VALETKEY_LISTEN:-127.0.0.1:8080}
ACME=127.0.0.1:8090
DEMO=127.0.0.1:8070
PIDS=""

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "make run: $*"
    exit 1
}

# Whether something answers at host:port. A wildcard address answers on loopback.
answers() {
    local host=${1%:*} port=${1##*:}
    case $host in 0.0.0.0 | "[::]" | "") host=127.0.0.1 ;; esac
    host=${host#"["}
    (exec 3<>"/dev/tcp/${host%"]"}/$port") 2>/dev/null
}

# Who listens on this port, as far as this machine tells.
holder() {
    local who=""
    if command -v lsof >/dev/null; then
        who=$(lsof -nP -iTCP:"$1" -sTCP:LISTEN 2>/dev/null | awk 'NR == 2 { print $1 " (pid " $2 ")" }') || true
    elif command -v ss >/dev/null; then
        who=$(ss -Hltnp "sport = :$1" 2>/dev/null | sed -n 's/.*(("\([^"]*\)",pid=\([0-9]*\).*/\1 (pid \2)/p' | head -n 1) || true
    fi
    printf '%s' "${who:-another program}"
}

must_be_free() {
    local port=${1##*:}
    if answers "$1"; then
        fail "port $port is in use by $(holder "$port"): stop it$2"
    fi
}

# Starts a program in the background and remembers it; $STARTED is its pid.
start() {
    "$@" &
    STARTED=$!
    PIDS="$STARTED $PIDS"
}

# Waits until the program just started answers at host:port; fails if it ends before.
wait_for() {
    local name=$1 address=$2 tries=0
    until answers "$address"; do
        kill -0 "$STARTED" 2>/dev/null || fail "$name did not start: its own words are above"
        tries=$((tries + 1))
        [ "$tries" -lt 300 ] || fail "$name does not answer at $address after 30 s"
        sleep 0.1
    done
}

# Ends what was started, newest first: politely, after 10 s by force.
stop() {
    local pid tries=0
    trap - EXIT
    trap '' INT TERM
    for pid in $PIDS; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in $PIDS; do
        while kill -0 "$pid" 2>/dev/null; do
            tries=$((tries + 1))
            [ "$tries" -ne 100 ] || kill -KILL $PIDS 2>/dev/null || true
            sleep 0.1
        done
        wait "$pid" 2>/dev/null || true
    done
}

# The path of a built binary, from cargo's own report: right for any target folder or target.
binary() {
    printf '%s\n' "$REPORT" | sed -n 's|.*"executable":"\([^"]*/'"$1"'\)".*|\1|p' | tail -n 1
}

command -v cargo >/dev/null || fail "cargo is missing: install Rust from https://rustup.rs"
must_be_free "$LISTEN" " or set VALETKEY_LISTEN (now $LISTEN)"
must_be_free "$ACME" ": Acme, the playground provider, needs it"
must_be_free "$DEMO" ": the demo platform needs it"
if [ -n "${DATABASE_URL:-}${DATABASE_URL_FILE:-}" ]; then
    say "DATABASE_URL is set but make run uses SQLite in ./data; for that database run \`valetkey serve\` yourself."
    unset DATABASE_URL DATABASE_URL_FILE
fi

say "Building the hub and the playground (the first time takes some minutes) ..."
REPORT=$(cargo build --locked -p server -p playground --message-format=json-render-diagnostics)
VALETKEY=$(binary valetkey)
PLAYGROUND=$(binary playground)
[ -x "$VALETKEY" ] && [ -x "$PLAYGROUND" ] || fail "cargo built, but did not say where the binaries are"

export VALETKEY_LISTEN=$LISTEN
export VALETKEY_PUBLIC_URL=${VALETKEY_PUBLIC_URL:-http://localhost:${LISTEN##*:}}
export VALETKEY_DATA_DIR=${VALETKEY_DATA_DIR:-./data}
export VALETKEY_OUTBOUND_ALLOW=${VALETKEY_OUTBOUND_ALLOW:-$ACME,localhost:${ACME##*:}}

trap stop EXIT
trap 'say ""; say "Stopping ..."; exit 0' INT TERM

start "$PLAYGROUND" serve --listen "$ACME"
ACME_PID=$STARTED
wait_for "The playground" "$ACME"
start "$VALETKEY" serve
HUB_PID=$STARTED
wait_for "The hub" "$LISTEN"
# Seeds when ./data is new, prints what to paste, then serves the demo platform's page.
start "$VALETKEY" demo up
DEMO_PID=$STARTED

while true; do
    kill -0 "$ACME_PID" 2>/dev/null || fail "the playground has ended: its own words are above"
    kill -0 "$HUB_PID" 2>/dev/null || fail "the hub has ended: its own words are above"
    kill -0 "$DEMO_PID" 2>/dev/null || fail "the demo platform has ended: its own words are above"
    # In the background, so that Ctrl-C and TERM are heard at once.
    sleep 1 &
    wait $! || true
done
