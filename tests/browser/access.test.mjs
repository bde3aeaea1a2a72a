// What a page in a real browser may do: one of an allowed origin reads, follows and changes with a
// token, and resumes over a kill -9 of the server; one of another origin does and learns nothing.
//
// PROGRAM in the environment is the `strandline` to test.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

import { Browser } from './driver.mjs';

const program = process.env.PROGRAM;
let directory, server, port, url, secret, browser, allowed, other;

// A site of its own: an empty page, on a port of its own, which makes it another origin.
async function site() {
  const pages = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<!doctype html><title>page</title>');
  });
  pages.listen(0, '127.0.0.1');
  await once(pages, 'listening');
  pages.origin = `http://127.0.0.1:${pages.address().port}`;
  return pages;
}

async function serve() {
  server = spawn(program, [
    'serve', '--data', join(directory, 'data'), '--listen', `127.0.0.1:${port ?? 0}`,
    '--cors-origins', allowed.origin,
  ], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: server.stdout })) {
    port = line.match(/listening on http:\/\/127\.0\.0\.1:(\d+)/)?.[1];
    if (port) break;
  }
  assert.ok(port, 'the server ended');
  server.stdout.resume();
  url = `http://127.0.0.1:${port}`;
}

async function kill() {
  const ended = once(server, 'exit');
  server.kill('SIGKILL');
  await ended;
}

// From outside of any browser.
async function ask(method, path, body) {
  const response = await fetch(url + path, {
    method, body: body && JSON.stringify(body),
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
  return response.json();
}
const append = (n) => ask('POST', '/v1/streams/s/events', { type: 't', data: n });
const count = async () => (await append('count')).first;  // of what came before
const ticket = async () =>
  (await ask('POST', '/v1/tickets', { grants: 'read:s', ttl_s: 300 })).ticket;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strandline-browser-'));
  [allowed, other] = [await site(), await site()];
  const file = join(directory, 'secret');
  execFileSync(program, ['keys', 'create', 'admin', '--grant', 'admin', '--grant', 'read,append:*',
    '--data', join(directory, 'data'), '--secret-file', file], { stdio: 'ignore' });
  secret = (await readFile(file, 'utf8')).trim();
  await serve();
  browser = await Browser.start(join(directory, 'profile'));
});
after(async () => {
  await browser?.stop();
  if (server && server.exitCode === null) await kill();
  allowed?.close();
  other?.close();
  await rm(directory, { recursive: true, force: true });
});

// What a page gets of a request: its status, or that the browser kept it from the page.
const request = `async (url, init) => {
  try {
    const response = await fetch(url, init);
    return { status: response.status, body: await response.text() };
  } catch (error) {
    return { kept: error.name };
  }
}`;

test('a page of an allowed origin appends and reads with a token, and not without', async () => {
  await browser.open(allowed.origin);
  const before = await count();
  const path = `${url}/v1/streams/s/events`;
  const event = { method: 'POST', body: '{"type":"page","data":1}' };
  const token = { authorization: `Bearer ${secret}` };
  const taken = await browser.run(request, path,
    { ...event, headers: { ...token, 'content-type': 'application/json' } });
  assert.equal(taken.status, 201, JSON.stringify(taken));
  const read = await browser.run(request, path, { headers: token });
  assert.equal(read.status, 200);
  assert.match(read.body, /"type":"page"/);
  const next = await count();
  assert.equal(next, before + 2);  // the count's own event, and the page's
  // Nothing that the browser would add by itself lets a page change something.
  for (const init of [event, { ...event, credentials: 'include' },
    { ...event, headers: { authorization: `Basic ${btoa('x:' + secret)}` } }]) {
    const refused = await browser.run(request, path, init);
    assert.ok([401, 403].includes(refused.status) || refused.kept, JSON.stringify(refused));
  }
  assert.equal(await count(), next + 1);
});

test('a page of another origin does and learns nothing', async () => {
  const next = await count();
  await browser.open(other.origin);
  const path = `${url}/v1/streams/s/events`;
  const token = { authorization: `Bearer ${secret}` };
  const simple = { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}' };
  for (const init of [{}, { headers: token }, simple, { ...simple, mode: 'no-cors' },
    { ...simple, headers: { ...token, 'content-type': 'application/json' } }]) {
    const outcome = await browser.run(request, path, init);
    // Of a no-cors request a page gets an opaque answer, which says nothing.
    assert.ok(outcome.kept || outcome.status === 0, JSON.stringify(outcome));
  }
  const followed = await browser.run(`(url) => new Promise((done) => {
    const source = new EventSource(url);
    source.onmessage = () => done('a message');
    source.addEventListener('t', () => done('an event'));
    source.onerror = () => { source.close(); done('an error'); };
  })`, `${path}?from=earliest&ticket=${await ticket()}`);
  assert.equal(followed, 'an error');
  assert.equal(await count(), next + 1);
});

test('EventSource follows with a ticket, and resumes when the server was killed', async () => {
  await browser.open(allowed.origin);
  const first = await count() + 1;
  await browser.run(`(url) => new Promise((done, fail) => {
    window.seen = [];
    window.source = new EventSource(url);
    window.source.addEventListener('t', (event) => window.seen.push(JSON.parse(event.data)));
    window.source.onopen = () => done();
    setTimeout(() => fail(new Error('not open')), 10_000);
  })`, `${url}/v1/streams/s/events?from=${first}&follow=true&ticket=${await ticket()}`);
  const seen = async (n) => browser.run(`(n) => new Promise((done) => {
    const look = () => window.seen.length >= n ? done(window.seen) : setTimeout(look, 20);
    look();
  })`, n);
  for (let n = 0; n < 20; n++) await append(n);
  await seen(20);
  await kill();
  await serve();
  for (let n = 20; n < 40; n++) await append(n);
  const events = await seen(40);
  const numbers = events.map((event) => event.data ?? event);
  assert.deepEqual(numbers, [...Array(40).keys()]);
  await browser.run('() => window.source.close()');
});
