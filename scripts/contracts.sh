#!/usr/bin/env bash
# Sends what each action sends to the vendors' own API descriptions: vendor x action x accepted. `make contracts`.
#
# Four descriptions are not part of this repository: SPECS names their folder (default ../shared/specs). The others are
# read from the vendors' packages, which `scripts/test.sh support` brings. docs/contracts.md tells which.
set -euo pipefail
cd "$(dirname "$0")/.."
SPECS=${SPECS:-../shared/specs}
scripts/test.sh support
code=0
node tests/support/contracts.mjs "$SPECS" connectors || code=$?
# Without the descriptions nothing can be shown, and that is no failure of the code.
[ "$code" -ne 3 ] || exit 0
exit "$code"
