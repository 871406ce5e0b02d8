// A stand-in for AWS KMS: Encrypt, Decrypt and DescribeKey of its JSON protocol. Every request's
// signature is computed again with AWS's own signer (npm @smithy/signature-v4) and compared.
//
//   node kms.mjs '{"region": "eu-central-1", "access_key_id": "…", "secret_access_key": "…", "session_token": "…"}'
//
// Prints one line when it listens: {"ready":true,"port":…}. See key-service.mjs for its controls, and:
//   PUT /_keys {"alias/name": {"arn": "…", "state": "Enabled", "usage": "ENCRYPT_DECRYPT", "spec": "SYMMETRIC_DEFAULT"}}
//   PUT /_deny ["Encrypt"]   the credentials may not do this any more

import { createCipheriv, createDecipheriv, randomBytes, timingSafeEqual } from 'node:crypto';
import { Sha256 } from '@aws-crypto/sha256-js';
import { HttpRequest } from '@smithy/protocol-http';
import { SignatureV4 } from '@smithy/signature-v4';
import { serve } from './key-service.mjs';

const options = JSON.parse(process.argv[2]);

/** Every signature has to cover these. */
const COVERED = ['content-type', 'host', 'x-amz-date', 'x-amz-target'];
const SKEW = 5 * 60 * 1000;

class Refusal extends Error {
  constructor(type, message, status = 400) {
    super(message);
    this.answer = { status, body: { __type: type, message } };
  }
}

// --- Signatures.

const signer = new SignatureV4({
  service: 'kms',
  region: options.region,
  credentials: {
    accessKeyId: options.access_key_id,
    secretAccessKey: options.secret_access_key,
    sessionToken: options.session_token,
  },
  sha256: Sha256,
  applyChecksum: false,
});

function parse(authorization = '') {
  const form = /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/kms\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/;
  const found = form.exec(authorization);
  if (!found) throw new Refusal('IncompleteSignatureException', 'The Authorization header is not one of version 4.');
  const [, key, day, region, signed, signature] = found;
  return { key, day, region, signed: signed.split(';'), signature };
}

function date(text = '') {
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (!found) throw new Refusal('IncompleteSignatureException', 'There is no X-Amz-Date.');
  const [, year, month, day, hour, minute, second] = found.map(Number);
  return new Date(Date.UTC(year, month - 1, day, hour, minute, second));
}

async function verify({ method, path, headers, body }) {
  const said = parse(headers.authorization);
  if (said.key !== options.access_key_id) {
    throw new Refusal('UnrecognizedClientException', 'The security token included in the request is invalid.');
  }
  if (options.session_token && headers['x-amz-security-token'] !== options.session_token) {
    throw new Refusal('UnrecognizedClientException', 'The security token included in the request is invalid.');
  }
  const when = date(headers['x-amz-date']);
  const wrong = (message) => new Refusal('InvalidSignatureException', message);
  if (said.region !== options.region) throw wrong('Credential should be scoped to a valid region.');
  if (!headers['x-amz-date'].startsWith(said.day)) throw wrong('The scope has another day than X-Amz-Date.');
  if (Math.abs(Date.now() - when) > SKEW) throw wrong('Signature expired.');
  const needed = options.session_token ? [...COVERED, 'x-amz-security-token'] : COVERED;
  const missing = needed.find((name) => !said.signed.includes(name));
  if (missing) throw wrong(`The signature does not cover ${missing}.`);

  const [hostname, port] = headers.host.split(':');
  const again = await signer.sign(new HttpRequest({
    method,
    protocol: 'http:',
    hostname,
    port: Number(port),
    path,
    headers: Object.fromEntries(said.signed.map((name) => [name, headers[name]])),
    body: body.toString('utf8'),
  }), { signingDate: when });
  const expected = parse(again.headers.authorization);
  const same = timingSafeEqual(Buffer.from(expected.signature), Buffer.from(said.signature));
  if (!same || expected.signed.join() !== said.signed.join()) {
    throw wrong('The request signature we calculated does not match the signature you provided.');
  }
}

// --- Keys. A blob is: index of the key, nonce, tag, ciphertext.

let names = {};
const material = new Map(); // ARN -> key
let denied = [];

function find(name) {
  const key = names[name] ?? Object.values(names).find((it) => it.arn === name || it.arn.endsWith(`:key/${name}`));
  if (!key) throw new Refusal('NotFoundException', `Invalid keyId '${name}'`);
  if (!material.has(key.arn)) material.set(key.arn, randomBytes(32));
  return key;
}

function usable(name) {
  const key = find(name);
  if (key.state === 'Disabled') throw new Refusal('DisabledException', `${key.arn} is disabled.`);
  if (key.state !== 'Enabled') throw new Refusal('KMSInvalidStateException', `${key.arn} is ${key.state}.`);
  if (key.usage !== 'ENCRYPT_DECRYPT') throw new Refusal('InvalidKeyUsageException', `${key.arn} is not for this.`);
  return key;
}

const aad = (context = {}) => Buffer.from(JSON.stringify(Object.entries(context).sort()));

const actions = {
  DescribeKey({ KeyId }) {
    const key = find(KeyId);
    return {
      KeyMetadata: {
        Arn: key.arn,
        KeyId: key.arn.split('/').pop(),
        KeyState: key.state,
        Enabled: key.state === 'Enabled',
        KeyUsage: key.usage,
        KeySpec: key.spec,
      },
    };
  },

  Encrypt({ KeyId, Plaintext, EncryptionContext }) {
    const { arn } = usable(KeyId);
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', material.get(arn), nonce).setAAD(aad(EncryptionContext));
    const sealed = Buffer.concat([cipher.update(Buffer.from(Plaintext, 'base64')), cipher.final()]);
    const blob = Buffer.concat([Buffer.from([[...material.keys()].indexOf(arn)]), nonce, cipher.getAuthTag(), sealed]);
    return { KeyId: arn, CiphertextBlob: blob.toString('base64'), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
  },

  Decrypt({ KeyId, CiphertextBlob, EncryptionContext }) {
    const { arn } = usable(KeyId);
    const blob = Buffer.from(CiphertextBlob, 'base64');
    if ([...material.keys()].indexOf(arn) !== blob[0]) {
      throw new Refusal('IncorrectKeyException', 'The key ID in the request does not identify the CMK that was used.');
    }
    try {
      const decipher = createDecipheriv('aes-256-gcm', material.get(arn), blob.subarray(1, 13))
        .setAAD(aad(EncryptionContext))
        .setAuthTag(blob.subarray(13, 29));
      const plain = Buffer.concat([decipher.update(blob.subarray(29)), decipher.final()]);
      return { KeyId: arn, Plaintext: plain.toString('base64'), EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' };
    } catch {
      throw new Refusal('InvalidCiphertextException');
    }
  },
};

const action = ({ headers }) => (headers['x-amz-target'] ?? '').replace(/^TrentService\./, '');

async function answer(request) {
  try {
    await verify(request);
    const name = action(request);
    if (request.method !== 'POST' || request.path !== '/' || !actions[name]) {
      throw new Refusal('UnknownOperationException');
    }
    if (denied.includes(name)) {
      throw new Refusal('AccessDeniedException', `User: arn:aws:iam::111122223333:user/hub is not authorized to perform: kms:${name}`);
    }
    return { body: actions[name](JSON.parse(request.body)) };
  } catch (error) {
    if (error instanceof Refusal) return error.answer;
    throw error;
  }
}

serve({
  answer,
  seen: action,
  doors: {
    'PUT /_keys': (given) => { names = given; },
    'PUT /_deny': (given) => { denied = given; },
  },
});
