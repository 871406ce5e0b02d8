// Begins a connector as a copy of Acme, the template: `make new-connector name=my-crm`.
//
// Copies the folder, renames what is Acme's own, and writes the lines that register it. The suite is green from
// the first minute; docs/adding-a-connector.md says how to go on.

import { cpSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const slug = process.argv[2] ?? '';

function fail(text) {
  console.error(`make new-connector: ${text}`);
  process.exit(1);
}

if (!slug) fail('give the provider\'s name: make new-connector name=my-crm');
if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(slug) || slug.length > 64) fail(`\`${slug}\` is no slug: write a-z, 0-9 and -, a letter first, such as my-crm`);
if (existsSync(`connectors/${slug}`)) fail(`connectors/${slug} is there already`);
if (existsSync(`connectors/catalogue/apps/${slug}.toml`)) {
  fail(`the catalogue has ${slug}: git rm connectors/catalogue/apps/${slug}.toml first, and begin provider.toml with what it said`);
}

const words = slug.split('-').map((word) => word[0].toUpperCase() + word.slice(1));
const [type, title, crate] = [words.join(''), words.join(' '), slug.replaceAll('-', '_')];

const folder = `connectors/${slug}`;
cpSync('connectors/acme', folder, { recursive: true, filter: (path) => !/\/target(\/|$)/.test(path) });
for (const file of files(folder)) {
  const text = readFileSync(file, 'utf8')
    .replaceAll('acme::connector', `${crate}::connector`)
    .replaceAll('crate::Acme', `crate::${type}`)
    .replaceAll('for Acme', `for ${type}`)
    .replaceAll('struct Acme', `struct ${type}`)
    .replaceAll('Arc::new(Acme', `Arc::new(${type}`)
    .replaceAll('name = "acme"', `name = "${slug}"`)
    .replaceAll('slug = "acme"', `slug = "${slug}"`)
    .replaceAll('display_name = "Acme"', `display_name = "${title}"`)
    .replace('Acme, the playground provider: the template for every connector', `${title}: begun as a copy of Acme`)
    .replace(/^# Acme$/m, `# ${title}`);
  writeFileSync(file, text);
}

// One line each, where the list is sorted.
insert('Cargo.toml', `${slug} = { path = "connectors/${slug}" }`, /^[a-z0-9-]+ = \{ path = "connectors\//);
insert('crates/server/Cargo.toml', `${slug}.workspace = true`, connectorLine());
insert('crates/server/src/connectors.rs', `        ${crate}::connector(),`, /^ +[a-z0-9_]+::connector\(\),$/);
insert('fuzz/Cargo.toml', `${slug}.workspace = true`, connectorLine());
append('fuzz/src/providers.rs', `            ${crate}::connector(),`, /^ +[a-z0-9_]+::connector\(\),$/);

console.log(`connectors/${slug}/ is a copy of Acme, and registered. Next:

  CONFORMANCE_WRITE=1 cargo test -p ${slug}   writes docs/connectors/${slug}.md
  cargo test -p ${slug}                       the suite, green as it is
  docs/adding-a-connector.md                what to change, in which order`);

function* files(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else yield path;
  }
}

// Lines of connectors in a crate's dependencies: those that have a folder.
function connectorLine() {
  const names = readdirSync('connectors').join('|');
  return new RegExp(`^(${names})\\.workspace = true$`);
}

function insert(path, line, like) {
  const lines = readFileSync(path, 'utf8').split('\n');
  const at = lines.flatMap((one, index) => (like.test(one) ? [index] : []));
  if (at.length === 0) fail(`${path} has no list of connectors any more; register ${slug} by hand`);
  const before = at.find((index) => lines[index] > line);
  lines.splice(before ?? at.at(-1) + 1, 0, line);
  writeFileSync(path, lines.join('\n'));
}

function append(path, line, like) {
  const lines = readFileSync(path, 'utf8').split('\n');
  const at = lines.findLastIndex((one) => like.test(one));
  if (at < 0) fail(`${path} has no list of connectors any more; register ${slug} by hand`);
  lines.splice(at + 1, 0, line);
  writeFileSync(path, lines.join('\n'));
}
