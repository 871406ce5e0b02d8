// Judges by whole descriptions: OpenAPI by Prism or openapi-backend, GraphQL by the reference implementation.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSchema, parse, validate, getVariableValues } from 'graphql';
import { OpenAPIBackend } from 'openapi-backend';

const here = dirname(fileURLToPath(import.meta.url));

// A validating mock in a process of its own, on a free port of loopback.
export async function prism(spec) {
  const port = await free();
  const child = spawn(process.execPath, [join(here, '../node_modules/@stoplight/prism-cli/dist/index.js'), 'mock', '--host', '127.0.0.1', '--port', String(port), spec], { stdio: ['ignore', 'pipe', 'pipe'] });
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

// `nullable` beside no `type` says nothing in OpenAPI 3.0, and Ajv refuses it.
export function openapiFile(spec) {
  return openapi(JSON.parse(readFileSync(spec, 'utf8'), (key, value) => (value && value.nullable !== undefined && !value.type ? { ...value, nullable: undefined } : value)));
}

// `more` are headers that the connector sends with each request.
export async function openapi(definition, more = {}) {
  const api = new OpenAPIBackend({
    definition,
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
      const headers = { authorization: 'Bearer of-the-test', 'content-type': 'application/json', ...more };
      const { pathname, search } = new URL(path, 'http://loopback');
      return api.handleRequest({ method, path: pathname, query: search.slice(1), body: body ?? undefined, headers });
    },
    close() {},
  };
}

export async function graphql(spec) {
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
