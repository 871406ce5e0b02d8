// An OpenID provider that we did not write (npm oidc-provider), for the black-box tests.
//
//   node oidc-provider.mjs '{"port": 0, "access_ttl": 5, "clients": [{"client_id": "…", "client_secret": "…", "redirect_uris": ["…"]}]}'
//
// Prints one line when it listens: {"ready":true,"port":…,"issuer":"…"}. Ends when its standard input
// closes, so that it dies with the test that started it.
//
// Sign in with any name at its own forms. Refresh tokens rotate; presenting a used one ends the grant.
// GET /_stats tells what happened; GET /_secrets lists every code and token that was ever given out.
// PUT /_echo with {"times": 2} makes the next so many token and userinfo requests fail, with answers that
// repeat all that was sent: the header with the token, the code, the refresh token.
// POST /_keys with {"algorithm": "RS256"} (or ES256) makes a pair of keys for a client that signs.
// A client of the grant type jwt-bearer (RFC 7523, section 2.1) is given a token for what it signs; npm jose verifies that.
// PUT /_clients/{client_id} adds a client or replaces it, because a hub tells its redirect URI only
// after the client was made there.

import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto';

// Node 22 has it. The provider needs nothing else that Node 20 lacks.
URL.parse ??= (input, base) => (URL.canParse(input, base) ? new URL(input, base) : null);
const { Provider, errors } = await import('oidc-provider');
const { createLocalJWKSet, jwtVerify } = await import('jose');

const HOST = '127.0.0.1';
const options = { port: 0, access_ttl: 5, clients: [], ...JSON.parse(process.argv[2] ?? process.env.OIDC_OPTIONS ?? '{}') };

const SECRET = new Set(['AccessToken', 'RefreshToken', 'AuthorizationCode', 'ClientCredentials']);

/** What the provider keeps, in memory and without an upper bound: a test is short. */
class Rows {
  static all = new Map();

  /** Codes and tokens ever given out; here their id is their text. */
  static secrets = [];

  constructor(model) {
    this.model = model;
  }

  key(id) {
    return `${this.model}:${id}`;
  }

  async upsert(id, payload, expiresIn) {
    const ends = expiresIn ? Date.now() + expiresIn * 1000 : Infinity;
    Rows.all.set(this.key(id), { payload, ends });
    if (SECRET.has(this.model)) Rows.secrets.push(id);
  }

  async find(id) {
    const row = Rows.all.get(this.key(id));
    if (!row || row.ends <= Date.now()) return undefined;
    return row.payload;
  }

  async findBy(field, value) {
    for (const [key, { payload, ends }] of Rows.all) {
      if (key.startsWith(`${this.model}:`) && payload[field] === value && ends > Date.now()) return payload;
    }
    return undefined;
  }

  async findByUid(uid) {
    return this.findBy('uid', uid);
  }

  async findByUserCode(code) {
    return this.findBy('userCode', code);
  }

  async consume(id) {
    const row = Rows.all.get(this.key(id));
    if (row) row.payload.consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    Rows.all.delete(this.key(id));
  }

  async revokeByGrantId(grantId) {
    for (const [key, { payload }] of Rows.all) {
      if (key.startsWith(`${this.model}:`) && payload.grantId === grantId) Rows.all.delete(key);
    }
  }
}

/** A client as the provider wants it: code and refresh by default. */
function client(given) {
  return {
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: given.client_secret ? 'client_secret_basic' : 'none',
    ...given,
  };
}

async function put(given) {
  await new Rows('Client').upsert(given.client_id, client(given));
}

for (const given of options.clients) await put(given);

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

const configuration = {
  adapter: Rows,
  clients: [],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'test' }] },
  cookies: { keys: [randomBytes(32).toString('base64url')] },
  scopes: ['openid', 'offline_access', 'profile', 'email', ...(options.scopes ?? [])],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username'] },
  // A person is whatever name was typed.
  findAccount: (_ctx, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: id, preferred_username: id, email: `${id}@example.com`, email_verified: true }),
  }),
  features: {
    devInteractions: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    clientCredentials: { enabled: true },
  },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  ttl: {
    AccessToken: options.access_ttl,
    ClientCredentials: options.access_ttl,
    AuthorizationCode: 60,
    Grant: 24 * 3600,
    IdToken: 3600,
    Interaction: 600,
    RefreshToken: 24 * 3600,
    Session: 24 * 3600,
  },
};

// --- An assertion in the place of a code. The provider has no such grant, and lets one add it.

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const spent = new Set();

/** RFC 7523, section 3, and nothing loosely: the signature, who and for whom, the times, and each one once. */
function bearer(provider) {
  return async (ctx) => {
    const { client, params } = ctx.oidc;
    Rows.secrets.push(params.assertion);
    let claims;
    try {
      ({ payload: claims } = await jwtVerify(params.assertion, createLocalJWKSet(client.metadata().jwks), {
        algorithms: client.metadata().jwks.keys.map(({ alg }) => alg),
        issuer: client.clientId,
        audience: `${provider.issuer}/token`,
        requiredClaims: ['sub', 'iat', 'exp', 'jti'],
        maxTokenAge: 60,
      }));
    } catch (error) {
      throw new errors.InvalidGrant(`the assertion is not good: ${error.message}`);
    }
    if (spent.has(claims.jti)) throw new errors.InvalidGrant('the assertion was used before');
    spent.add(claims.jti);
    const token = new provider.ClientCredentials({ client, scope: claims.scope });
    ctx.oidc.entity('ClientCredentials', token);
    ctx.body = { access_token: await token.save(), expires_in: token.expiration, token_type: token.tokenType, scope: token.scope };
  };
}

