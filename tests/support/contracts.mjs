// Sends what connectors send to the vendors' own API descriptions, and tells which actions are accepted.
//
//   node contracts.mjs SPECS CONNECTORS [vendor…]
//
// SPECS is a folder with the descriptions, CONNECTORS the folder of connectors. What a connector sends stands in its
// cases, `fixtures/actions/*.json`; its own suite shows that it sends exactly that. REST goes to Prism; what Prism can't
// follow (circular schemas) to openapi-backend; GraphQL is validated by the reference implementation. Each vendor is also
// sent a request that is wrong on purpose: it must be refused, or the check is none.
//
// Exits 0 where all are accepted, 1 where one is not, 3 where there are no descriptions.

import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSchema, parse, validate, getVariableValues } from 'graphql';
import { OpenAPIBackend } from 'openapi-backend';

const here = dirname(fileURLToPath(import.meta.url));
const [specs, connectors, ...asked] = process.argv.slice(2);

// `undescribed`: actions whose paths the description does not have. A wrong request for each: what is refused shows that the check can fail.
const VENDORS = {
  hubspot: { spec: 'hubspot-crm.json', by: prism, undescribed: ['notes.create'], wrong: ['POST', '/crm/v3/objects/contacts', { properties: 'none' }] },
  'google-calendar': { spec: 'google-calendar.json', by: prism, wrong: ['POST', '/calendar/v3/freeBusy', { items: 'primary' }] },
  intercom: { spec: 'intercom.json', by: openapi, wrong: ['POST', '/contacts/search', { query: 'ana' }] },
  shopify: { spec: 'shopify-admin-2026-10.graphql', by: graphql, wrong: ['POST', '/graphql.json', { query: '{ orders(first: "all") { nodes { colour } } }', variables: {} }] },
};

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

// A validating mock in a process of its own, on a free port of loopback.
async function prism(spec) {
  const port = await free();
  const child = spawn(process.execPath, [join(here, 'node_modules/@stoplight/prism-cli/dist/index.js'), 'mock', '--host', '127.0.0.1', '--port', String(port), spec], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => { said += text; });
  const base = `http://127.0.0.1:${port}`;
  for (let turn = 0; !/Prism is listening/.test(said); turn += 1) {
    if (turn > 300 || child.exitCode !== null) throw new Error(`Prism did not start: ${said}`);
    await new Promise((done) => setTimeout(done, 100));
  }
  return {
    async refuses({ method, path, body }) {
      const headers = { authorization: 'Bearer of-the-test', accept: 'application/json' };
      if (body !== null) headers['content-type'] = 'application/json';
      const answer = await fetch(base + path, { method, headers, body: body === null ? undefined : JSON.stringify(body) });
      const text = await answer.text();
      const violations = answer.headers.get('sl-violations');
      if (violations) return `${answer.status} ${violations.slice(0, 300)}`;
      if (/stoplight\.io\/prism\/errors#(NO_PATH|NO_METHOD|UNPROCESSABLE|INVALID_CONTENT|NO_SERVER|UNAUTHORIZED)/.test(text)) return `${answer.status} ${text.slice(0, 300)}`;
      return answer.status >= 400 ? `${answer.status} ${text.slice(0, 300)}` : null;
    },
    close() { child.kill(); },
  };
}

function free() {
  return new Promise((done, failed) => {
    const server = createServer();
    server.on('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

async function openapi(spec) {
  const api = new OpenAPIBackend({
    // `nullable` beside no `type` says nothing in OpenAPI 3.0, and Ajv refuses it.
    definition: JSON.parse(readFileSync(spec, 'utf8'), (key, value) => (value && value.nullable !== undefined && !value.type ? { ...value, nullable: undefined } : value)),
    quick: true,
    ajvOpts: { strict: false, validateFormats: false, logger: false },
    handlers: {
      validationFail: (context) => `422 ${JSON.stringify(context.validation.errors).slice(0, 300)}`,
      notFound: () => '404 no such path',
      methodNotAllowed: () => '405 no such method',
      notImplemented: () => null,
    },
  });
  // Who is asking is none of this: any credential will do.
  for (const scheme of Object.keys(api.inputDocument?.components?.securitySchemes ?? {})) api.registerSecurityHandler(scheme, () => true);
  await api.init();
  return {
    refuses: ({ method, path, body }) => {
      const headers = { authorization: 'Bearer of-the-test', 'content-type': 'application/json' };
      const { pathname, search } = new URL(path, 'http://loopback');
      return api.handleRequest({ method, path: pathname, query: search.slice(1), body: body ?? undefined, headers });
    },
    close() {},
  };
}

async function graphql(spec) {
  const schema = buildSchema(readFileSync(spec, 'utf8'), { assumeValid: true });
  return {
    refuses: async ({ body }) => {
      const document = parse(body.query);
      const errors = validate(schema, document);
      const operation = document.definitions.find((one) => one.kind === 'OperationDefinition');
      const values = errors.length > 0 ? {} : getVariableValues(schema, operation.variableDefinitions ?? [], body.variables ?? {});
      const all = [...errors, ...(values.errors ?? [])];
      return all.length > 0 ? all.map((error) => error.message).join('; ').slice(0, 300) : null;
    },
    close() {},
  };
}

if (!specs || !existsSync(specs)) {
  console.log(`!!! SKIPPED: contract tests, for there is no folder ${specs ?? 'SPECS'} with the vendors' API descriptions`);
  process.exit(3);
}

let [accepted, refused, unknown] = [0, 0, 0];
console.log('vendor           action              requests  accepted');
for (const [vendor, { spec, by, wrong, undescribed = [] }] of Object.entries(VENDORS)) {
  if (asked.length > 0 && !asked.includes(vendor)) continue;
  const all = requests(vendor);
  if (all.length === 0) {
    console.log(`${vendor.padEnd(16)} has no cases of actions`);
    refused += 1;
    continue;
  }
  const mock = await by(join(specs, spec));
  try {
    const actions = new Map();
    for (const request of all) {
      let why = await mock.refuses(request);
      if (undescribed.includes(request.action)) why = /NO_PATH/.test(why ?? '') ? 'undescribed' : 'the description has its path: strike it from the list';
      const row = actions.get(request.action) ?? { sent: 0, bad: [] };
      row.sent += 1;
      if (why === 'undescribed') row.undescribed = true;
      else if (why) row.bad.push(`${request.file}: ${request.method} ${request.path}: ${why}`);
      actions.set(request.action, row);
    }
    for (const [action, { sent, bad, undescribed: nowhere }] of actions) {
      if (nowhere) {
        console.log(`${vendor.padEnd(16)} ${action.padEnd(19)} ${String(sent).padStart(8)}  not described`);
        unknown += 1;
        continue;
      }
      console.log(`${vendor.padEnd(16)} ${action.padEnd(19)} ${String(sent).padStart(8)}  ${bad.length === 0 ? 'yes' : 'NO'}`);
      for (const line of bad) console.log(`    ${line}`);
      if (bad.length === 0) accepted += 1;
      else refused += 1;
    }
    const [method, path, body] = wrong;
    const control = await mock.refuses({ method, path, body });
    console.log(`${vendor.padEnd(16)} ${'(wrong on purpose)'.padEnd(19)} ${'1'.padStart(8)}  ${control ? 'refused' : 'ACCEPTED'}`);
    if (!control) refused += 1;
  } finally {
    mock.close();
  }
}
console.log(`${accepted} actions accepted, ${refused} not, ${unknown} that the descriptions do not have`);
process.exit(refused === 0 && accepted > 0 ? 0 : 1);
