// Sends what connectors send to the vendors' own API descriptions, and tells which actions are accepted.
//
//   node contracts.mjs SPECS CONNECTORS [vendor…]
//
// SPECS is a folder with descriptions, CONNECTORS the folder of connectors; what the vendors' own packages describe is
// read from sdks/ (sdks.mjs brings them). What a connector sends stands in its cases, `fixtures/actions/*.json`; its own
// suite shows that it sends exactly that. contracts/vendors.mjs says who is judged by what. Each vendor is also sent
// requests that are wrong on purpose, those with packages each request with a parameter and a field too many: they must be
// refused, or the check is none.
//
// Exits 0 where all are accepted, 1 where one is not, 3 where there are no descriptions.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openapi } from './contracts/described.mjs';
import { VENDORS } from './contracts/vendors.mjs';

const sdks = join(dirname(fileURLToPath(import.meta.url)), 'sdks/node_modules');
const [specs, connectors, ...asked] = process.argv.slice(2);

// The requests of a connector's cases.
function requests(connector) {
  const folder = join(connectors, connector, 'fixtures/actions');
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => name.endsWith('.json')).sort().flatMap((file) => {
    const { exchanges } = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    return exchanges.map(({ sends, body }) => {
      const [method, url] = sends.split(' ');
      const { pathname, search } = new URL(url);
      return { file, action: file.split('.').slice(0, 2).join('.'), method, path: pathname + search, body };
    });
  });
}

// The headers that its manifest puts on each request.
function headers(connector) {
  const line = /^headers = \{(.*)\}$/m.exec(readFileSync(join(connectors, connector, 'provider.toml'), 'utf8'))?.[1] ?? '';
  return Object.fromEntries([...line.matchAll(/([\w-]+) = "([^"]*)"/g)].map(([, name, value]) => [name, value]));
}

// What describes a vendor's API, or why there is nothing.
async function judge(name, { spec, by, sdk, packages }) {
  if (spec) return existsSync(join(specs, spec)) ? by(join(specs, spec)) : `${join(specs, spec)} is not there`;
  const missing = packages.filter((one) => !existsSync(join(sdks, one)));
  return missing.length === 0 ? sdk(sdks, { openapi, headers: headers(name) }) : `${missing.join(', ')} is not there: node tests/support/sdks.mjs brings it`;
}

// The request without what the description lacks, and what that was.
function without(request, gaps) {
  const url = new URL(request.path, 'http://loopback');
  const body = request.body && structuredClone(request.body);
  const left = Object.keys(gaps).filter((gap) => {
    const there = gap.startsWith('?') ? url.searchParams.has(gap.slice(1)) : Object.hasOwn(body ?? {}, gap);
    if (gap.startsWith('?')) url.searchParams.delete(gap.slice(1));
    else if (body) delete body[gap];
    return there;
  });
  return [{ ...request, path: url.pathname + url.search, body }, left];
}

// The request with a parameter, and one with a field, that nobody has.
function spoilt({ method, path, body }, more) {
  const there = new URL(path, 'http://loopback');
  there.searchParams.set('colour', 'red');
  const query = [method, there.pathname + there.search, body];
  return body && !more ? [query, [method, path, { ...body, colour: 'red' }]] : [query];
}

const count = { accepted: 0, refused: 0, unknown: 0, skipped: 0 };
const line = (vendor, action, sent, what) => console.log(`${vendor.padEnd(18)} ${action.padEnd(19)} ${String(sent).padStart(8)}  ${what}`);

// Judges one vendor's actions, and then what is wrong on purpose.
async function vendor(name, { sdk, undescribed = {}, gaps = {}, loose = [], wrong }, mock) {
  const bad = [...wrong];
  const actions = new Map();
  const lacking = new Map();
  for (const request of requests(name)) {
    const row = actions.get(request.action) ?? { sent: 0, bad: [], nowhere: 0, gaps: new Set() };
    actions.set(request.action, row);
    row.sent += 1;
    let why = await mock.refuses(request);
    if (why && undescribed[request.action]) {
      row.nowhere += 1;
      continue;
    }
    const [rest, left] = without(request, gaps);
    if (why && left.length > 0) {
      why = await mock.refuses(rest);
      for (const gap of left) lacking.set(gap, gaps[gap]) && row.gaps.add(gap);
    }
    if (why) row.bad.push(`${request.file}: ${request.method} ${request.path}: ${why}`);
    else if (sdk) bad.push(...spoilt(rest, loose.includes(request.action)));
  }
  for (const [action, { sent, bad: refused, nowhere, gaps: some }] of actions) {
    if (undescribed[action] && nowhere === 0) refused.push('the description has it: strike it from the list of those undescribed');
    const good = some.size === 0 ? 'yes' : `yes, but for ${[...some].join(', ')}`;
    line(name, action, sent, refused.length > 0 ? 'NO' : undescribed[action] ? `not described: ${undescribed[action]}` : good);
    for (const one of refused) console.log(`    ${one}`);
    count[refused.length > 0 ? 'refused' : undescribed[action] ? 'unknown' : 'accepted'] += 1;
  }
  for (const gap of Object.keys(gaps)) {
    if (lacking.has(gap)) console.log(`    ${gap} is not in the description: ${gaps[gap]}`);
    else {
      console.log(`    ${gap} is described, or not sent: strike it from the list of gaps`);
      count.refused += 1;
    }
  }
  let caught = 0;
  for (const [method, path, body] of bad) {
    if (await mock.refuses({ method, path, body })) caught += 1;
    else console.log(`    accepted, and wrong on purpose: ${method} ${path} ${JSON.stringify(body)}`);
  }
  line(name, '(wrong on purpose)', bad.length, caught === bad.length ? 'refused' : 'ACCEPTED');
  if (caught !== bad.length) count.refused += 1;
}

console.log('vendor             action              requests  accepted');
for (const [name, about] of Object.entries(VENDORS)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  if (requests(name).length === 0) {
    console.log(`${name.padEnd(18)} has no cases of actions`);
    count.refused += 1;
    continue;
  }
  const mock = await judge(name, about);
  if (typeof mock === 'string') {
    console.log(`!!! SKIPPED: ${name}, for ${mock}`);
    count.skipped += 1;
    continue;
  }
  try {
    await vendor(name, about, mock);
  } finally {
    mock.close();
  }
}
const { accepted, refused, unknown, skipped } = count;
console.log(`${accepted} actions accepted, ${refused} not, ${unknown} that the descriptions do not have; ${skipped} vendors skipped`);
process.exit(refused > 0 ? 1 : accepted > 0 ? 0 : 3);
