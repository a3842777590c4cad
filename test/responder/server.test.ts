/** The responder with real sockets on loopback. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { knownPrefix } from '../../src/config/address.js';
import { loadAddon } from '../../src/native/addon.js';
import { responderReadings, responderStatusOf } from '../../src/responder/readings.js';
import { openResponder, type ResponderServer, type ServerConfig } from '../../src/responder/server.js';
import { askValue, changeValue, type Endpoint, readSeen, readXorEndpoint } from '../../src/stun/attributes.js';
import { type Datagrams, openDatagrams } from '../../src/stun/datagrams.js';
import { attributeOf, readStun, type StunAttribute, type StunMessage, writeStun } from '../../src/stun/message.js';
import { Attribute, BINDING } from '../../src/stun/numbers.js';

const addon = loadAddon();
const transaction = Uint8Array.from({ length: 12 }, (_, index) => index);
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

const first = { address: '127.0.0.1', port: 34_781 };
const config = (rate = { perSecond: 200, burst: 400 }, sources = ['127.0.0.0/8']): ServerConfig => ({
  responder: { listen: ['127.0.0.1', '127.0.0.2'], ports: [34_781, 34_782], from: null, rateLimit: rate },
  sources: sources.map(knownPrefix),
  device: null,
});

async function start(given = config()): Promise<ResponderServer> {
  const server = await openResponder(given, { addon, nowMs: () => 0 });
  open.push(server);
  return server;
}

interface Received {
  message: StunMessage;
  from: Endpoint;
  bytes: number;
}

function client(): { socket: Datagrams; next(): Promise<Received> } {
  const received: Received[] = [];
  const waiting: ((one: Received) => void)[] = [];
  const socket = openDatagrams(addon, { address: '127.0.0.1', port: 0, device: null }, (octets, from) => {
    const reading = readStun(octets.slice());
    if ('refused' in reading) throw new Error(reading.refused);
    const one = { message: reading.message, from, bytes: octets.length };
    const waiter = waiting.shift();
    if (waiter === undefined) received.push(one);
    else waiter(one);
  });
  open.push(socket);
  return {
    socket,
    next: () => {
      const one = received.shift();
      return one === undefined ? new Promise((done) => waiting.push(done)) : Promise.resolve(one);
    },
  };
}

const request = (attributes: StunAttribute[] = []) =>
  writeStun({ kind: 'request', method: BINDING, transaction, attributes, fingerprint: false });
const ask = (answerBytes: number, flags: { dontFragment?: boolean; noChecksum?: boolean }, bytes = 80) => ({
  type: Attribute.ASK,
  value: askValue({ dontFragment: false, noChecksum: false, ...flags, report: true, answerBytes }, bytes),
});

describe('over UDP', () => {
  test('the answer comes from where CHANGE-REQUEST says', async () => {
    await start();
    const { socket, next } = client();
    for (const [address, port, from] of [
      [false, false, first],
      [true, true, { address: '127.0.0.2', port: 34_782 }],
      [false, true, { address: '127.0.0.1', port: 34_782 }],
    ] as const) {
      socket.send(request([{ type: Attribute.CHANGE_REQUEST, value: changeValue({ address, port }) }]), first);
      expect((await next()).from).toEqual(from);
    }
  });

  test('it tells the length of what it saw and the path MTU back', async () => {
    await start();
    const { socket, next } = client();
    const octets = request([ask(0, {})]);
    socket.send(octets, first);
    const { message } = await next();
    expect(readSeen(attributeOf(message, Attribute.SEEN) as Uint8Array)).toEqual({
      datagramBytes: octets.length + 28,
      pathMtu: 65_535,
      sendMss: 0,
      announcedMss: 0,
    });
  });

  test('a long answer with DF, one without checksum, and a plain one after them', async () => {
    const server = await start();
    const { socket, next } = client();
    socket.send(request([ask(1400, { dontFragment: true })]), first);
    expect((await next()).bytes).toBe(1372);
    socket.send(request([ask(0, { noChecksum: true })]), first);
    await next();
    socket.send(request(), first);
    await next();
    expect(server.report().statistics).toMatchObject({
      'responder.requests.udp': 3,
      'responder.answers': 3,
      'responder.answers.dont_fragment': 1,
      'responder.answers.no_checksum': 1,
    });
  });

  test('strangers, other protocols and those above the rate are not answered, and counted', async () => {
    const server = await start(config({ perSecond: 1, burst: 2 }));
    const { socket, next } = client();
    socket.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'), first);
    socket.send(request(), first);
    await next();
    socket.send(request(), first);
    await until(() => server.report().statistics['responder.drop.rate_limited'] === 1);
    server.use(config(undefined, ['192.0.2.0/24']));
    socket.send(request(), first);
    const stranger = connect(first.port, first.address);
    stranger.on('error', () => undefined);
    await until(() => server.report().statistics['responder.drop.stranger'] === 2);
    server.use(config());
    socket.send(request(), first);
    await next();
    expect(server.report().statistics).toMatchObject({
      'responder.drop.malformed': 1,
      'responder.requests.udp': 2,
      'responder.answers': 2,
    });
  });

  test('what comes by another device than the translator’s is not answered, counted, and takes nothing from the rate', async () => {
    const server = await start({ ...config({ perSecond: 1, burst: 1 }), device: 'elsewhere' });
    const { socket, next } = client();
    socket.send(request(), first);
    socket.send(request(), first);
    await until(() => server.report().statistics['responder.drop.device'] === 2);
    const connection = connect(first.port, first.address);
    open.push({ close: () => connection.destroy() });
    connection.write(request());
    await once(connection, 'data');
    server.use({ ...config({ perSecond: 1, burst: 1 }), device: 'lo' });
    socket.send(request(), first);
    await next();
    expect(server.report().statistics).toMatchObject({
      'responder.drop.device': 2,
      'responder.drop.rate_limited': 0,
      'responder.requests.udp': 1,
      'responder.requests.tcp': 1,
    });
  });

  /** For what no event tells of: looks again after other events. */
  async function until(met: () => boolean): Promise<void> {
    while (!met()) await new Promise(setImmediate);
  }
});

