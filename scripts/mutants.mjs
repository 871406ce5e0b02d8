// Outcomes of cargo-mutants over several runs, and the report of them.
//
//   node mutants.mjs keep FOLDER      FOLDER/mutants.out's outcomes into FOLDER/outcomes.json, by mutant
//   node mutants.mjs report FOLDER    writes docs/mutants.md of FOLDER/<part>/outcomes.json; fails below the bar
//
// Why one that is missed is accepted stands in scripts/mutants-accepted.txt.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const BAR = 85;
const PAGE = 'docs/mutants.md';
const PARTS = [
  { name: 'vault', what: '`crates/vault`: what seals and opens, key sources', args: ['-p', 'vault', '-f', 'crates/vault/src/**'] },
  { name: 'policy', what: '`hub/policy`: the decision', args: ['-p', 'hub', '-f', 'crates/hub/src/policy/**'] },
  { name: 'refresh', what: '`hub/refresh`: claim, send, journal, save, recover', args: ['-p', 'hub', '-f', 'crates/hub/src/refresh/**'] },
];

const read = (path) => (existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {});

function keep(folder) {
  const path = join(folder, 'outcomes.json');
  const all = read(path);
  for (const { scenario, summary } of read(join(folder, 'mutants.out/outcomes.json')).outcomes ?? []) {
    if (scenario.Mutant) all[scenario.Mutant.name] = summary;
  }
  writeFileSync(path, JSON.stringify(all, null, 1));
}

// The mutants of the code as it is now: what was changed since has no outcome.
function listed({ args }) {
  const run = spawnSync('cargo', ['mutants', '--list', '--json', ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (run.status !== 0) throw new Error(`the mutants can't be listed:\n${run.stderr}`);
  return JSON.parse(run.stdout).map((mutant) => mutant.name);
}

// `file: mutation`, without the line and column, which move.
const bare = (name) => name.replace(/^([^:]+):\d+:\d+: /, '$1: ');

function reasons() {
  const lines = readFileSync('scripts/mutants-accepted.txt', 'utf8').split('\n').filter((line) => line && !line.startsWith('#'));
  return new Map(lines.map((line) => line.split(' | ').map((word) => word.trim())));
}

function tally(part, folder) {
  const known = read(join(folder, part.name, 'outcomes.json'));
  const names = listed(part);
  const of = (summary) => names.filter((name) => known[name] === summary);
  const [caught, timeout, missed, unviable] = ['CaughtMutant', 'Timeout', 'MissedMutant', 'Unviable'].map(of);
  const noticed = caught.length + timeout.length;
  const viable = noticed + missed.length;
  return {
    ...part, total: names.length, caught, timeout, missed, unviable,
    untried: names.length - viable - unviable.length,
    percent: viable === 0 ? 0 : (100 * noticed) / viable,
  };
}

// A part that was not run here: its lines of the page as it is.
function told(part) {
  const lines = existsSync(PAGE) ? readFileSync(PAGE, 'utf8').split('\n') : [];
  const row = lines.find((line) => line.startsWith(`| ${part.what} |`));
  if (!row) throw new Error(`${part.name} was never run: scripts/mutants.sh ${part.name}`);
  const [total, , , , missed, untried, percent] = row.split('|').slice(2).map(parseFloat);
  const folder = part.args.at(-1).replace('**', '');
  const reasons = lines.filter((line) => line.startsWith(`| \`${folder}`));
  return { ...part, row, reasons, total, missed: { length: missed }, untried, percent };
}

function markdown(parts) {
  const why = reasons();
  const cell = (text) => text.replaceAll('|', '\\|');
  const row = (part) => part.row ?? `| ${[part.what, part.total, part.caught.length, part.timeout.length, part.unviable.length, part.missed.length, part.untried, `${part.percent.toFixed(1)} %`].join(' | ')} |`;
  const reason = (name) => `| \`${cell(name)}\` | ${cell(why.get(bare(name)) ?? 'a gap: no test looks at it yet')} |`;
  const missed = parts.flatMap((part) => part.reasons ?? part.missed.map(reason));
  return `# Mutants

\`make mutants\` changes the code in small ways, one at a time, with [cargo-mutants](https://mutants.rs), and runs the tests of its package. A
change that no test notices is missed. At least ${BAR} % of those that compile have to be noticed, by a failing test or one that does not end.
This page is written by \`scripts/mutants.sh\`; the reasons are from \`scripts/mutants-accepted.txt\`.

| part | mutants | caught | timed out | do not compile | missed | not tried | noticed of those tried |
| --- | --- | --- | --- | --- | --- | --- | --- |
${parts.map(row).join('\n')}

## Missed

| mutant | why it stays |
| --- | --- |
${missed.join('\n')}
`;
}

function report(folder) {
  const isRun = (part) => existsSync(join(folder, part.name, 'outcomes.json'));
  const parts = PARTS.map((part) => (isRun(part) ? tally(part, folder) : told(part)));
  writeFileSync(PAGE, markdown(parts));
  let fallen = false;
  for (const { name, total, percent, missed, untried } of parts) {
    console.log(`${name}: ${percent.toFixed(1)} % noticed, ${missed.length} missed, ${untried} of ${total} not tried`);
    fallen ||= percent < BAR || untried > 0;
  }
  console.log(fallen ? `\nmake mutants: below ${BAR} %, or not all were tried` : `\nmake mutants: at least ${BAR} % are noticed in each part`);
  process.exit(fallen ? 1 : 0);
}

const [what, folder] = process.argv.slice(2);
if (what === 'keep' && folder) keep(folder);
else if (what === 'report' && folder) report(folder);
else throw new Error('usage: mutants.mjs keep|report FOLDER');
