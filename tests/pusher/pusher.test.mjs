// Clients that others wrote, unmodified: pusher-js, laravel-echo and the server library pusher,
// over Pusher's protocol; npm's ws and Node's own WebSocket, over Strandline's. With the server
// killed and restarted in between: nothing lost, nothing twice, presence right.
//
// PROGRAM in the environment is the `strandline` to test.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, test } from 'node:test';

import Echo from 'laravel-echo';

import { resume } from './resume.mjs';

const require = createRequire(import.meta.url);
const PusherServer = require('pusher');
const PusherClient = require('pusher-js');
const { WebSocket: WsSocket } = require('ws');

const program = process.env.PROGRAM;
const appSecret = 'the-secret-of-the-application';
const masterKey = Buffer.alloc(32, 7).toString('base64');
let directory, server, port, secret, backend;
const clients = [];

async function serve() {
  server = spawn(program, [
    'serve', '--data', join(directory, 'data'), '--listen', `127.0.0.1:${port ?? 0}`,
    '--live-secret-file', join(directory, 'secret'), '--live-app-id', '7', '--live-app-key', 'key',
    '--live-grace', '300ms', '--live-channels',
    '*=open,private-chat=client-events,presence-*=client-events,counted=open+counts',
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
  directory = await mkdtemp(join(tmpdir(), 'strandline-pusher-'));
  await writeFile(join(directory, 'secret'), `${appSecret}\n`);
  await chmod(join(directory, 'secret'), 0o600);
  await serve();
  const made = execFileSync(program, ['keys', 'create', 'admin', '--grant', 'admin', '--json',
    '--server', `http://127.0.0.1:${port}`], { encoding: 'utf8' });
  secret = JSON.parse(made).secret;
  backend = new PusherServer({
    appId: '7', key: 'key', secret: appSecret, host: '127.0.0.1', port, useTLS: false,
    encryptionMasterKeyBase64: masterKey,
  });
});
afterEach(() => {
  for (const client of clients.splice(0)) client.disconnect();
});
after(async () => {
  await kill();
  await rm(directory, { recursive: true, force: true });
});

const options = (user) => ({
  cluster: 'here', wsHost: '127.0.0.1', wsPort: port, forceTLS: false, enabledTransports: ['ws'],
  enableStats: false,
  channelAuthorization: {
    customHandler: ({ channelName, socketId }, callback) => {
      const who = { user_id: user, user_info: { name: user.toUpperCase() } };
      callback(null, channelName.startsWith('presence-')
        ? backend.authorizeChannel(socketId, channelName, who)
        : backend.authorizeChannel(socketId, channelName));
    },
  },
  userAuthentication: {
    customHandler: ({ socketId }, callback) =>
      callback(null, backend.authenticateUser(socketId, { id: user })),
  },
});
function connect(user = 'ann') {
  const client = new PusherClient('key', options(user));
  clients.push(client);
  return client;
}
// The next of some events: a promise for what was said with it.
const heard = (on, name) => new Promise((resolve) => {
  const listener = (data) => { on.unbind(name, listener); resolve(data); };
  on.bind(name, listener);
});
async function subscribe(client, name) {
  const channel = client.subscribe(name);
  const members = await new Promise((resolve, reject) => {
    channel.bind('pusher:subscription_succeeded', resolve);
    channel.bind('pusher:subscription_error', (why) => reject(new Error(JSON.stringify(why))));
  });
  return Object.assign(channel, { here: members });
}

test('a public channel, what is for others than its sender, and data that is no JSON', async () => {
  const client = connect(), other = connect('bob');
  const channel = await subscribe(client, 'news'), others = await subscribe(other, 'news');
  const got = [];
  channel.bind('said', (data) => got.push(data));
  const theirs = [];
  others.bind('said', (data) => theirs.push(data));
  const last = Promise.all([heard(channel, 'last'), heard(others, 'last')]);
  await backend.trigger('news', 'said', { n: 1 });
  await backend.trigger('news', 'said', { n: 2 }, { socket_id: client.connection.socket_id });
  await backend.trigger('news', 'said', 'words');
  await backend.triggerBatch([{ channel: 'news', name: 'said', data: '"5"' },
    { channel: 'news', name: 'last', data: {} }]);
  await last;
  assert.deepEqual(got, [{ n: 1 }, 'words', '5']);
  assert.deepEqual(theirs, [{ n: 1 }, { n: 2 }, 'words', '5']);
});

test('a private channel needs a signature that is good', async () => {
  const client = connect();
  const channel = await subscribe(client, 'private-chat');
  const told = heard(channel, 'said');
  await backend.trigger('private-chat', 'said', 'hello');
  assert.equal(await told, 'hello');
  const liar = new PusherClient('key', {
    ...options('eve'),
    channelAuthorization: { customHandler: (_, callback) => callback(null, { auth: 'key:00' }) },
  });
  clients.push(liar);
  await assert.rejects(subscribe(liar, 'private-chat'), /403/);
});

test('presence: who is here, who came, who left; and client events between them', async () => {
  const ann = connect('ann'), bob = connect('bob');
  const room = await subscribe(ann, 'presence-room');
  assert.equal(room.members.count, 1);
  assert.equal(room.members.me.info.name, 'ANN');
  const added = heard(room, 'pusher:member_added');
  const theirs = await subscribe(bob, 'presence-room');
  assert.deepEqual(await added, { id: 'bob', info: { name: 'BOB' } });
  assert.equal(theirs.members.count, 2);
  const typing = heard(room, 'client-typing');
  theirs.trigger('client-typing', { on: true });
  assert.deepEqual(await typing, { on: true });
  // A second connection of a user is not another member.
  const again = await subscribe(connect('bob'), 'presence-room');
  assert.equal(again.members.count, 2);
  const users = await (await backend.get({ path: '/channels/presence-room/users' })).json();
  assert.deepEqual(users.users.map((user) => user.id), ['ann', 'bob']);
  const removed = heard(room, 'pusher:member_removed');
  for (const client of clients.slice(1)) client.disconnect();
  assert.equal((await removed).id, 'bob');
});

test('an encrypted channel is relayed and not read', async () => {
  const client = connect('ann');
  const channel = await subscribe(client, 'private-encrypted-one');
  const told = heard(channel, 'said');
  await backend.trigger('private-encrypted-one', 'said', { secret: 42 });
  assert.deepEqual(await told, { secret: 42 });
  const stored = await (await fetch(
    `http://127.0.0.1:${port}/v1/streams/private-encrypted-one/events`,
    { headers: { authorization: `Bearer ${secret}` } })).text();
  assert.match(stored, /ciphertext/);
  assert.doesNotMatch(stored, /secret/);
});

test('a cache channel tells its newest event first, or that there is none', async () => {
  const channel = connect().subscribe('cache-empty');
  await heard(channel, 'pusher:cache_miss');
  await backend.trigger('cache-full', 'said', { n: 1 });
  await backend.trigger('cache-full', 'said', { n: 2 });
  assert.deepEqual(await heard(connect().subscribe('cache-full'), 'said'), { n: 2 });
});

test('who has signed in is told what is for it, and is ended', async () => {
  const client = connect('ann');
  client.signin();
  await client.user.signinDonePromise;
  const told = new Promise((resolve) => client.user.bind('mail', resolve));
  // Until the channel of the user is subscribed to, which pusher-js does by itself.
  await heard(client.user.serverToUserChannel ?? client.channel('#server-to-user-ann'),
    'pusher:subscription_succeeded').catch(() => {});
  await backend.sendToUser('ann', 'mail', { n: 1 });
  assert.deepEqual(await told, { n: 1 });
  const gone = heard(client.connection, 'disconnected');
  await backend.terminateUserConnections('ann');
  await gone;
});

test('channels, and how many subscribe', async () => {
  const one = connect(), two = connect('bob');
  const channel = await subscribe(one, 'counted');
  const count = new Promise((resolve) => channel.bind('pusher:subscription_count', (data) => {
    if (data.subscription_count === 2) resolve();
  }));
  await subscribe(two, 'counted');
  await count;
  const all = await (await backend.get({ path: '/channels',
    params: { filter_by_prefix: 'count' } })).json();
  assert.deepEqual(Object.keys(all.channels), ['counted']);
  const info = await (await backend.get({ path: '/channels/counted',
    params: { info: 'subscription_count' } })).json();
  assert.deepEqual(info, { occupied: true, subscription_count: 2 });
});

test('a signature that is not good is refused', async () => {
  const liar = new PusherServer({ appId: '7', key: 'key', secret: 'another-secret-altogether',
    host: '127.0.0.1', port, useTLS: false });
  await assert.rejects(liar.trigger('news', 'said', {}), (error) => error.status === 401);
  await assert.rejects(new PusherServer({ appId: '8', key: 'key', secret: appSecret,
    host: '127.0.0.1', port, useTLS: false }).trigger('news', 'said', {}),
  (error) => error.status === 404);
});

test('a wrong key ends with Pusher\'s code', async () => {
  const client = new PusherClient('another', options('ann'));
  clients.push(client);
  const error = await heard(client.connection, 'error');
  assert.equal(error.data?.code ?? error.error?.data?.code, 4001);
});

test('laravel-echo: public, private, presence and whispers', async () => {
  const echo = (user) => new Echo({ broadcaster: 'pusher', client: connect(user) });
  const ann = echo('ann'), bob = echo('bob');
  const placed = new Promise((resolve) => ann.channel('orders').listen('.Placed', resolve));
  const paid = new Promise((resolve) => ann.private('orders.1').listen('Paid', resolve));
  const here = new Promise((resolve) => {
    ann.join('shop').here((users) => resolve(users));
  });
  assert.deepEqual(await here, [{ name: 'ANN' }]);
  const joining = new Promise((resolve) => ann.join('shop').joining(resolve));
  const whisper = new Promise((resolve) => ann.join('shop').listenForWhisper('typing', resolve));
  await new Promise((resolve) => bob.join('shop').here(resolve));
  assert.deepEqual(await joining, { name: 'BOB' });
  bob.join('shop').whisper('typing', { on: true });
  assert.deepEqual(await whisper, { on: true });
  await backend.trigger('orders', 'Placed', { n: 1 });
  await backend.trigger('private-orders.1', 'App\\Events\\Paid', { n: 2 });
  assert.deepEqual(await placed, { n: 1 });
  assert.deepEqual(await paid, { n: 2 });
});

test('a kill -9: presence is right, and a client that resumes misses nothing', async () => {
  const client = resume(connect('ann'));
  const channel = await subscribe(client, 'ticks');
  const room = await subscribe(client, 'presence-lasting');
  const got = [];
  let enough;
  channel.bind('tick', (data) => {
    got.push(data.n);
    if (got.length === 30) enough();
  });
  const all = new Promise((resolve) => { enough = resolve; });
  const tick = async (from, to) => {
    for (let n = from; n < to; n++) await backend.trigger('ticks', 'tick', { n });
  };
  await tick(0, 10);
  await kill();
  await serve();
  await tick(10, 20);  // perhaps before it is back
  const back = heard(room, 'pusher:subscription_succeeded');
  await back;
  assert.equal(room.members.count, 1);
  await tick(20, 30);
  await all;
  assert.deepEqual(got, Array.from({ length: 30 }, (_, n) => n));
});

test('a callback is asked about private channels, and whatever is no yes is a no', async () => {
  const asked = [];
  let answer = () => [403, ''];
  const asker = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += piece;
    const signature = createHmac('sha256', appSecret).update(body).digest('hex');
    assert.equal(request.headers['strandline-signature'], signature);
    asked.push(JSON.parse(body));
    const [status, text] = answer();
    response.writeHead(status).end(text);
  });
  asker.listen(0, '127.0.0.1');
  await once(asker, 'listening');
  const folder = join(directory, 'callback');
  const beside = spawn(program, ['serve', '--data', folder, '--listen', '127.0.0.1:0',
    '--live-secret-file', join(directory, 'secret'), '--live-app-key', 'key',
    '--live-callback', `http://127.0.0.1:${asker.address().port}/ask`,
  ], { stdio: ['ignore', 'pipe', 'inherit'] });
  let there;
  for await (const line of createInterface({ input: beside.stdout })) {
    there = line.match(/listening on http:\/\/127\.0\.0\.1:(\d+)/)?.[1];
    if (there) break;
  }
  beside.stdout.resume();
  execFileSync(program, ['keys', 'create', 'admin', '--grant', 'admin',
    '--server', `http://127.0.0.1:${there}`]);
  const socket = new WsSocket(`ws://127.0.0.1:${there}/app/key/live`);
  const frames = [];
  let wake = () => {};
  socket.on('message', (data) => { frames.push(JSON.parse(data)); wake(); });
  const next = async (op) => {
    for (;;) {
      const at = frames.findIndex((frame) => frame.op === op);
      if (at >= 0) return frames.splice(at, 1)[0];
      await new Promise((resolve) => { wake = resolve; });
    }
  };
  const { connection } = await next('connected');
  const subscribe = (channel, more) =>
    socket.send(JSON.stringify({ op: 'subscribe', channel, ...more }));
  subscribe('private-a');
  assert.equal((await next('error')).code, 'forbidden');
  assert.deepEqual(asked.pop(), { connection, channel: 'private-a', joins: false });
  answer = () => [200, ''];
  subscribe('private-a');
  await next('subscribed');
  subscribe('presence-a', { presence: true });  // a yes that does not say who it is
  assert.equal((await next('error')).code, 'forbidden');
  answer = () => [200, '{"user_id":"ann","user_info":{"name":"Ann"}}'];
  subscribe('presence-a', { presence: true });
  assert.equal((await next('presence')).members[0].user, 'ann');
  asker.close();
  asker.closeAllConnections();
  subscribe('private-b');  // nobody answers
  assert.equal((await next('error')).code, 'forbidden');
  socket.close();
  const ended = once(beside, 'exit');
  beside.kill('SIGKILL');
  await ended;
});

