// A stand-in for the transit engine of HashiCorp Vault and OpenBao, and for the tokens it is asked
// with. Written after their API documentation: neither server comes from a package registry.
//
//   node transit.mjs '{"mount": "transit"}'
//
// Prints one line when it listens: {"ready":true,"port":…}. See key-service.mjs for its controls, and:
//   PUT /_keys {"name": {"type": "aes256-gcm96", "derived": false}}
//   PUT /_rotate "name"             a new version
//   PUT /_oldest {"name": 2}        min_decryption_version
//   PUT /_tokens {"token": {"ttl": 3600, "renewable": true, "deny": ["decrypt"]}}
//   PUT /_namespace "team"          every request has to name it
//   PUT /_forgetful true            associated_data is ignored, as old servers do

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { serve } from './key-service.mjs';

const { mount = 'transit' } = JSON.parse(process.argv[2] ?? '{}');

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.answer = { status, body: { errors: [message] } };
  }
}

const keys = new Map(); // name -> {type, derived, oldest, versions: [bytes]}
let tokens = {};
let namespace;
let forgetful = false;

function cipherOf(key, version, context) {
  if (key.derived && !context) throw new Refusal(400, 'missing "context" for key derivation; the key was created using a derived key');
  const master = key.versions[version - 1];
  const bytes = key.derived ? Buffer.from(hkdfSync('sha256', master, '', Buffer.from(context, 'base64'), 32)) : master;
  return [key.type === 'chacha20-poly1305' ? 'chacha20-poly1305' : 'aes-256-gcm', bytes];
}

const bound = (text = '') => (forgetful ? Buffer.alloc(0) : Buffer.from(text, 'base64'));

function encrypt(key, { plaintext, associated_data: data, context }) {
  const version = key.versions.length;
  const [algorithm, bytes] = cipherOf(key, version, context);
  const nonce = randomBytes(12);
  const cipher = createCipheriv(algorithm, bytes, nonce, { authTagLength: 16 }).setAAD(bound(data));
  const parts = [nonce, cipher.update(Buffer.from(plaintext, 'base64')), cipher.final(), cipher.getAuthTag()];
  return { ciphertext: `vault:v${version}:${Buffer.concat(parts).toString('base64')}`, key_version: version };
}

function decrypt(key, { ciphertext, associated_data: data, context }) {
  const found = /^vault:v(\d+):(.+)$/.exec(ciphertext ?? '');
  if (!found) throw new Refusal(400, 'invalid ciphertext: no prefix');
  const version = Number(found[1]);
  if (version < key.oldest) throw new Refusal(400, 'ciphertext or signature version is disallowed by policy (too old)');
  if (version > key.versions.length) throw new Refusal(400, 'invalid ciphertext: version is too new');
  const all = Buffer.from(found[2], 'base64');
  if (all.length < 28) throw new Refusal(400, 'invalid ciphertext: unable to decrypt');
  const [algorithm, bytes] = cipherOf(key, version, context);
  const decipher = createDecipheriv(algorithm, bytes, all.subarray(0, 12), { authTagLength: 16 })
    .setAAD(bound(data))
    .setAuthTag(all.subarray(-16));
  try {
    const plain = Buffer.concat([decipher.update(all.subarray(12, -16)), decipher.final()]);
    return { plaintext: plain.toString('base64') };
  } catch {
    throw new Refusal(400, 'cipher: message authentication failed');
  }
}

function describe(name, key) {
  return {
    name,
    type: key.type,
    derived: key.derived,
    latest_version: key.versions.length,
    min_decryption_version: key.oldest,
    min_encryption_version: 0,
    exportable: false,
    deletion_allowed: false,
    supports_encryption: true,
    supports_decryption: true,
  };
}

function engine(method, verb, name, body, token) {
  if (token.deny?.includes(verb)) throw new Refusal(403, '1 error occurred:\n\t* permission denied\n\n');
  const key = keys.get(name);
  if (method === 'GET' && verb === 'keys') {
    if (!key) return { status: 404, body: { errors: [] } };
    return { body: { data: describe(name, key) } };
  }
  if (method !== 'POST' || !['encrypt', 'decrypt'].includes(verb)) throw new Refusal(405, 'unsupported operation');
  if (!key) throw new Refusal(400, 'encryption key not found');
  return { body: { data: { encrypt, decrypt }[verb](key, JSON.parse(body)) } };
}

function own(method, path, token) {
  if (method === 'GET' && path === '/v1/auth/token/lookup-self') {
    return { body: { data: { ttl: token.ttl, renewable: token.renewable, policies: ['default', 'valetkey'] } } };
  }
  if (method === 'POST' && path === '/v1/auth/token/renew-self') {
    if (!token.renewable) throw new Refusal(400, 'lease is not renewable');
    return { body: { auth: { lease_duration: token.ttl, renewable: true } } };
  }
  return undefined;
}

function answer({ method, path, headers, body }) {
  try {
    const token = Object.hasOwn(tokens, headers['x-vault-token'] ?? '') ? tokens[headers['x-vault-token']] : undefined;
    if (!token) throw new Refusal(403, 'permission denied');
    if (headers['x-vault-namespace'] !== namespace) throw new Refusal(404, 'no handler for route');
    const answered = own(method, path, token);
    if (answered) return answered;
    const prefix = `/v1/${mount}/`;
    const [verb, name, ...rest] = path.startsWith(prefix) ? path.slice(prefix.length).split('/') : [];
    if (!name || rest.length) throw new Refusal(404, 'no handler for route');
    return engine(method, verb, name, body, token);
  } catch (error) {
    if (error instanceof Refusal) return error.answer;
    throw error;
  }
}

serve({
  answer,
  doors: {
    'PUT /_keys': (given) => {
      for (const [name, { type = 'aes256-gcm96', derived = false }] of Object.entries(given)) {
        keys.set(name, { type, derived, oldest: 1, versions: [randomBytes(32)] });
      }
    },
    'PUT /_rotate': (name) => { keys.get(name).versions.push(randomBytes(32)); },
    'PUT /_oldest': (given) => { for (const [name, version] of Object.entries(given)) keys.get(name).oldest = version; },
    'PUT /_tokens': (given) => { tokens = given; },
    'PUT /_namespace': (given) => { namespace = given; },
    'PUT /_forgetful': (given) => { forgetful = given; },
  },
});
