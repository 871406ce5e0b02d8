// The promises of SECURITY.md, each with the outcome of its tests.
//
//   node security.mjs check     every named test exists (part of `make test`)
//   node security.mjs           runs them, the attacks, the URL corpus and the fuzzers, and prints a line each
//
// Needs what scripts/test.sh exports (binaries, PostgreSQL, counterparties) and cargo-nextest.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
const good = (text) => paint('32', text);
const bad = (text) => paint('31', text);
const faint = (text) => paint('2', text);

// Promise -> the tests that show it; none = it says itself that it is not kept yet.
function promises() {
  const text = readFileSync('SECURITY.md', 'utf8').split('<!-- promises')[1].split('\n## ')[0];
  const rows = text.split('\n').filter((line) => line.startsWith('| ')).slice(2);
  return rows.map((row) => {
    const [, promise, shown] = row.split('|').map((cell) => cell.trim());
    return { promise, tests: [...shown.matchAll(/`([^`]+)`/g)].map((found) => found[1]), open: /not yet kept/.test(shown) };
  });
}

// A name is the beginning of a test's path (`room::test`), a room or a binary for all that is in it, or
// `binary test` where the room alone would not do.
function fits(name, test) {
  const words = name.split(' ');
  if (words.length === 2) return test.binary === words[0] && test.name.includes(words[1]);
  if (name.startsWith('model::')) return test.binary === 'model' && test.name === name.slice(7);
  if (!name.includes('::')) return test.binary === name || test.name.startsWith(`${name}::`);
  return test.name.startsWith(name);
}

// `hub::it room::test`, as nextest writes it; a crate's own unit tests have no binary in their name.
function test(text) {
  const [binary, name] = text.split(' ');
  return { text, binary: binary.split('::').pop(), name };
}

function cargo(words, more = {}) {
  return spawnSync('cargo', words, { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'pipe'], ...more });
}

function listed() {
  const run = cargo(['nextest', 'list', '--workspace', '--locked', '--message-format', 'json']);
  if (run.status !== 0) throw new Error(`the tests can't be listed:\n${run.stderr}`);
  const suites = Object.entries(JSON.parse(run.stdout)['rust-suites']);
  return suites.flatMap(([id, suite]) => Object.keys(suite.testcases).map((name) => test(`${id} ${name}`)));
}

function check() {
  const all = listed();
  const missing = promises().flatMap(({ promise, tests, open }) => {
    if (!open && tests.length === 0) return [`no test is named for: ${promise}`];
    return tests.filter((name) => !all.some((one) => fits(name, one))).map((name) => `${name}: there is no such test (${promise})`);
  });
  for (const line of missing) console.log(bad(`✗ ${line}`));
  if (missing.length > 0) process.exit(1);
  console.log(`SECURITY.md: ${promises().length} promises, every test that they name exists`);
}

// Runs every named test and all attacks once.
function run(all) {
  const wanted = all.filter((one) => one.name.includes('attacks::') || promises().some(({ tests }) => tests.some((name) => fits(name, one))));
  const filter = [...new Set(wanted.map((one) => {
    const suite = one.text.split(' ')[0];
    return `(binary_id(=${suite}) & test(=${one.name}))`;
  }))].join(' | ');
  const folder = mkdtempSync(join(tmpdir(), 'valetkey-security.'));
  const log = join(folder, 'attacks');
  console.log(faint(`running ${wanted.length} tests`));
  const words = ['nextest', 'run', '--workspace', '--locked', '--no-fail-fast', '--status-level', 'all', '--final-status-level', 'none', '--success-output', 'immediate', '-E', filter];
  const done = cargo(words, { env: { ...process.env, ATTACK_LOG: log, NO_COLOR: '1' } });
  const outcomes = new Map();
  for (const line of done.stderr.split('\n')) {
    const found = line.match(/^\s*(PASS|FAIL|SIGABRT|SIGSEGV|TIMEOUT|LEAK|FLAKY \d+\/\d+)\s+\[[^\]]*\]\s*(?:\([^)]*\)\s*)?(\S+ \S+)/);
    if (found) outcomes.set(found[2], found[1]);
  }
  if (outcomes.size === 0) throw new Error(`no test ran:\n${done.stderr}`);
  const attacks = existsSync(log) ? readFileSync(log, 'utf8').split('\n').filter(Boolean).map((line) => line.split('\t')[0]) : [];
  rmSync(folder, { recursive: true });
  const output = done.stdout + done.stderr;
  return { outcomes, attacks, corpus: output.match(/SSRF corpus: .*/)?.[0], failed: done.status !== 0, output };
}

function report({ outcomes, attacks, corpus, failed, output }) {
  let fallen = 0;
  const passes = (outcome) => outcome === 'PASS' || outcome === 'LEAK' || outcome?.startsWith('FLAKY');
  for (const { promise, tests, open } of promises()) {
    if (open) {
      console.log(`${faint('–')} ${promise} ${faint('(not yet kept)')}`);
      continue;
    }
    const ran = [...outcomes].filter(([text]) => tests.some((name) => fits(name, test(text))));
    const lost = [
      ...tests.filter((name) => !ran.some(([text]) => fits(name, test(text)))).map((name) => `${name} did not run`),
      ...ran.filter(([, outcome]) => !passes(outcome)).map(([text, outcome]) => `${text} ${outcome}`),
    ];
    fallen += lost.length > 0 ? 1 : 0;
    console.log(`${lost.length > 0 ? bad('✗') : good('✓')} ${promise} ${faint(`${ran.length} tests`)}`);
    for (const line of lost) console.log(bad(`    ${line}`));
  }
  const count = (what) => attacks.filter((one) => one === what).length;
  console.log(`\nattacks: ${count('attack')} tried, ${count('control')} controls`);
  console.log(corpus ?? bad('SSRF corpus: it did not run'));
  if (failed) console.log(bad(output.split('\n').filter((line) => /FAIL|panicked/.test(line)).slice(0, 40).join('\n')));
  return fallen > 0 || failed || !corpus || count('attack') === 0;
}

function fuzz() {
  if (!existsSync('scripts/fuzz.sh')) return false;
  const done = spawnSync('scripts/fuzz.sh', [], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, FUZZ_SECONDS: process.env.FUZZ_SECONDS ?? '10' } });
  const lines = done.stdout.split('\n').filter((line) => line.startsWith('fuzz\t'));
  for (const line of lines) {
    const [, target, executions, findings] = line.split('\t');
    console.log(`fuzz ${target}: ${executions} executions, ${findings} findings`);
  }
  if (done.status !== 0 || lines.length === 0) {
    console.log(bad(`the fuzzers failed:\n${done.stdout.slice(-4000)}`));
    return true;
  }
  return false;
}

if (process.argv[2] === 'check') {
  check();
} else {
  const lost = [report(run(listed())), fuzz()].some(Boolean);
  console.log(lost ? bad('\nmake security: a promise falls') : good('\nmake security: every promise that is given is kept'));
  process.exit(lost ? 1 : 0);
}