// Over Strandline's own protocol: a socket that is opened anew whenever it ends.
async function follow(Socket, channel, until) {
  const got = [];
  while (got.length < until) {
    const ticket = await (await fetch(`http://127.0.0.1:${port}/v1/tickets`, {
      method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify({ grants: `subscribe:${channel}` }),
    }).catch(() => ({ json: () => ({}) }))).json();
    if (!ticket.ticket) continue;
    await new Promise((resolve) => {
      const socket = new Socket(`ws://127.0.0.1:${port}/v1/live?ticket=${ticket.ticket}`);
      socket.addEventListener('open', () => socket.send(
        JSON.stringify({ op: 'subscribe', channel, from: got.length })));
      socket.addEventListener('message', ({ data }) => {
        const frame = JSON.parse(data);
        if (frame.op === 'event') got.push(frame.position);
        if (got.length >= until) socket.close();
      });
      socket.addEventListener('error', () => {});
      socket.addEventListener('close', resolve);
    });
  }
  return got;
}

for (const [name, Socket] of [['ws', WsSocket], ["Node's own WebSocket", globalThis.WebSocket]]) {
  test(`${name} follows over a kill -9`, { skip: !Socket && 'this Node has none' }, async () => {
    const channel = `lines-${name.length}`;
    const got = follow(Socket, channel, 60);
    for (let n = 0; n < 60; n++) {
      if (n % 20 === 10) {
        await kill();
        await serve();
      }
      const response = await fetch(`http://127.0.0.1:${port}/v1/streams/${channel}/events`, {
        method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
        body: JSON.stringify({ type: 'line', data: n }),
      });
      assert.equal(response.status, 201);
    }
    assert.deepEqual(await got, Array.from({ length: 60 }, (_, n) => n));
  });
}
