// square: the client's own serializers judge bodies, with unknown fields refused; its calls say method and path.

import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { named, operations } from './operations.mjs';

export function square(sdks) {
  const require = createRequire(join(sdks, 'index.js'));
  const resources = ['catalog', 'customers', 'locations', 'orders'].filter((name) => readdirSync(join(sdks, 'square/api/resources')).includes(name));
  return operations(resources.flatMap((resource) => {
    const text = readFileSync(join(sdks, `square/api/resources/${resource}/client/Client.js`), 'utf8');
    const serializers = require(join(sdks, `square/serialization/resources/${resource}/client/requests/index.js`));
    const calls = text.matchAll(/environments\.SquareEnvironment\.Production, [`"](v2\/[^`"]+)[`"]\),\s+method: "(\w+)",([\s\S]*?)timeoutMs/g);
    return [...calls].map(([, path, method, inner]) => {
      const serializer = /body: serializers\.(\w+)\.jsonOrThrow/.exec(inner)?.[1];
      const names = [...inner.matchAll(/\.add\("(\w+)"/g)].map((one) => one[1]);
      return {
        method,
        path: `/${path.replace(/\$\{.*?\)\}/g, '{id}')}`,
        query: names.length > 0 && named(names),
        body: serializers?.[serializer] && ((value) => body(serializers[serializer], value)),
      };
    });
  }));
}

function body(serializer, value) {
  const read = serializer.parse(value, { unrecognizedObjectKeys: 'fail', allowUnrecognizedEnumValues: false, allowUnrecognizedUnionMembers: false });
  return read.ok ? null : read.errors.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}
