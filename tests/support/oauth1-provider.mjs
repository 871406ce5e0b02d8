// A strict provider of OAuth 1.0a (RFC 5849), for the black-box tests. No living one is to be had from npm, so it is
// ours; it shares nothing with the hub, and verifies signatures with Node's own crypto.
//
//   node oauth1-provider.mjs '{"client_id": "…", "client_secret": "…"}'
//
// Prints one line when it listens: {"ready":true,"port":…}. Ends when its standard input closes, so that it dies with
// the test that started it.
//
// /request_token, /authorize, /access_token; /api/me, /api/notes (GET, and POST of a form), /api/secret. GET /_stats
// tells what was refused and why; GET /_secrets lists every token, secret and verifier that was ever given out.
// POST /_revoke ends every token.

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const HOST = '127.0.0.1';
const options = { client_id: 'client', client_secret: 'secret', ...JSON.parse(process.argv[2] ?? '{}') };

const nonces = new Set();
const temporary = new Map();
const tokens = new Map();
const secrets = [];
const stats = { accepted: [], refused: [], exchanged: 0 };
const notes = [];

/** Something hard to guess, with characters that an encoding can get wrong. */
const random = (kind) => {
  const text = `${kind}/${randomBytes(18).toString('base64')}`;
  secrets.push(text);
  return text;
};

class Refused extends Error {
  constructor(why, problem = 'signature_invalid') {
    super(why);
    this.problem = problem;
  }
}

const must = (holds, why, problem) => {
  if (!holds) throw new Refused(why, problem);
};

/** RFC 5849, section 3.6. */
const encode = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** What stands in the header; a name that is there twice is refused. */
const said = (request) => {
  const header = request.headers.authorization ?? '';
  must(header.startsWith('OAuth '), 'no OAuth header', 'parameter_absent');
  const found = new Map();
  for (const part of header.slice(6).split(',')) {
    const match = /^\s*([^=\s]+)="([^"]*)"\s*$/.exec(part);
    must(match, 'a part of the header can not be read');
    const name = decodeURIComponent(match[1]);
    must(!found.has(name), `${name} is there twice`);
    found.set(name, decodeURIComponent(match[2]));
  }
  return found;
};

