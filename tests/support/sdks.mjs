// Brings the vendors' own packages whose descriptions the contract tests read: those in sdks.json, each pinned by
// version and hash, without what they depend on, and of each only the parts that are read.
//
//   node sdks.mjs
//
// They land in sdks/node_modules, so that they find one another. Nothing in them is run at installation. What is
// already there in the right version is left alone.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const home = join(here, 'sdks/node_modules');
const sdks = Object.entries(JSON.parse(readFileSync(join(here, 'sdks.json'), 'utf8')).packages);

const stamp = (name) => join(home, name, '.pinned');
const pinned = (sdk) => JSON.stringify(sdk);
const missing = sdks.filter(([name, sdk]) => !existsSync(stamp(name)) || readFileSync(stamp(name), 'utf8') !== pinned(sdk));

const folder = mkdtempSync(join(tmpdir(), 'valetkey-sdks.'));
try {
  if (missing.length > 0) {
    const wanted = missing.map(([name, { version }]) => `${name}@${version}`);
    execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder, ...wanted], { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
  }
  const found = new Map(readdirSync(folder).map((file) => [`sha512-${createHash('sha512').update(readFileSync(join(folder, file))).digest('base64')}`, file]));
  for (const [name, sdk] of missing) {
    const file = found.get(sdk.integrity);
    if (!file) throw new Error(`${name} ${sdk.version} is not what sdks.json has the hash of; the packages have ${[...found].map((one) => one.reverse().join(': ')).join(', ')}`);
    const into = join(home, name);
    rmSync(into, { recursive: true, force: true });
    mkdirSync(into, { recursive: true });
    const parts = sdk.keep ? ['package.json', ...sdk.keep].map((path) => `package/${path}`) : [];
    execFileSync('tar', ['-xzf', join(folder, file), '-C', into, '--strip-components=1', ...parts]);
    writeFileSync(stamp(name), pinned(sdk));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${sdks.length} packages of vendors, ${missing.length} of them fetched`);
