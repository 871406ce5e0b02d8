// What the black-box tests do in PostgreSQL beside the hub:
//
//   node database.mjs URL create NAME   makes an empty database
//   node database.mjs URL drop NAME     removes it, whoever is connected
//   node database.mjs URL dump          writes every value of every table, as its plain bytes

import pg from 'pg';

const [url, verb, name] = process.argv.slice(2);
if (!url || !['create', 'drop', 'dump'].includes(verb) || (verb !== 'dump' && !/^[a-z0-9_]{1,60}$/.test(name ?? ''))) {
  console.error('usage: database.mjs URL create NAME | drop NAME | dump');
  process.exit(2);
}

/** Bytes stay bytes; all else is the text that PostgreSQL would print. */
const types = { getTypeParser: (oid) => (oid === 17 ? (text) => Buffer.from(text.slice(2), 'hex') : (text) => text) };

async function dump(client) {
  const tables = await client.query(
    "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1",
  );
  for (const table of tables.rows) {
    process.stdout.write(`\n== ${table.name}\n`);
    const rows = await client.query({ text: `SELECT * FROM ${table.name}`, types, rowMode: 'array' });
    for (const row of rows.rows) {
      for (const value of row) {
        process.stdout.write(value ?? '');
        process.stdout.write('\n');
      }
    }
  }
}

const client = new pg.Client({ connectionString: url });
await client.connect();
if (verb === 'create') await client.query(`CREATE DATABASE ${name}`);
if (verb === 'drop') await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
if (verb === 'dump') await dump(client);
await client.end();
