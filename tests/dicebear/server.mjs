// The real DiceBear 9.x renderer behind the URL layout of its public HTTP API (SVG only), on a free port of this machine.
// The tests copy this file beside the packages that tests/setup installs. It prints its address when it is ready.
import http from 'node:http';
import { createAvatar, schema as core } from '@dicebear/core';
import * as collection from '@dicebear/collection';

const kebab = (name) => name.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase();
const styles = Object.fromEntries(Object.entries(collection).map(([name, style]) => [kebab(name), style]));

function refuse(message) {
  throw Object.assign(new Error(message), { status: 400 });
}

function scalar(schema, text, place) {
  if (schema.type === 'boolean') return text === 'true' || text === 'false' ? text === 'true' : refuse(`${place} must be boolean`);
  const value = schema.type === 'integer' ? Number(text) : text;
  if (schema.type === 'integer' && !Number.isInteger(value)) refuse(`${place} must be integer`);
  if (value < schema.minimum || value > schema.maximum) refuse(`${place} is out of range`);
  if (schema.pattern && !new RegExp(schema.pattern).test(text)) refuse(`${place} must match pattern "${schema.pattern}"`);
  if (schema.enum && !schema.enum.includes(value)) refuse(`${place} must be equal to one of the allowed values`);
  return value;
}

// As the public service: unknown options are dropped, lists are comma-separated, a comma in a seed is kept.
function options(style, query) {
  const known = { ...core.properties, ...style.schema?.properties };
  const chosen = { seed: query.getAll('seed').join(',') };
  for (const key of new Set(query.keys())) {
    const schema = known[key];
    const values = query.getAll(key).join(',').split(',').filter((value) => value !== '');
    if (key === 'seed' || !schema || values.length === 0) continue;
    chosen[key] = schema.type === 'array'
      ? values.map((value, i) => scalar(schema.items ?? {}, value, `querystring/${key}/${i}`))
      : scalar(schema, values[0], `querystring/${key}`);
  }
  return chosen;
}

const server = http.createServer((request, response) => {
  const send = (status, type, body) => {
    response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'max-age=31536000' });
    response.end(body);
  };
  const url = new URL(request.url, 'http://localhost');
  const [, version, name, format] = url.pathname.split('/');
  const style = version === '9.x' ? styles[name] : undefined;
  if (!style || format !== 'svg' || request.method !== 'GET') {
    return send(404, 'application/json; charset=utf-8', JSON.stringify({ error: 'Not Found', statusCode: 404 }));
  }
  try {
    send(200, 'image/svg+xml', createAvatar(style, options(style, url.searchParams)).toString());
  } catch (error) {
    send(error.status ?? 500, 'application/json; charset=utf-8', JSON.stringify({ message: error.message, statusCode: error.status ?? 500 }));
  }
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}/9.x`));
