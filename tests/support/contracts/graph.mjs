// Microsoft Graph: @microsoft/teams.graph-endpoints has method, path and parameters of each endpoint as data;
// @microsoft/microsoft-graph-types has the types of what is sent. What an action takes stands in the first one's own types.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { named, operations } from './operations.mjs';
import { types } from './types.mjs';

const PATHS = /^\/me\/(calendar|calendars|calendarView|events)(\/|$)/;

// Every endpoint below an object of the package: each is a function that answers `{ method, path, paramDefs }`.
function endpoints(object, seen = new Set()) {
  if (seen.has(object)) return [];
  seen.add(object);
  return Object.values(object).flatMap((one) => {
    if (typeof one === 'function') return [one({}, {})];
    return one && typeof one === 'object' ? endpoints(one, seen) : [];
  });
}

export function microsoft(sdks) {
  const require = createRequire(join(sdks, 'index.js'));
  const judge = types(sdks, "import type * as graph from '@microsoft/microsoft-graph-types/microsoft-graph';");
  const described = readFileSync(join(sdks, '@microsoft/teams.graph-endpoints/dist/types/types.d.ts'), 'utf8');
  // The body of an operation, where its type stands in its place, or the name of the record that it is.
  const body = (path, method) => {
    const from = described.indexOf(`\n    '${path}': {`);
    const name = new RegExp(`\\n        ${method}: operations\\['([^']+)'\\]`).exec(described.slice(from, described.indexOf('\n    };', from)))?.[1];
    const start = described.indexOf(`\n    '${name}': {`, described.indexOf('\nexport interface operations'));
    const operation = described.slice(start, described.indexOf('\n    };', start));
    const json = /requestBody\??: \{\s+content: \{\s+'application\/json': ([\s\S]*?);\n {12}\};/.exec(operation)?.[1];
    const record = /^components\['schemas'\]\['microsoft\.graph\.(\w+)'\]$/.exec(json ?? '')?.[1];
    return record ? `graph.${record[0].toUpperCase()}${record.slice(1)}` : json;
  };
  const root = require(join(sdks, '@microsoft/teams.graph-endpoints/dist/me/index.js'));
  const found = new Map(endpoints(root).filter((one) => PATHS.test(one.path)).map((one) => [`${one.method} ${one.path}`, one]));
  return operations([...found.values()].map(({ method, path, paramDefs }) => {
    const sends = ['post', 'patch', 'put'].includes(method) && body(path, method);
    return {
      method: method.toUpperCase(),
      path: `/v1.0${path}`,
      query: paramDefs?.query && named(paramDefs.query),
      body: sends && ((value) => judge.body(sends, value)),
    };
  }));
}