/** Verifies a request (section 3.2); `owner` is whose token it must name, or null before there is one. */
const verify = (request, url, body, found, owner) => {
  must(found.get('oauth_consumer_key') === options.client_id, 'another client', 'consumer_key_unknown');
  must(found.get('oauth_signature_method') === 'HMAC-SHA1', 'another way to sign', 'signature_method_rejected');
  must((found.get('oauth_version') ?? '1.0') === '1.0', 'another version', 'version_rejected');
  const at = Number(found.get('oauth_timestamp'));
  must(Number.isInteger(at) && Math.abs(at - Date.now() / 1000) < 300, 'another time', 'timestamp_refused');
  const nonce = found.get('oauth_nonce') ?? '';
  must(nonce.length >= 8 && !nonces.has(nonce), 'a nonce was used again', 'nonce_used');
  const form = (request.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded');
  const all = [...url.searchParams, ...(form ? new URLSearchParams(body) : [])];
  must(!all.some(([name]) => name.startsWith('oauth_')), 'OAuth stands in the URL or the body');
  for (const [name, value] of found) if (name !== 'oauth_signature' && name !== 'realm') all.push([name, value]);
  const byBytes = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const lines = all.map(([name, value]) => [encode(name), encode(value)]);
  lines.sort((a, b) => byBytes(a[0], b[0]) || byBytes(a[1], b[1]));
  const place = `http://${request.headers.host}${url.pathname}`;
  const text = [request.method, place, lines.map((line) => line.join('=')).join('&')].map(encode).join('&');
  const key = `${encode(options.client_secret)}&${encode(owner?.secret ?? '')}`;
  const wanted = createHmac('sha1', key).update(text).digest();
  const given = Buffer.from(found.get('oauth_signature') ?? '', 'base64');
  must(given.length === wanted.length && timingSafeEqual(given, wanted), 'a wrong signature');
  // Only now: a request that is none uses nothing up.
  nonces.add(nonce);
};

const pair = (fields) => [200, 'text/html; charset=utf-8', new URLSearchParams(fields).toString()];
const json = (value) => [200, 'application/json', JSON.stringify(value)];

const requestToken = (request, url, body) => {
  const found = said(request);
  must(!found.has('oauth_token'), 'a token where there is none yet');
  const callback = found.get('oauth_callback') ?? '';
  must(URL.canParse(callback), 'no callback', 'parameter_absent');
  verify(request, url, body, found, null);
  const token = random('tmp');
  const secret = random('tmp-secret');
  temporary.set(token, { secret, callback });
  return pair({ oauth_token: token, oauth_token_secret: secret, oauth_callback_confirmed: 'true' });
};

const page = (url) => {
  const token = url.searchParams.get('oauth_token') ?? '';
  must(temporary.has(token), 'nobody asked for this');
  const field = `<input type="hidden" name="oauth_token" value="${token.replaceAll('"', '&quot;')}">`;
  const login = '<input type="text" name="login" value="">';
  return [200, 'text/html; charset=utf-8', `<!doctype html><html><body>
<form method="post" action="/allow">${field}${login}<button type="submit">Allow</button></form>
<form method="post" action="/deny">${field}<button type="submit">Deny</button></form></body></html>`];
};

/** Sends the browser back. What stands in the callback's query stays there. */
const back = (row, more) => {
  const url = new URL(row.callback);
  for (const [name, value] of Object.entries(more)) url.searchParams.append(name, value);
  return [303, 'text/plain', '', { location: url.href }];
};

const allow = (body) => {
  const fields = new URLSearchParams(body);
  const token = fields.get('oauth_token');
  const row = temporary.get(token);
  must(row, 'nobody asked for this');
  row.user = fields.get('login') || 'ana';
  row.verifier = random('verifier');
  return back(row, { oauth_token: token, oauth_verifier: row.verifier });
};

const deny = (body) => {
  const token = new URLSearchParams(body).get('oauth_token');
  const row = temporary.get(token);
  must(row, 'nobody asked for this');
  temporary.delete(token);
  return back(row, { denied: token });
};

const accessToken = (request, url, body) => {
  const found = said(request);
  const row = temporary.get(found.get('oauth_token'));
  must(row, 'a token that is over', 'token_rejected');
  verify(request, url, body, found, row);
  must(row.verifier && found.get('oauth_verifier') === row.verifier, 'a wrong verifier', 'verifier_invalid');
  temporary.delete(found.get('oauth_token'));
  const token = random('token');
  const secret = random('token-secret');
  tokens.set(token, { secret, user: row.user });
  stats.exchanged += 1;
  return pair({ oauth_token: token, oauth_token_secret: secret, user_id: row.user });
};

const api = (request, url, body) => {
  const found = said(request);
  const row = tokens.get(found.get('oauth_token'));
  must(row, 'a token that is over', 'token_revoked');
  verify(request, url, body, found, row);
  stats.accepted.push(`${request.method} ${url.pathname}`);
  if (url.pathname === '/api/me') return json({ id: row.user, name: `${row.user} of the notes` });
  if (request.method === 'POST') notes.push(new URLSearchParams(body).get('text'));
  return json({ notes, user: row.user });
};

const answer = (request, url, body) => {
  switch (url.pathname) {
    case '/request_token':
      return requestToken(request, url, body);
    case '/authorize':
      return page(url);
    case '/allow':
      return allow(body);
    case '/deny':
      return deny(body);
    case '/access_token':
      return accessToken(request, url, body);
    case '/_stats':
      return json(stats);
    case '/_secrets':
      return json(secrets);
    case '/_revoke':
      tokens.clear();
      return json({});
    default:
      return api(request, url, body);
  }
};

const server = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    const url = new URL(request.url, `http://${request.headers.host}`);
    try {
      const [status, type, text, more] = answer(request, url, Buffer.concat(parts).toString());
      response.writeHead(status, { 'content-type': type, ...more }).end(text);
    } catch (error) {
      if (!(error instanceof Refused)) console.error(error);
      stats.refused.push(`${request.method} ${url.pathname}: ${error.message}`);
      const header = { 'www-authenticate': `OAuth oauth_problem="${error.problem ?? 'unknown'}"` };
      response.writeHead(401, { 'content-type': 'application/json', ...header }).end(JSON.stringify({ error: 'refused' }));
    }
  });
});

server.listen(0, HOST, () => {
  console.log(JSON.stringify({ ready: true, port: server.address().port }));
});
process.stdin.on('end', () => process.exit(0)).resume();
