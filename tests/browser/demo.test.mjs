// The demo's pages in real browsers: the dashboard shows what generators make, and goes on after a
// kill -9 of the server; two people write one document.
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

import { Browser } from './driver.mjs';

let directory, server, port, url;
const browsers = [];

async function serve() {
  server = spawn(process.env.PROGRAM, [
    'serve', '--demo', '--data', join(directory, 'data'), '--listen', `127.0.0.1:${port ?? 0}`,
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

async function browser(name) {
  const one = await Browser.start(join(directory, name));
  browsers.push(one);
  return one;
}

// Until the page says so.
const until = (page, condition, ...args) => page.run(`async (...args) => {
  while (!(${condition})(...args)) await new Promise((next) => requestAnimationFrame(next));
  return true;
}`, ...args);

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'strandline-demo-'));
  await serve();
});
after(async () => {
  for (const one of browsers) await one.stop();
  await kill();
  await rm(directory, { recursive: true, force: true });
});

test('the dashboard shows the generators, over a kill -9', async () => {
  const page = await browser('one');
  await page.open(url + '/demo/dashboard');
  const counted = `(least) => [...document.querySelectorAll('section output')].slice(0, 3)
    .every((one) => Number(one.textContent) >= least)`;
  await until(page, counted, 2);
  const before = await page.run(`() =>
    Number(document.querySelector('section output').textContent)`);
  await kill();
  await serve();
  await until(page, counted, before + 2);
  await page.run(`() =>
    document.querySelector('[data-stream=system] button:nth-of-type(2)').click()`);
  await until(page, `() => [...document.querySelectorAll('[data-stream=system] li')]
    .some((line) => line.textContent.includes('is paused'))`);
});

test('two people write one document, and see what the other writes', async () => {
  const one = browsers[0] ?? await browser('one'), other = await browser('two');
  for (const page of [one, other]) {
    await page.open(url + '/demo/document');
    await until(page, `() => document.getElementById('state').textContent === 'connected'`);
  }
  const write = (page, text) => page.run(`(text) => {
    document.getElementById('add').click();
    const paragraph = document.getElementById('paragraphs').lastElementChild;
    paragraph.textContent = text;
    paragraph.oninput();
  }`, text);
  const shows = `(texts) => JSON.stringify([...document.querySelectorAll('#paragraphs p')]
    .map((one) => one.textContent)) === JSON.stringify(texts)`;
  await write(one, 'First');
  await until(other, shows, ['First']);
  await write(other, 'Second');
  await until(one, shows, ['First', 'Second']);
  await kill();
  await serve();
  await write(one, 'Third');
  await until(other, shows, ['First', 'Second', 'Third']);
});
