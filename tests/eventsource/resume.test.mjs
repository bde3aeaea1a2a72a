// Followers that were not written by us survive a kill -9 and a restart of the server: Node's
// `eventsource`, which resumes by itself, and curl, given the last id it printed.
//
// PROGRAM in the environment is the `strandline` to test.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const running = new Set();

// A child whose lines are read one by one.
function start(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  child.ended = once(child, 'exit').then(([code, signal]) => {
    running.delete(child);
    return signal ?? code;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  child.line = async () => (await lines.next()).value;
  return child;
}

async function kill(child) {
  child.kill('SIGKILL');
  await child.ended;
}

let directory, server, port, url;

async function serve() {
  server = start(process.env.PROGRAM, [
    'serve', '--data', join(directory, 'data'), '--listen', `127.0.0.1:${port ?? 0}`,
  ]);
  for (;;) {
    const line = await server.line();
    assert.notEqual(line, undefined, 'the server ended');
    const found = line.match(/listening on http:\/\/127\.0\.0\.1:(\d+)/);
    if (!found) continue;
    port = found[1];
    url = `http://127.0.0.1:${port}/v1/streams/s/events`;
    return;
  }
}

async function append(from, to) {
  for (let i = from; i < to; i++) {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ type: i % 2 ? 'odd' : 'even', data: { n: i, text: 'two\nlines' } }),
    });
    assert.equal(response.status, 201);
    assert.equal((await response.json()).first, i);
  }
}

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strandline-eventsource-'));
});
beforeEach(async () => {
  await Promise.all([...running].map(kill));
  await rm(join(directory, 'data'), { recursive: true, force: true });
  port = undefined;
  await serve();
});
after(async () => {
  await Promise.all([...running].map(kill));
  await rm(directory, { recursive: true, force: true });
});

async function expectIds(follower, from, to) {
  for (let i = from; i < to; ) {
    const line = await follower.line();
    assert.notEqual(line, undefined, 'the follower ended');
    if (line === 'open') continue;
    assert.equal(line, `${i % 2 ? 'odd' : 'even'} ${i} ${i}`);
    i++;
  }
}

test('EventSource resumes over a kill -9 and a restart', async () => {
  await append(0, 20);
  const follower = start(process.execPath, [join(here, 'follow.mjs'), url, '60']);
  await expectIds(follower, 0, 20);
  await kill(server);
  await serve();
  await append(20, 40);
  await expectIds(follower, 20, 40);
  await kill(server);
  await serve();
  await append(40, 60);
  await expectIds(follower, 40, 60);
  assert.equal(await follower.ended, 0);
});

test('EventSource is told of a gap and goes on after it', async () => {
  await append(0, 10);
  const response = await fetch(`http://127.0.0.1:${port}/v1/streams/s/truncate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ before: 6 }),
  });
  assert.equal(response.status, 200);
  const follower = start(process.execPath, [
    join(here, 'follow.mjs'), `${url}?from=2`, '5',
  ]);
  let line = await follower.line();
  while (line === 'open') line = await follower.line();
  assert.match(line, /^strandline\.gap 5 /);
  await expectIds(follower, 6, 10);
});

test('curl resumes by Last-Event-ID over a kill -9 and a restart', async () => {
  await append(0, 20);
  let last;
  let due = 0;
  const read = async (until) => {
    const headers = ['-H', 'Accept: text/event-stream'];
    if (last !== undefined) headers.push('-H', `Last-Event-ID: ${last}`);
    const curl = start('curl', ['-sN', ...headers, url]);
    while (due < until) {
      const line = await curl.line();
      assert.notEqual(line, undefined, 'curl ended');
      if (line.startsWith('id: ')) last = line.slice(4);
      if (!line.startsWith('data: ')) continue;
      const event = JSON.parse(line.slice(6));
      assert.equal(event.offset, due);
      assert.equal(event.data.n, due);
      assert.equal(String(due), last);
      due++;
    }
    return curl;
  };
  const curl = await read(13);
  await kill(server);
  assert.notEqual(await curl.ended, 0);
  await serve();
  await append(20, 30);
  await read(30);
});