// --- What happened.

const stats = {
  access_tokens: 0, // issued
  codes_exchanged: 0,
  assertions_exchanged: 0,
  refreshed: 0,
  refresh_tokens_consumed: 0,
  refresh_tokens_reused: 0, // presented again after they were presented before, whatever came of it
  reuse_detected: 0, // the provider's own word
  grants_revoked: 0,
  grant_errors: {}, // by error and the provider's own detail
};
const presented = new Set();

/** Every refresh token that comes in is noted, also where two come in together. */
function note(ctx) {
  const { grant_type: type, refresh_token: token } = ctx.oidc?.params ?? {};
  if (type !== 'refresh_token' || !token) return;
  const digest = createHash('sha256').update(token).digest('base64url');
  if (presented.has(digest)) stats.refresh_tokens_reused += 1;
  presented.add(digest);
}

function watch(provider) {
  provider.on('access_token.saved', () => { stats.access_tokens += 1; });
  provider.on('refresh_token.consumed', () => { stats.refresh_tokens_consumed += 1; });
  provider.on('grant.revoked', () => { stats.grants_revoked += 1; });
  provider.on('grant.success', (ctx) => {
    note(ctx);
    const type = ctx.oidc.params.grant_type;
    if (type === 'refresh_token') stats.refreshed += 1;
    if (type === 'authorization_code') stats.codes_exchanged += 1;
    if (type === JWT_BEARER) stats.assertions_exchanged += 1;
  });
  provider.on('grant.error', (ctx, error) => {
    note(ctx);
    const word = `${error.error}: ${error.error_detail ?? error.error_description ?? ''}`;
    stats.grant_errors[word] = (stats.grant_errors[word] ?? 0) + 1;
    if (error.error_detail === 'refresh token already used') stats.reuse_detected += 1;
  });
  provider.on('server_error', (_ctx, error) => console.error(error));
}

// --- Doors of our own.

async function text(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

async function body(request) {
  return JSON.parse(await text(request));
}

/** Answers that repeat what was sent, in turn: as OAuth says it, as a page, and as JSON of another kind. */
const ECHOES = [
  (ctx, sent) => { ctx.status = 400; ctx.body = { error: 'invalid_request', error_description: sent, error_uri: `https://idp.example/?${sent}` }; },
  (ctx, sent) => { ctx.status = 500; ctx.type = 'text/html'; ctx.body = `<html><body>${sent}</body></html>`; },
  (ctx, sent) => { ctx.status = 502; ctx.set('x-debug', encodeURIComponent(sent)); ctx.body = { [sent]: { message: sent } }; },
];
let echoes = 0;
let echoed = 0;

async function echo(ctx) {
  echoes -= 1;
  const sent = `${ctx.get('authorization')} ${decodeURIComponent(await text(ctx.req))}`;
  ECHOES[echoed % ECHOES.length](ctx, sent);
  echoed += 1;
}

/** A client's new keys: the private one as it is pasted into the hub, the public one as the provider takes it. */
function keys(algorithm) {
  const kind = algorithm === 'ES256' ? ['ec', { namedCurve: 'P-256' }] : ['rsa', { modulusLength: 2048 }];
  const pair = generateKeyPairSync(...kind);
  return {
    private_key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    public_key: { ...pair.publicKey.export({ format: 'jwk' }), use: 'sig', alg: algorithm, kid: randomBytes(8).toString('hex') },
  };
}

async function doors(ctx, next) {
  if (ctx.path === '/_stats' && ctx.method === 'GET') {
    ctx.body = stats;
    return;
  }
  if (ctx.path === '/_secrets' && ctx.method === 'GET') {
    ctx.body = [...new Set(Rows.secrets)];
    return;
  }
  if (ctx.path === '/_echo' && ctx.method === 'PUT') {
    echoes = (await body(ctx.req)).times;
    ctx.body = { echoed };
    return;
  }
  if (ctx.path === '/_keys' && ctx.method === 'POST') {
    ctx.body = keys((await body(ctx.req)).algorithm);
    return;
  }
  if (echoes > 0 && ['/token', '/me'].includes(ctx.path)) {
    await echo(ctx);
    return;
  }
  if (ctx.path.startsWith('/_clients/') && ctx.method === 'PUT') {
    await put({ ...(await body(ctx.req)), client_id: decodeURIComponent(ctx.path.slice('/_clients/'.length)) });
    ctx.status = 204;
    return;
  }
  await next();
}

// --- Start. The issuer names the port, so the port comes first.

const { createServer } = await import('node:http');
let handle = (_request, response) => { response.statusCode = 503; response.end(); };
const server = createServer((request, response) => handle(request, response));
server.listen(options.port, HOST, () => {
  const { port } = server.address();
  const issuer = `http://${HOST}:${port}`;
  const provider = new Provider(issuer, configuration);
  watch(provider);
  provider.registerGrantType(JWT_BEARER, bearer(provider), ['assertion']);
  provider.use(doors);
  handle = provider.callback();
  console.log(JSON.stringify({ ready: true, port, issuer }));
});
server.on('error', (error) => {
  console.error(`The OpenID provider can't listen on port ${options.port}: ${error.message}`);
  process.exit(1);
});

process.stdin.on('close', () => process.exit(0));
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
