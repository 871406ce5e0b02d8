// Salesforce: @salesforce/soql-common has Salesforce's own parser of queries, @jsforce/jsforce-node (which Salesforce's
// command line stands on) the fields of the standard objects. Neither has paths as data: those below are the REST API's two.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { operations } from './operations.mjs';
import { types } from './types.mjs';

const SCHEMA = '@jsforce/jsforce-node/lib/types/standard-schema';

export function salesforce(sdks) {
  const require = createRequire(join(sdks, 'index.js'));
  const { SOQLParser } = require('@salesforce/soql-common/lib/soql-parser');
  const text = readFileSync(join(sdks, `${SCHEMA}.d.ts`), 'utf8');
  const fields = (object) => [...(new RegExp(`type Fields\\$${object} = \\{([\\s\\S]*?)\\n\\};`).exec(text)?.[1] ?? '').matchAll(/^ {4}(\w+)\??:/gm)].map((one) => one[1]);
  // Dates carry a mark in these types, so that none is taken for a word: in JSON they are words. And an object has any
  // other field in them, for people's own ones: we send none of those.
  const judge = types(sdks, `import type { StandardSchema } from '${SCHEMA}';
    type Sent<T> = { [K in keyof T as string extends K ? never : K]?: [Extract<T[K], { __DateBrand: never }>] extends [never] ? T[K] : string | null };`);

  const query = (asked) => {
    if ([...asked.keys()].join() !== 'q') return 'a query is q, and nothing else';
    const [soql] = asked.get('q');
    const parsed = SOQLParser({ isApex: false, isMultiCurrencyEnabled: true, apiVersion: 64 }).parseQuery(soql);
    if (!parsed.getSuccess()) return parsed.getParserErrors().map((error) => error.getMessage()).join('; ');
    const tree = parsed.getParseTree();
    const object = /FROM\s+(\w+)/i.exec(soql)[1];
    const strange = named(tree, 'SoqlFieldContext').filter((name) => !/^FIELDS\(/i.test(name) && !fields(object).includes(name));
    return strange.length > 0 ? `${object} has no field ${strange.join(', ')}` : null;
  };
  const of = (object) => `Sent<StandardSchema['SObjects']['${object}']['Fields']>`;
  return operations([
    { method: 'GET', path: '/services/data/{version}/query', query },
    ...['Account', 'Contact', 'Opportunity', 'Note'].flatMap((object) => [
      { method: 'POST', path: `/services/data/{version}/sobjects/${object}`, body: (value) => judge.body(of(object), value) },
      { method: 'GET', path: `/services/data/{version}/sobjects/${object}/{id}` },
      { method: 'PATCH', path: `/services/data/{version}/sobjects/${object}/{id}`, body: (value) => judge.body(of(object), value) },
    ]),
  ]);
}

// The words of every node of a kind in a parsed query.
function named(tree, kind) {
  const here = tree.constructor.name === kind ? [tree.text] : [];
  return [...here, ...Array.from({ length: tree.childCount ?? 0 }, (_, index) => named(tree.getChild(index), kind)).flat()];
}
