// The chat of examples/chat in two real browsers, with the server killed in between: each sees who
// is there, and every message once.
//
// PROGRAM in the environment is the `strandline` to test; CHAT is the page.
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
let directory, server, port, secret, pages;
const browsers = [];

async function serve() {
  server = spawn(program, [
    'serve', '--data', join(directory, 'data'), '--listen', `127.0.0.1:${port ?? 0}`,
    '--cors-origins', pages.origin, '--live-grace', '500ms',
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

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strandline-chat-'));
  const html = await readFile(process.env.CHAT);
  pages = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end(html);
  });
  pages.listen(0, '127.0.0.1');
  await once(pages, 'listening');
  pages.origin = `http://127.0.0.1:${pages.address().port}`;
  await serve();
  secret = JSON.parse(execFileSync(program, ['keys', 'create', 'admin', '--grant', 'admin',
    '--json', '--server', `http://127.0.0.1:${port}`], { encoding: 'utf8' })).secret;
});
after(async () => {
  for (const browser of browsers) await browser.stop();
  pages.close();
  await kill();
  await rm(directory, { recursive: true, force: true });
});

async function open(user) {
  const made = await fetch(`http://127.0.0.1:${port}/v1/tickets`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ user, ttl_s: 3600,
      grants: 'subscribe,presence,publish:presence-lobby' }),
  });
  const { ticket } = await made.json();
  const browser = await Browser.start(join(directory, user));
  browsers.push(browser);
  await browser.open(`${pages.origin}/#server=http://127.0.0.1:${port}&ticket=${ticket}`);
  return browser;
}

// Waits in the page until a function of it is true.
const until = (browser, holds, ...args) => browser.run(`async (...args) => {
  while (!(${holds})(...args)) await new Promise((resolve) => setTimeout(resolve, 20));
}`, ...args);
const messages = (browser) => browser.run(
  `async () => [...document.querySelectorAll('#messages li')].map((line) => line.textContent)`);
const say = (browser, text) => browser.run(`async (text) => say(text)`, text);

test('two browsers chat over a kill -9, and miss nothing', async () => {
  const ann = await open('ann'), bob = await open('bob');
  const both = '() => document.getElementById("here").textContent === "ann, bob"';
  await until(ann, both);
  await until(bob, both);
  await say(ann, 'one');
  await say(bob, 'two');
  const count = '(n) => document.querySelectorAll("#messages li").length >= n';
  await until(ann, count, 2);
  await until(bob, count, 2);
  await kill();
  await say(ann, 'three');  // while nobody hears it
  await serve();
  await until(ann, count, 3);
  await say(bob, 'four');
  for (const browser of [ann, bob]) {
    await until(browser, count, 4);
    await until(browser, both);
  }
  const heard = await messages(ann);
  assert.deepEqual([...heard].sort(), ['annone', 'annthree', 'bobfour', 'bobtwo']);
  assert.deepEqual(await messages(bob), heard);
});
