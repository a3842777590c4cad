/** DNS over TCP and TLS, with real sockets on the loopback interface. */
import { EventEmitter, once } from 'node:events';
import { connect, type NetConnectOpts, Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { type ConnectionOptions as TlsOptions, connect as tlsConnect } from 'node:tls';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Admit, Client, Handle } from '../../src/dns64/server/client.js';
import {
  type ConnectionLimits,
  Connections,
  type Credentials,
  DEFAULT_LIMITS,
  idleMsFor,
  type Listener,
} from '../../src/dns64/server/connections.js';
import { listenStream } from '../../src/dns64/server/stream.js';
import { Frames, frame } from '../../src/dns64/wire/frames.js';
import { selfSigned } from './certificate.js';

/** A query that is nothing but a header, with its number as id. */
function message(id: number, length = 12): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes[0] = id >>> 8;
  bytes[1] = id;
  return bytes;
}
const idOf = (bytes: Uint8Array) => ((bytes[0] as number) << 8) | (bytes[1] as number);

const echo: Handle = (query, _client, respond) => respond(query);

/** Holds every query until the test answers it. */
function held() {
  const queries: { id: number; client: Client; respond: (answer: Uint8Array | null) => void }[] = [];
  const handle: Handle = (query, client, respond) => {
    queries.push({ id: idOf(query), client, respond });
  };
  const count = (wanted: number) => expect.poll(() => queries.length, { interval: 2, timeout: 10_000 }).toBe(wanted);
  return { queries, handle, count };
}

const opened: Socket[] = [];
const listeners: Listener[] = [];

afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy();
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
});

async function listen(
  handle: Handle,
  limits: Partial<ConnectionLimits> = {},
  tls: Credentials | null = null,
  address = '127.0.0.1',
): Promise<Listener> {
  const listener = await listenStream({ address, port: 0, tls, limits: { ...DEFAULT_LIMITS, ...limits } }, handle);
  listeners.push(listener);
  return listener;
}

/** A client's side: answers as they come, and the end. */
function client(socket: Socket) {
  const answers: Uint8Array[] = [];
  const frames = new Frames();
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  opened.push(socket);
  socket.setNoDelay(true);
  socket.on('error', () => {});
  socket.on('data', (piece) => {
    frames.push(piece);
    for (let next = frames.next(); next !== null; next = frames.next()) answers.push(next);
    socket.emit('answers');
  });
  const received = async (count: number) => {
    while (answers.length < count) await once(socket, 'answers');
    return answers.slice(0, count).map(idOf);
  };
  return { socket, answers, closed, received, ask: (...ids: number[]) => socket.write(packed(ids)) };
}

const packed = (ids: readonly number[]) => Buffer.concat(ids.map((id) => frame(message(id))));
const range = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

async function dial(port: number, options: Partial<NetConnectOpts> = {}) {
  const socket = connect({ host: '127.0.0.1', port, ...options } as NetConnectOpts);
  const peer = client(socket);
  await once(socket, 'connect');
  return peer;
}