describe('over TCP', () => {
  test('an answer, and what TCP knows of the path', async () => {
    await start();
    const socket = connect(first.port, first.address);
    open.push({ close: () => socket.destroy() });
    socket.write(request([ask(0, {})]));
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    const reading = readStun(new Uint8Array(chunk));
    if ('refused' in reading) throw new Error(reading.refused);
    const { message } = reading;
    const value = attributeOf(message, Attribute.XOR_MAPPED_ADDRESS) as Uint8Array;
    expect(readXorEndpoint(value, transaction)).toEqual({ address: '127.0.0.1', port: socket.localPort });
    const seen = readSeen(attributeOf(message, Attribute.SEEN) as Uint8Array);
    expect(seen?.announcedMss).toBeGreaterThan(1000);
    expect(seen?.sendMss).toBeGreaterThan(1000);
  });

  test('what is no STUN ends the connection', async () => {
    await start();
    const socket = connect(first.port, first.address);
    const closed = new Promise((done) => socket.on('error', () => undefined).once('close', done));
    socket.write('GET / HTTP/1.1\r\nHost: example.org\r\n\r\n');
    await closed;
  });
});

test('sixteen connections of an address, and no more', async () => {
  const server = await start();
  const connections = Array.from({ length: 17 }, () => connect(first.port, first.address));
  for (const socket of connections) socket.on('error', () => undefined);
  open.push({ close: () => connections.map((socket) => socket.destroy()) });
  while (server.report().statistics['responder.drop.connections'] === 0) await new Promise(setImmediate);
  const left = connections.filter((socket) => !socket.destroyed);
  left[0]?.write(request());
  await once(left[0] as (typeof left)[0], 'data');
  expect(server.report().statistics['responder.drop.connections']).toBe(1);
});

test('a connection has 32 requests', async () => {
  const server = await start();
  const socket = connect(first.port, first.address);
  const closed = new Promise((done) => socket.on('error', () => undefined).once('close', done));
  socket.resume();
  socket.write(Buffer.concat(Array.from({ length: 40 }, () => request())));
  await closed;
  expect(server.report().statistics['responder.requests.tcp']).toBe(32);
});

test('every counter has a meaning, also those of the sockets', async () => {
  const server = await start();
  const readings = responderReadings(server.report());
  expect(readings.every(({ name, explain }) => name.startsWith('responder.') && explain !== '')).toBe(true);
  expect(readings.map(({ name }) => name)).toContain('responder.transport.truncated');
  expect(responderStatusOf(server.listening, true, null)).toMatchObject({ alive: true, answers: null });
});

test('a port that is taken refuses the whole, and leaves nothing open', async () => {
  await start();
  const other = { ...config(), responder: { ...config().responder, listen: ['127.0.0.3', '127.0.0.1'] } };
  await expect(openResponder(other, { addon, nowMs: () => 0 })).rejects.toThrow(
    /^cannot listen on UDP 127\.0\.0\.1#34781: .*, expected a free port of an address of this host$/,
  );
  await start({ ...config(), responder: { ...config().responder, listen: ['127.0.0.3'] } });
});

test('the path MTU to loopback', () => {
  expect(addon.pathMtu({ remote: '127.0.0.1', local: null, device: null })).toBe(65_535);
  expect(() => addon.pathMtu({ remote: '127.0.0.1', local: '192.0.2.77', device: null })).toThrow('EADDRNOTAVAIL');
});
