// Operations that are read out of generated clients: Stripe's, Pipedrive's, BigCommerce's, Freshdesk's.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { operations, named } from './operations.mjs';
import { types } from './types.mjs';

// stripe: each method of a resource names its request; its parameters are those of the method.
export function stripe(sdks) {
  const resources = ['Customers', 'Products'].map((name) => {
    const text = readFileSync(join(sdks, `stripe/cjs/resources/${name}.js`), 'utf8');
    const type = /class (\w+) extends/.exec(text)[1];
    return { name, type, methods: [...text.matchAll(/^ {4}(\w+)\(([^)]*)\) \{\n\s+return this\._makeRequest\('(\w+)', (['`])(.*?)\4/gm)] };
  });
  const judge = types(sdks, resources.map(({ name, type }) => `import type { ${type} } from 'stripe/cjs/resources/${name}';`).join('\n'));
  return operations(resources.flatMap(({ type, methods }) => methods.map(([, name, given, method, , path]) => {
    const of = `NonNullable<Parameters<${type}['${name}']>[${given.split(', ').indexOf('params')}]>`;
    return { method, path: path.replace(/\$\{.*?\}/g, '{id}'), query: method === 'GET' && ((asked) => judge.query(of, asked)) };
  })));
}

// pipedrive: a function for each operation says its path, its method, and what goes into the query; its types are those of
// the operation's own request.
export function pipedrive(sdks) {
  const imports = [];
  const found = [];
  for (const version of ['v1', 'v2']) {
    const folder = join(sdks, 'pipedrive/dist/versions', version, 'api');
    const base = /BASE_PATH = "https:\/\/[^/"]+([^"]*)"/.exec(readFileSync(join(folder, '../base.js'), 'utf8'))[1];
    for (const file of ['persons', 'organizations', 'deals', 'notes']) {
      const path = join(folder, `${file}-api.js`);
      if (!readdirSync(folder).includes(`${file}-api.js`)) continue;
      const text = readFileSync(path, 'utf8');
      const api = /exports\.(\w+Api) = /.exec(text)[1];
      const as = `${api}_${version}`;
      imports.push(`import type * as ${as} from 'pipedrive/dist/versions/${version}/api/${file}-api';`);
      for (const [, name, inner] of text.matchAll(/^ {8}(\w+): \([^)]*\) => __awaiter\(([\s\S]*?)^ {8}\}\),/gm)) {
        const where = /localVarPath = `([^`]*)`/.exec(inner);
        if (!where) continue;
        const names = [...inner.matchAll(/localVarQueryParameter\['([^']+)'\]/g)].map((one) => one[1]);
        const body = /serializeDataIfNeeded\)\((\w+),/.exec(inner)?.[1];
        const request = `${as}.${api}${name[0].toUpperCase()}${name.slice(1)}Request`;
        const method = /method: '(\w+)'/.exec(inner)[1];
        found.push({ base, path: where[1], method, names, body, request });
      }
    }
  }
  const judge = types(sdks, imports.join('\n'));
  return operations(found.map(({ base, path, method, names, body, request }) => ({
    method,
    // Companies have both versions below /api; the first one also without it.
    path: `/api${base.replace('/api', '')}${path}`,
    query: names.length > 0 && ((asked) => judge.query(`Pick<${request}, ${names.map((name) => `'${name}'`).join(' | ')}>`, asked)),
    body: body && ((value) => judge.body(`NonNullable<${request}['${body}']>`, value)),
  })));
}

// @bigcommerce/api-nodejs: types that were generated from BigCommerce's descriptions, by path and method.
export function bigcommerce(sdks) {
  const files = { customers_v3: 'v3', products_catalog_v3: 'v3', orders_v2_oas2: 'v2', store_information_v2: 'v2' };
  const folder = '@bigcommerce/api-nodejs/dist/generate/generated';
  const name = (file) => file.replace(/_(v\d)/, '.$1').replace('_oas2', '.oas2');
  const judge = types(sdks, Object.keys(files).map((file) => `import type { paths as ${file} } from '${folder}/${name(file)}';`).join('\n'));
  return operations(Object.entries(files).flatMap(([file, version]) => {
    const text = readFileSync(join(sdks, folder, `${name(file)}.d.ts`), 'utf8');
    return [...text.matchAll(/^ {4}'(\/[^']+)': \{\n([\s\S]*?)^ {4}\};/gm)].flatMap(([, path, inner]) => (
      [...inner.matchAll(/^ {8}(get|put|post|delete): /gm)].map(([, method]) => ({
        method: method.toUpperCase(),
        path: `/stores/{store_hash}/${version}${path}`,
        query: (asked) => judge.query(`${file}['${path}']['${method}'] extends { parameters: { query?: infer Q } } ? Q : {}`, asked),
      }))
    ));
  }));
}

// @freshworks/freshdesk: each call names its request, and each model the fields that it is made of.
export function freshdesk(sdks) {
  const text = readFileSync(join(sdks, '@freshworks/freshdesk/dist/freshdesk.cjs.js'), 'utf8');
  const models = new Map([...text.matchAll(/^class (\w+) \{\n([\s\S]*?)^\}/gm)].map(([, name, inner]) => (
    [name, new Map([...inner.matchAll(/convertToType\(data\['(\w+)'\], (.*)\);/g)].map(([, field, type]) => [field, type]))]
  )));
  const is = {
    "'String'": (value) => typeof value === 'string',
    "'Number'": (value) => typeof value === 'number',
    "'Boolean'": (value) => typeof value === 'boolean',
    "['String']": (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
  };
  const body = (model) => (value) => {
    for (const [field, one] of Object.entries(value)) {
      const type = models.get(model)?.get(field);
      if (!type) return `${model} has no field ${field}`;
      if (is[type] && !is[type](one)) return `${model}.${field} is a ${type}`;
    }
    return null;
  };
  const calls = text.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s+\w+WithHttpInfo\(([^)]*)\) \{\n([\s\S]*?)callApi\(\s*'([^']+)', '(\w+)'/g);
  return operations([...calls].map(([, says, , inner, path, method]) => {
    const names = [...(/let queryParams = \{([\s\S]*?)\};/.exec(inner)?.[1] ?? '').matchAll(/'(\w+)':/g)].map((one) => one[1]);
    const sent = /let postBody = (\w+);/.exec(inner)?.[1];
    const model = new RegExp(`@param \\{module:model/(\\w+)\\} ${sent}\\b`).exec(says)?.[1];
    return { method, path: `/api/v2${path}`, query: named(names), body: model && body(model) };
  }));
}