describe('messages', () => {
  test('DNS-TCP-02 an answer comes back on the connection of its query', async () => {
    const { handle, queries, count } = held();
    const { port } = await listen(handle);
    const [one, other] = [await dial(port), await dial(port)];
    one.ask(1);
    await count(1);
    other.ask(2);
    await count(2);
    for (const { respond, id } of queries) respond(message(id));
    expect(await one.received(1)).toEqual([1]);
    expect(await other.received(1)).toEqual([2]);
    expect(queries[0]?.client).toEqual({ family: 4, address: Uint8Array.of(127, 0, 0, 1), transport: 'tcp' });
  });

  test('DNS-TCP-03 length and message leave in one write', async () => {
    const { port } = await listen((query, _client, respond) => setImmediate(respond, query));
    const peer = await dial(port);
    // What a Writable hands to the system, once for each write.
    const write = vi.spyOn(Socket.prototype, '_write');
    onTestFinished(() => write.mockRestore());
    peer.ask(1);
    expect(await peer.received(1)).toEqual([1]);
    const ofServer = write.mock.calls.filter((_call, at) => (write.mock.contexts[at] as Socket).localPort === port);
    expect(ofServer.map(([bytes]) => bytes)).toEqual([frame(message(1))]);
  });

  test('DNS-TCP-04 a query of one octet at a time is answered', async () => {
    const { port } = await listen(echo);
    const { socket, received } = await dial(port);
    for (const octet of frame(message(7, 40))) {
      await new Promise((resolve) => socket.write(Uint8Array.of(octet), resolve));
      await turn();
    }
    expect(await received(1)).toEqual([7]);
  });

  test('DNS-TCP-04 messages come out as they went in, in pieces of any size', () => {
    const anyMessage = fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.uint8Array({ minLength: 400, maxLength: 3000 }));
    fc.assert(
      fc.property(fc.array(anyMessage), fc.infiniteStream(fc.integer({ min: 1, max: 900 })), (messages, sizes) => {
        const stream = Buffer.concat(messages.map(frame));
        const frames = new Frames();
        const out: Uint8Array[] = [];
        for (let at = 0; at < stream.length; ) {
          const size = sizes.next().value as number;
          frames.push(stream.subarray(at, at + size));
          at += size;
          for (let next = frames.next(); next !== null; next = frames.next()) out.push(next);
        }
        expect(out.map((bytes) => Buffer.from(bytes))).toEqual(messages.map((bytes) => Buffer.from(bytes)));
        expect(frames.next()).toBeNull();
      }),
    );
  });

  test('DNS-TCP-05 a hundred queries in one write are worked on at a time, and all answered', async () => {
    const { handle, queries, count } = held();
    const { port, counters } = await listen(handle);
    const peer = await dial(port);
    peer.ask(...range(100));
    await count(100);
    for (const { respond, id } of queries) respond(message(id));
    expect(await peer.received(100)).toEqual(range(100));
    expect(counters['messages.received']).toBe(100);
    expect(counters['messages.answered']).toBe(100);
  });

  test('DNS-TCP-06 an answer does not wait for the one before', async () => {
    const { handle, queries, count } = held();
    const { port } = await listen(handle);
    const peer = await dial(port);
    peer.ask(1, 2, 3);
    await count(3);
    for (const at of [2, 0, 1]) queries[at]?.respond(message(at + 1));
    expect(await peer.received(3)).toEqual([3, 1, 2]);
  });

  test('an answer of the largest size', async () => {
    const { port } = await listen((_query, _client, respond) => respond(message(1, 65_535)));
    const peer = await dial(port);
    peer.ask(1);
    await peer.received(1);
    expect(peer.answers[0]?.length).toBe(65_535);
  });

  test('an answer that no length can tell is left out, and so is silence; the connection goes on', async () => {
    const { handle, queries, count } = held();
    const { port, counters } = await listen(handle);
    const peer = await dial(port);
    peer.ask(1, 2, 3);
    await count(3);
    queries[0]?.respond(new Uint8Array(65_536));
    queries[1]?.respond(null);
    queries[2]?.respond(message(3));
    queries[2]?.respond(message(3));
    expect(await peer.received(1)).toEqual([3]);
    expect(counters['discarded.too_long']).toBe(1);
    expect(counters['messages.silent']).toBe(1);
  });

  test('a client that has closed its side still gets its answers, and then the end', async () => {
    const { handle, queries, count } = held();
    const { port } = await listen(handle);
    const peer = await dial(port);
    peer.socket.end(packed([1, 2]));
    await count(2);
    queries[1]?.respond(message(2));
    expect(await peer.received(1)).toEqual([2]);
    queries[0]?.respond(message(1));
    expect(await peer.received(2)).toEqual([2, 1]);
    await peer.closed;
  });

  test.each([0, 1, 11])('a message of %i octets closes the connection', async (length) => {
    const { port, counters } = await listen(echo);
    const peer = await dial(port);
    peer.socket.write(frame(new Uint8Array(length)));
    await peer.closed;
    expect(counters['connections.malformed_closed']).toBe(1);
    expect(counters['messages.received']).toBe(0);
  });

  test('random octets do no harm', async () => {
    const { port, counters } = await listen(echo);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async (bytes) => {
        const peer = await dial(port);
        peer.socket.end(bytes);
        await peer.closed;
      }),
      { numRuns: 60 },
    );
    const peer = await dial(port);
    peer.ask(9);
    expect(await peer.received(1)).toEqual([9]);
    expect(counters['connections.accepted']).toBe(61);
  });
});

