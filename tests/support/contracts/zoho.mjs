// @zohocrm/nodejs-sdk-8.0: operations say method and path, parameters are classes of names, the fields of each module and
// the records around them stand in tables.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { named, operations } from './operations.mjs';

const PACKAGE = '@zohocrm/nodejs-sdk-8.0/lib';
const API = 'core/com/zoho/crm/api';
const MODULES = ['Accounts', 'Contacts', 'Deals'];

export function zoho(sdks) {
  const read = (path) => readFileSync(join(sdks, PACKAGE, path), 'utf8');
  const details = JSON.parse(read('config/json_details.json'));
  const fields = read(`${API}/record/field.js`);
  const fieldsOf = (module) => [...new RegExp(`static ${module} = class \\{([\\s\\S]*?)\\n\\t\\}`).exec(fields)[1].matchAll(/new Field\("(\w+)"\)/g)].map((one) => one[1]);

  // `{ "data": [ … ] }`, and in each record fields that the module has.
  const records = (module) => (value) => {
    const wrapper = Object.values(details[`${API}/record/body_wrapper`]).map((one) => one.name);
    const strange = Object.keys(value).filter((key) => !wrapper.includes(key));
    if (strange.length > 0) return `no such key: ${strange.join(', ')}`;
    if (!Array.isArray(value.data) || value.data.length === 0) return 'data is a list of records';
    const known = fieldsOf(module);
    const none = value.data.flatMap((record) => Object.keys(record)).filter((field) => !known.includes(field));
    return none.length > 0 ? `${module} has no field ${none.join(', ')}` : null;
  };
  // The fields that are asked for are the module's, too.
  const asking = (module, names) => (asked) => {
    const known = [...fieldsOf(module), 'id'];
    const strange = (asked.get('fields')?.[0].split(',') ?? []).filter((field) => !known.includes(field));
    return named(names)(asked) ?? (strange.length > 0 ? `${module} has no field ${strange.join(', ')}` : null);
  };

  // A class of an operations file: `apiPath.concat(…)` for each part of the path, then the method; and its parameters.
  const calls = (file) => {
    const text = read(file);
    const names = (call) => [...(new RegExp(`class ${call[0].toUpperCase()}${call.slice(1)}Param\\{([\\s\\S]*?)\\n\\}`).exec(text)?.[1] ?? '').matchAll(/new Param\("(\w+)"/g)].map((one) => one[1]);
    return text.split(/\n\tasync /).slice(1).map((inner) => ({
      names: names(/^(\w+)/.exec(inner)[1]),
      method: /REQUEST_METHOD_(\w+)/.exec(inner)[1],
      path: [...inner.matchAll(/apiPath\.concat\((?:"([^"]*)"|this\.(\w+)|(\w+))/g)].map(([, word, own, given]) => word ?? `{${own ?? given}}`).join(''),
      sends: /setCategoryMethod[\s\S]*setRequest\(request\)/.test(inner),
    }));
  };
  const all = [
    ...calls(`${API}/record/record_operations.js`).map((call) => ({ ...call, of: null })),
    ...calls(`${API}/related_records/related_records_operations.js`).map((call) => ({ ...call, of: 'Notes' })),
  ];
  return operations(MODULES.flatMap((module) => all.flatMap(({ names, method, path, sends, of }) => {
    const here = path.replace('{moduleAPIName}', module).replace('{relatedListAPIName}', of ?? '');
    return [{ method, path: here, query: names.length > 0 && asking(of ?? module, names), body: sends && records(of ?? module) }];
  })));
}
