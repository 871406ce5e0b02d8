// The suite that every connector passes, as a table: connector x check. `make conformance`.
//
//   node scripts/conformance.mjs [connector…]
//
// Needs cargo-nextest. Exits non-zero if any check fails.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);

// What stands over each column; a check that is missing here is shown by its whole name.
const SHORT = {
  the_manifest_is_sound: 'manifest',
  the_fixtures_are_complete: 'fixtures',
  its_page_in_the_docs_is_up_to_date: 'page',
  the_authorize_url_is_safe: 'authorize',
  a_code_is_exchanged_as_declared: 'exchange',
  a_refresh_keeps_what_it_must: 'refresh',
  errors_mean_what_they_mean: 'errors',
  the_account_is_identified: 'identify',
  scopes_are_told_and_narrowed_truly: 'scopes',
  a_grant_is_ended_as_declared: 'revoke',
  nothing_secret_leaks: 'leaks',
  actions_do_as_their_cases_say: 'actions',
  actions_stay_within_their_scopes: 'a.scopes',
  actions_tell_errors_apart: 'a.errors',
  what_is_not_listed_is_unsupported: 'unlisted',
  a_dry_run_changes_nothing: 'dry run',
};

const asked = process.argv.slice(2);
const filter = asked.length > 0 ? asked.map((name) => `(package(=${name}) & binary(=conformance))`).join(' | ') : 'binary(=conformance) & not package(=conformance)';
// Only what was asked for is built.
const packages = asked.length > 0 ? asked.flatMap((name) => ['-p', name]) : ['--workspace'];
const words = ['nextest', 'run', ...packages, '--locked', '--no-fail-fast', '--status-level', 'all', '--final-status-level', 'none', '-E', filter];
console.log(paint('2', 'running the suite'));
const run = spawnSync('cargo', words, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } });

const outcomes = new Map();
for (const line of run.stderr.split('\n')) {
  const found = line.match(/^\s+(PASS|FAIL|TIMEOUT|ABORT)\s.*\)\s+(\S+)::conformance\s+(\S+)$/);
  if (!found) continue;
  const [, status, connector, check] = found;
  if (!outcomes.has(connector)) outcomes.set(connector, new Map());
  outcomes.get(connector).set(check, status === 'PASS');
}
if (outcomes.size === 0) {
  console.error(`no check ran:\n${run.stderr.slice(-2000)}`);
  process.exit(1);
}

// How many cases of actions a connector has.
function cases(connector) {
  try {
    return readdirSync(`connectors/${connector}/fixtures/actions`).length;
  } catch {
    return 0;
  }
}

function listed(connector) {
  const manifest = readFileSync(`connectors/${connector}/provider.toml`, 'utf8').split('\n[actions]\n')[1] ?? '';
  return manifest.split('\n[')[0].split('\n').filter((line) => /^"[a-z_.]+" *=/.test(line)).length;
}

const seen = new Set([...outcomes.values()].flatMap((checks) => [...checks.keys()]));
const columns = [...Object.keys(SHORT).filter((name) => seen.has(name)), ...[...seen].filter((name) => !SHORT[name])];
const names = [...outcomes.keys()].filter((name) => columns.some((column) => outcomes.get(name).has(column))).sort();
const wide = Math.max(...names.map((name) => name.length), 9);
const head = columns.map((name) => SHORT[name] ?? name);
console.log(['connector'.padEnd(wide), ...head, 'actions', 'cases'].join('  '));
let [passed, failed] = [0, 0];
for (const name of names) {
  const cells = columns.map((check, at) => {
    const good = outcomes.get(name).get(check);
    if (good === undefined) return '-'.padEnd(head[at].length);
    if (good) passed += 1;
    else failed += 1;
    return paint(good ? '32' : '31', (good ? '✓' : '✗').padEnd(head[at].length));
  });
  console.log([name.padEnd(wide), ...cells, String(listed(name)).padStart(7), String(cases(name)).padStart(5)].join('  '));
}
const failures = run.stderr.split('\n').filter((line) => /panicked at|^ {4}(assertion|[a-z.]+\.json)/.test(line));
for (const line of failures.slice(0, 40)) console.log(paint('31', line.trim()));
console.log(`${names.length} connectors, ${columns.length} checks: ${passed} passed, ${failed} failed`);
process.exit(run.status === 0 && failed === 0 ? 0 : 1);