describe('bounds', () => {
  test('DNS-TCP-09 octets without a message do not keep a connection', async () => {
    const { port, counters } = await listen(echo, { idleMs: 60 });
    const peer = await dial(port);
    const drip = setInterval(() => peer.socket.write(Uint8Array.of(1)), 5);
    await peer.closed;
    clearInterval(drip);
    expect(counters['connections.idle_closed']).toBe(1);
  });

  test('DNS-TCP-09 a connection on which nothing comes is closed', async () => {
    const { port } = await listen(echo, { idleMs: 30 });
    await (await dial(port)).closed;
  });

  test('DNS-TCP-09 complete messages, either way, start the time again; an open query triples it', () => {
    const clock = { ms: 0 };
    const { handle, queries } = held();
    const limits = { ...DEFAULT_LIMITS, idleMs: 1000 };
    const connections = new Connections({ transport: 'tcp', limits, handle, now: () => clock.ms });
    const socket = new FakeSocket(1);
    const connection = connections.accept(socket.asSocket());
    const sweepAt = (ms: number) => {
      clock.ms = ms;
      connections.sweep();
      return socket.destroyed;
    };
    expect(sweepAt(999)).toBe(false);
    connection?.ask(message(1), () => true);
    expect(sweepAt(999 + 2999)).toBe(false);
    queries[0]?.respond(null);
    expect(sweepAt(3998 + 999)).toBe(false);
    connection?.ask(message(2), () => true);
    expect(sweepAt(4997 + 2999)).toBe(false);
    expect(sweepAt(4997 + 3000)).toBe(true);
    expect(connections.counters['connections.idle_closed']).toBe(1);
  });

  test.each([
    [1, 10_000],
    [50, 10_000],
    [75, 5_000],
    [90, 2_000],
    [95, 1_000],
    [100, 1_000],
    [120, 1_000],
  ])('DNS-TCP-09 with %i connections of 100 the idle time is %i ms', (taken, idleMs) => {
    expect(idleMsFor({ ...DEFAULT_LIMITS, connections: 100 }, taken)).toBeCloseTo(idleMs);
  });

  test('DNS-TCP-10 three hundred connects find ten places', async () => {
    const { port, counters } = await listen(echo, { connections: 10, connectionsPerClient: 1000 });
    const peers = await Promise.all(range(300).map(() => dial(port)));
    await Promise.all(peers.slice(10).map(({ closed }) => closed));
    expect(counters['connections.accepted']).toBe(10);
    expect(counters['connections.refused_total']).toBe(290);
    const inside = peers.filter(({ socket }) => !socket.destroyed);
    expect(inside).toHaveLength(10);
    for (const peer of inside) {
      peer.ask(5);
      expect(await peer.received(1)).toEqual([5]);
    }
  });

  test('DNS-TCP-10 a client has its own number of places, and gets one back when it leaves', async () => {
    const { handle, count } = held();
    const { port, counters } = await listen(handle, { connectionsPerClient: 2 });
    const [first] = [await dial(port), await dial(port)];
    await (await dial(port)).closed;
    expect(counters['connections.refused_per_client']).toBe(1);
    await dial(port, { localAddress: '127.0.0.2' } as Partial<NetConnectOpts>);
    first?.socket.end();
    await first?.closed;
    const again = await dial(port);
    again.ask(1);
    await count(1);
    expect(counters['connections.accepted']).toBe(4);
  });

  test.each([
    [128, 'another address is another client', 2, 0],
    [64, 'one network is one client', 1, 1],
    [0, 'everybody is one client', 1, 1],
  ])('DNS-TCP-10 IPv6 clients by /%i: %s', (clientPrefixLength6, _name, accepted, refused) => {
    const limits = { ...DEFAULT_LIMITS, connectionsPerClient: 1, clientPrefixLength6 };
    const connections = new Connections({ transport: 'tcp', limits, handle: echo });
    connections.accept(new FakeSocket(1, '2001:db8::1').asSocket());
    connections.accept(new FakeSocket(2, '2001:db8::2').asSocket());
    expect(connections.counters['connections.accepted']).toBe(accepted);
    expect(connections.counters['connections.refused_per_client']).toBe(refused);
    connections.endAll();
  });

  test('DNS-TCP-10 strangers hold a tenth of the places, for a tenth of the time, and answers do not prolong it', () => {
    const clock = { ms: 0 };
    const limits = { ...DEFAULT_LIMITS, connections: 20, idleMs: 1000 };
    const admit: Admit = ({ address }) => (address[15] === 1 ? 'client' : 'stranger');
    const connections = new Connections({ transport: 'tcp', limits, handle: echo, admit, now: () => clock.ms });
    const accept = (port: number, address: string) => connections.accept(new FakeSocket(port, address).asSocket());
    const strangers = range(5).map((port) => accept(port, `2001:db8::${port + 2}`));
    expect(strangers.map((one) => one !== null)).toEqual([true, true, false, false, false]);
    expect(connections.counters['connections.refused_stranger']).toBe(3);
    expect(accept(9, '2001:db8::1')).not.toBeNull();
    clock.ms = 99;
    strangers[0]?.ask(message(1), () => true);
    connections.sweep();
    expect(connections.size).toBe(3);
    clock.ms = 100;
    connections.sweep();
    expect(connections.size).toBe(1);
    expect(accept(3, '2001:db8::3')).not.toBeNull();
    connections.endAll();
  });

  test('DNS-TCP-10 with nobody to speak to there is no connection', () => {
    const connections = new Connections({
      transport: 'tls',
      limits: DEFAULT_LIMITS,
      handle: echo,
      admit: () => 'nobody',
    });
    const socket = new FakeSocket(1);
    expect([connections.accept(socket.asSocket()), socket.destroyed, connections.size]).toEqual([null, true, 0]);
  });

  test('DNS-TCP-10 a connection with the ends of one that was reset keeps its place', () => {
    const connections = new Connections({ transport: 'tcp', limits: DEFAULT_LIMITS, handle: echo });
    const [reset, next] = [new FakeSocket(1), new FakeSocket(1)];
    connections.accept(reset.asSocket());
    const connection = connections.accept(next.asSocket());
    expect(connections.size).toBe(2);
    reset.emit('close');
    expect(connections.size).toBe(1);
    expect(connections.find(next.asSocket())).toBe(connection);
    next.emit('close');
    expect(connections.size).toBe(0);
    expect(connections.find(next.asSocket())).toBeNull();
  });

  test('DNS-TCP-10 limits change while it runs', async () => {
    const listener = await listen(echo, { connections: 1 });
    const first = await dial(listener.port);
    await (await dial(listener.port)).closed;
    listener.reconfigure({ ...DEFAULT_LIMITS, connections: 2 });
    const second = await dial(listener.port);
    second.ask(1);
    expect(await second.received(1)).toEqual([1]);
    listener.reconfigure({ ...DEFAULT_LIMITS, idleMs: 30 });
    await Promise.all([first.closed, second.closed]);
  });

  test('DNS-TCP-05 queries beyond the number of open ones wait, and then go on', async () => {
    const { handle, queries, count } = held();
    const { port } = await listen(handle, { openQueries: 4 });
    const peer = await dial(port);
    peer.ask(...range(20));
    for (let answered = 0; answered < 20; answered += 4) {
      await count(answered + 4);
      await turn();
      expect(queries).toHaveLength(answered + 4);
      for (const { respond, id } of queries.slice(answered)) respond(message(id));
    }
    expect(await peer.received(20)).toEqual(range(20));
  });

  test('a client that asks and does not read is not read from, and closed', async () => {
    const answer = message(1, 60_000);
    const { port, counters, reconfigure } = await listen((_query, _client, respond) => respond(answer));
    const peer = await dial(port);
    peer.socket.pause();
    const queries = packed(range(1000));
    for (let i = 0; i < 10; i++) peer.socket.write(queries);
    await expect.poll(() => counters['messages.received'], { interval: 5, timeout: 10_000 }).toBeGreaterThan(0);
    reconfigure({ ...DEFAULT_LIMITS, idleMs: 100 });
    await expect.poll(() => counters['connections.undrained_closed'], { interval: 5, timeout: 10_000 }).toBe(1);
    // The kernel's buffers take some megabytes of what would be 600.
    expect(counters['messages.received']).toBeLessThan(500);
  });

  test('a client that reads slowly gets all it asked for', async () => {
    const answer = message(1, 60_000);
    const { port } = await listen((_query, _client, respond) => respond(answer), { outgoingBytes: 1000 });
    const peer = await dial(port);
    peer.socket.pause();
    peer.ask(...range(300));
    await turn();
    peer.socket.resume();
    expect(await peer.received(300)).toHaveLength(300);
  });

  test('DNS-TCP-11 answers for a client that is gone are discarded quietly', async () => {
    const { handle, queries, count } = held();
    const { port, counters } = await listen(handle);
    const peer = await dial(port);
    peer.ask(...range(50));
    await count(50);
    const left = [...queries];
    left.shift()?.respond(message(1));
    await peer.received(1);
    peer.socket.resetAndDestroy();
    const answerOne = () => {
      left.shift()?.respond(message(2));
      return counters['discarded.client_gone'];
    };
    await expect.poll(answerOne, { interval: 20, timeout: 10_000 }).toBeGreaterThan(0);
    const discarded = counters['discarded.client_gone'] as number;
    for (const { respond } of left) respond(message(2));
    expect(counters['discarded.client_gone']).toBe(discarded + left.length);
    const other = await dial(port);
    other.ask(99);
    await count(51);
    queries[50]?.respond(message(99));
    expect(await other.received(1)).toEqual([99]);
  });

  test('close ends every connection, and what is answered later goes nowhere', async () => {
    const { handle, queries, count } = held();
    const listener = await listen(handle);
    const peer = await dial(listener.port);
    peer.ask(1);
    await count(1);
    await listener.close();
    await peer.closed;
    queries[0]?.respond(message(1));
    expect(listener.counters['discarded.client_gone']).toBe(1);
    await expect(dial(listener.port)).rejects.toThrow('ECONNREFUSED');
  });

  test('an address in use is an error', async () => {
    const { port } = await listen(echo);
    const again = listenStream({ address: '127.0.0.1', port, tls: null, limits: DEFAULT_LIMITS }, echo);
    await expect(again).rejects.toThrow('EADDRINUSE');
  });

  test('DNS-TCP-01 IPv6 and IPv4 listen side by side on a port', async () => {
    const { queries, handle, count } = held();
    const { port } = await listen(handle, {}, null, '::');
    const options = { address: '0.0.0.0', port, tls: null, limits: DEFAULT_LIMITS };
    listeners.push(await listenStream(options, handle));
    for (const [at, host] of ['::1', '127.0.0.1'].entries()) {
      const peer = await dial(port, { host });
      peer.ask(1);
      await count(at + 1);
    }
    expect(queries.map((query) => query.client.family)).toEqual([6, 4]);
  });
});

