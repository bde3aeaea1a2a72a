// The SSE service's API with an EventSource that was not written by us: onmessage alone, over a
// kill -9 and a restart of the server.
//
// PROGRAM in the environment is the `strandline` to test.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

import { EventSource } from 'eventsource';

let directory, server, port, source;

async function serve(...flags) {
  server = spawn(process.env.PROGRAM, [
    'serve', '--data', join(directory, 'data'), '--listen', `127.0.0.1:${port ?? 0}`, ...flags,
  ], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: server.stdout })) {
    port = line.match(/listening on http:\/\/127\.0\.0\.1:(\d+)/)?.[1];
    if (port) break;
  }
  assert.ok(port, 'the server ended');
  server.stdout.resume();
}

async function kill() {
  const ended = once(server, 'exit');
  server.kill('SIGKILL');
  await ended;
}

const url = (path) => `http://127.0.0.1:${port}${path}`;

async function post(path, body) {
  const response = await fetch(url(path), {
    method: 'POST', body: body && JSON.stringify(body),
    headers: body ? { 'content-type': 'application/json' } : {},
  });
  const answer = await response.json();
  assert.equal(response.status, 200, JSON.stringify(answer));
  assert.equal(answer.success, true);
  return answer;
}

// What onmessage is given, one by one.
function messages(path) {
  const waiting = [], come = [];
  source = new EventSource(url(path));
  source.onmessage = (message) => {
    const event = { ...JSON.parse(message.data), lastEventId: message.lastEventId };
    const next = waiting.shift();
    next ? next(event) : come.push(event);
  };
  return async () => come.length ? come.shift() : new Promise((next) => waiting.push(next));
}

// The next one that is no word of the service about the connection.
async function real(next) {
  for (;;) {
    const event = await next();
    if (event.type !== 'connection') return event;
  }
}

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strandline-service-'));
  await serve();
});
after(async () => {
  source?.close();
  await kill();
  await rm(directory, { recursive: true, force: true });
});

test('onmessage sees every event once, over a kill -9 and a restart', async () => {
  const next = messages('/api/v1/events/stream/news');
  assert.equal((await next()).type, 'connection');
  const tell = (n) => post('/api/v1/events/broadcast', {
    stream_id: 'news', type: `kind-${n % 3}`, message: `number ${n}`, data: { n },
  });
  for (let n = 0; n < 5; n++) await tell(n);
  for (let n = 0; n < 5; n++) {
    const event = await real(next);
    assert.deepEqual([event.message, event.data.n, event.lastEventId, event.stream_id],
      [`number ${n}`, n, String(n), 'news']);
  }
  await kill();
  await serve();
  for (let n = 5; n < 10; n++) await tell(n);
  for (let n = 5; n < 10; n++) assert.equal((await real(next)).data.n, n);
  source.close();
});

test('a generator goes on over a kill -9, and is paused and resumed', async () => {
  const next = messages('/api/v1/events/stream/user-activity');
  await next();
  await post('/api/v1/events/stream/user-activity/start');
  assert.equal((await real(next)).type, 'stream_started');
  assert.match((await real(next)).type, /^user_/);
  const before = await real(next);
  await kill();
  await serve();
  const first = await real(next);
  assert.equal(Number(first.lastEventId), Number(before.lastEventId) + 1);
  assert.match(first.type, /^user_/);
  await post('/api/v1/events/stream/user-activity/pause');
  const streams = await (await fetch(url('/api/v1/events/streams'))).json();
  assert.deepEqual(streams.data['user-activity'].generator, { running: true, paused: true });
  assert.equal(streams.data['user-activity'].clients, 1);
  source.close();
});

test('names=off gives onmessage what /v1 follows', async () => {
  const response = await fetch(url('/v1/streams/named/events'), {
    method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"type":"a.b"}',
  });
  assert.equal(response.status, 201);
  const next = messages('/v1/streams/named/events?names=off');
  assert.equal((await next()).type, 'a.b');
  source.close();
});
