// @calcom/cal-mcp: each tool is an operation of Cal.com's OpenAPI description, with its schemas: here they become one again.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

export async function calcom(sdks, { openapi, headers }) {
  const { tools } = await import(pathToFileURL(join(sdks, '@calcom/cal-mcp/dist/tools.js')));
  const paths = {};
  const schemas = {};
  for (const { method, url, name, params = [], body, defs = {} } of tools) {
    Object.assign(schemas, defs);
    const path = new URL(url).pathname.replaceAll('%7B', '{').replaceAll('%7D', '}');
    paths[path] = { ...paths[path], [method]: {
      operationId: name,
      parameters: params,
      ...(body && { requestBody: { required: true, content: { 'application/json': { schema: body } } } }),
      responses: { 200: { description: 'done' } },
    } };
  }
  const document = { openapi: '3.0.0', info: { title: 'Cal.com', version: '2' }, paths, components: { schemas } };
  const definition = JSON.parse(JSON.stringify(document).replaceAll('#/$defs/', '#/components/schemas/'));
  return openapi(definition, headers);
}