describe('TLS', () => {
  let first: Credentials;
  let second: Credentials;
  beforeAll(async () => {
    [first, second] = await Promise.all([selfSigned('first.test'), selfSigned('second.test')]);
  });

  async function dialTls(port: number, options: TlsOptions = {}) {
    const socket = tlsConnect({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      ALPNProtocols: ['dot'],
      ...options,
    });
    const peer = client(socket);
    await once(socket, 'secureConnect');
    return { ...peer, socket };
  }

  test('DNS-TCP-02 queries over TLS are answered, with ALPN "dot"', async () => {
    const { handle, queries, count } = held();
    const { port } = await listen(handle, {}, first);
    const peer = await dialTls(port);
    expect(peer.socket.alpnProtocol).toBe('dot');
    peer.ask(...range(50));
    await count(50);
    for (const { respond, id } of queries.toReversed()) respond(message(id, 20_000));
    expect(await peer.received(50)).toEqual(range(50).toReversed());
    expect(queries[0]?.client.transport).toBe('tls');
  });

  test('a client without ALPN is served, one with another protocol is not', async () => {
    const { port, counters } = await listen(echo, {}, first);
    const peer = await dialTls(port, { ALPNProtocols: [] });
    peer.ask(1);
    expect(await peer.received(1)).toEqual([1]);
    await expect(dialTls(port, { ALPNProtocols: ['h2'] })).rejects.toThrow('no application protocol');
    await expect.poll(() => counters['connections.tls_failed'], { interval: 2, timeout: 10_000 }).toBe(1);
  });

  test('a new certificate is for new connections, and the others go on', async () => {
    const listener = await listen(echo, {}, first);
    const before = await dialTls(listener.port);
    listener.setSecureContext(second);
    const after = await dialTls(listener.port);
    expect(before.socket.getPeerCertificate().subject.CN).toBe('first.test');
    expect(after.socket.getPeerCertificate().subject.CN).toBe('second.test');
    for (const peer of [before, after]) {
      peer.ask(1);
      expect(await peer.received(1)).toEqual([1]);
    }
    expect(() => listener.setSecureContext({ ...first, key: second.key })).toThrow('key values mismatch');
    expect((await dialTls(listener.port)).socket.getPeerCertificate().subject.CN).toBe('second.test');
  });

  test('DNS-TCP-09 a handshake that is not begun, or not ended, is closed', async () => {
    const { port, counters } = await listen(echo, { idleMs: 40 }, first);
    const silent = await dial(port);
    const halfway = await dial(port);
    halfway.socket.write(Buffer.from('16030100c8', 'hex'));
    await Promise.all([silent.closed, halfway.closed]);
    expect(counters['connections.idle_closed']).toBe(2);
  });

  test('DNS-TCP-09 a connection over TLS on which nothing comes is closed', async () => {
    const { port, counters, reconfigure } = await listen(echo, {}, first);
    const { closed } = await dialTls(port);
    reconfigure({ ...DEFAULT_LIMITS, idleMs: 50 });
    await closed;
    expect(counters['connections.idle_closed']).toBe(1);
  });

  test('DNS-TCP-10 places are counted before the handshake', async () => {
    const { port, counters } = await listen(echo, { connections: 1 }, first);
    await dial(port);
    await expect(dialTls(port)).rejects.toThrow();
    expect(counters['connections.refused_total']).toBe(1);
  });

  test('random octets do no harm', async () => {
    const { port, counters } = await listen(echo, {}, first);
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 500 }), async (bytes) => {
        const peer = await dial(port);
        peer.socket.end(bytes);
        await peer.closed;
      }),
      { numRuns: 30 },
    );
    const peer = await dialTls(port);
    peer.ask(9);
    expect(await peer.received(1)).toEqual([9]);
    // Some were too few to be wrong, and ended.
    expect(counters['connections.tls_failed']).toBeGreaterThan(0);
    expect(counters['connections.accepted']).toBe(31);
  });

  test('a client that has closed its side still gets its answers', async () => {
    const { handle, queries, count } = held();
    const { port } = await listen(handle, {}, first);
    const peer = await dialTls(port);
    peer.socket.end(packed([1]));
    await count(1);
    queries[0]?.respond(message(1));
    expect(await peer.received(1)).toEqual([1]);
    await peer.closed;
  });
});

/** As much of a socket as `accept` looks at. */
class FakeSocket extends EventEmitter {
  readonly localAddress = '::1';
  destroyed = false;

  constructor(
    readonly remotePort: number,
    readonly remoteAddress = '192.0.2.1',
  ) {
    super();
  }

  destroy(): void {
    if (!this.destroyed) this.emit('close');
    this.destroyed = true;
  }

  asSocket(): Socket {
    return this as unknown as Socket;
  }
}
