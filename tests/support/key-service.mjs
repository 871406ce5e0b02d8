// What the stand-ins for key services share: listening, scripted faults, and dying with the test.
//
// PUT /_next takes a list of answers that the next requests get in place of real ones:
//   [{"status": 503, "body": {…}}, {"delay_ms": 1000}, {"body": "no JSON"}, {"cut": true}]
// GET /_seen lists what was asked, in order.

import { createServer } from 'node:http';

const HOST = '127.0.0.1';

async function read(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts);
}

/**
 * Serves until standard input closes. `answer` gets {method, path, headers, body} and gives
 * {status, body}; `doors` are the stand-in's own controls by "METHOD /path". `seen` says how a request
 * is listed.
 */
export function serve({ answer, doors = {}, seen = ({ method, path }) => `${method} ${path}` }) {
  const asked = [];
  let next = [];
  const all = {
    ...doors,
    'PUT /_next': (body) => { next = body; },
    'GET /_seen': () => asked,
  };

  async function respond(request) {
    const body = await read(request);
    const { method, url: path, headers } = request;
    const door = all[`${method} ${path}`];
    if (door) return { body: door(body.length ? JSON.parse(body) : undefined) ?? {} };
    asked.push(seen({ method, path, headers, body }));
    const scripted = next.shift();
    if (scripted?.delay_ms) await new Promise((done) => setTimeout(done, scripted.delay_ms));
    if (scripted && (scripted.status || scripted.body || scripted.cut)) return scripted;
    return answer({ method, path, headers, body });
  }

  const server = createServer((request, response) => {
    respond(request)
      .catch((error) => {
        console.error(error);
        return { status: 500, body: { errors: [String(error)] } };
      })
      .then(({ status = 200, body, headers = {}, cut = false }) => {
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        if (cut) return response.write('{', () => response.destroy());
        response.end(typeof body === 'string' ? body : JSON.stringify(body));
      });
  });
  server.listen(0, HOST, () => console.log(JSON.stringify({ ready: true, port: server.address().port })));
  server.on('error', (error) => {
    console.error(`The stand-in can't listen: ${error.message}`);
    process.exit(1);
  });
  process.stdin.on('close', () => process.exit(0));
  process.stdin.on('end', () => process.exit(0));
  process.stdin.resume();
}
