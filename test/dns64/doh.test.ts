/** DNS over HTTPS, with real sockets on the loopback interface. */
import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type Settings,
} from 'node:http2';
import { Agent, type RequestOptions, request } from 'node:https';
import { connect as tcpConnect } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { connect as tlsConnect } from 'node:tls';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Client, Handle } from '../../src/dns64/server/client.js';
import {
  type ConnectionLimits,
  type Credentials,
  DEFAULT_LIMITS,
  type Listener,
} from '../../src/dns64/server/connections.js';
import { listenDoh } from '../../src/dns64/server/doh.js';
import { freshSeconds } from '../../src/dns64/server/freshness.js';
import type { Rr } from '../../src/dns64/wire/message.js';
import { knownName } from '../../src/dns64/wire/name.js';
import { Type } from '../../src/dns64/wire/numbers.js';
import { type Sections, writeMessage } from '../../src/dns64/wire/writer.js';
import { selfSigned } from './certificate.js';

const NAME = knownName('www.example.org');
const question = { name: NAME, type: Type.AAAA, klass: 1 };
const aaaa = (ttl: number): Rr => ({ name: NAME, type: Type.AAAA, klass: 1, ttl, rdata: new Uint8Array(16) });
/** An SOA whose own TTL and whose MINIMUM differ. */
function soa(ttl: number, minimum: number): Rr {
  const numbers = Buffer.alloc(20);
  numbers.writeUInt32BE(minimum, 16);
  const rdata = Buffer.concat([knownName('ns.example.org'), knownName('mail.example.org'), numbers]);
  return { name: knownName('example.org'), type: Type.SOA, klass: 1, ttl, rdata };
}
const messageOf = (flags: number, sections: Sections) =>
  writeMessage(question, flags, sections)?.bytes.slice() ?? new Uint8Array(0);
const answerOf = (flags: number, answer: Rr[], authority: Rr[] = [], additional: Rr[] = []) =>
  messageOf(flags, { answer, authority, additional });

const QUERY = messageOf(0x0100, { answer: [], authority: [], additional: [] });
const ANSWER = answerOf(0x8180, [aaaa(300), aaaa(120)]);
const BASE64 = Buffer.from(QUERY).toString('base64url');
const POST = { ':method': 'POST', ':path': '/dns-query', 'content-type': 'application/dns-message' };

/** Limits with an idle time that a test can wait for; set once what needs the longer one is done. */
const SHORT: ConnectionLimits = { ...DEFAULT_LIMITS, idleMs: 50 };

const answering: Handle = (_query, _client, respond) => respond(ANSWER);

/** Holds every query until the test answers it. */
function held() {
  const queries: { query: Uint8Array; client: Client; respond: (answer: Uint8Array | null) => void }[] = [];
  const handle: Handle = (query, client, respond) => {
    queries.push({ query, client, respond });
  };
  const count = (wanted: number) => expect.poll(() => queries.length, { interval: 2, timeout: 10_000 }).toBe(wanted);
  return { queries, handle, count };
}

let credentials: Credentials;
const listeners: Listener[] = [];
const sessions: ClientHttp2Session[] = [];

beforeAll(async () => {
  credentials = await selfSigned('localhost');
});

afterEach(async () => {
  for (const session of sessions.splice(0)) session.destroy();
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
});

async function listen(handle: Handle, limits: Partial<ConnectionLimits> = {}, path?: string): Promise<Listener> {
  const options = { address: '127.0.0.1', port: 0, tls: credentials, limits: { ...DEFAULT_LIMITS, ...limits } };
  const listener = await listenDoh(path === undefined ? options : { ...options, path }, handle);
  listeners.push(listener);
  return listener;
}

async function dial(port: number, settings: Settings = {}): Promise<ClientHttp2Session> {
  const session = connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false, settings });
  sessions.push(session);
  session.on('error', () => {});
  await once(session, 'remoteSettings');
  return session;
}

interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Rejects when the stream ends without headers. */
async function replyOf(stream: ClientHttp2Stream): Promise<Reply> {
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status': number }];
  return { status: headers[':status'], headers, body: await buffer(stream) };
}

/** An HTTP/2 request with a body in pieces; without pieces it ends with its head. */
function send(session: ClientHttp2Session, headers: OutgoingHttpHeaders, ...pieces: Uint8Array[]): ClientHttp2Stream {
  const stream = session.request(headers, { endStream: pieces.length === 0 });
  stream.on('error', () => {});
  for (const piece of pieces) stream.write(piece);
  if (pieces.length > 0) stream.end();
  return stream;
}

const get = (path: string) => ({ ':method': 'GET', ':path': path });
const closing = (emitter: ClientHttp2Session | ClientHttp2Stream) =>
  new Promise<void>((resolve) => {
    if (emitter.destroyed) resolve();
    else emitter.once('close', () => resolve());
  });

/** The same over HTTP/1.1. */
async function http1(port: number, options: RequestOptions, body?: Uint8Array): Promise<Reply> {
  const out = request({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  out.end(body);
  const [response] = await once(out, 'response');
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
}

describe('queries', () => {
  test.each([
    ['GET', get(`/dns-query?dns=${BASE64}`), []],
    ['GET with more in its query', get(`/dns-query?ct&dns=${BASE64}&x=1`), []],
    ['POST', POST, [QUERY]],
    ['POST in pieces', POST, [QUERY.subarray(0, 5), QUERY.subarray(5)]],
    ['POST with a parameter', { ...POST, 'content-type': 'Application/DNS-message; v=1' }, [QUERY]],
  ])('DNS-TCP-02 HTTP/2 %s', async (_name, headers, pieces) => {
    const { handle, queries, count } = held();
    const { port, counters } = await listen(handle);
    const stream = send(await dial(port), headers, ...pieces);
    await count(1);
    expect(new Uint8Array(queries[0]?.query ?? [])).toEqual(QUERY);
    expect(queries[0]?.client).toEqual({ family: 4, address: Uint8Array.of(127, 0, 0, 1), transport: 'https' });
    queries[0]?.respond(ANSWER);
    const { status, headers: got, body } = await replyOf(stream);
    expect(status).toBe(200);
    expect(got['content-type']).toBe('application/dns-message');
    expect(got['content-length']).toBe(String(ANSWER.length));
    expect(got['cache-control']).toBe('max-age=120');
    expect(new Uint8Array(body)).toEqual(ANSWER);
    expect(counters['messages.answered']).toBe(1);
  });

  test('DNS-TCP-02 HTTP/1.1, several requests on a connection', async () => {
    const { port, counters } = await listen(answering);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const headers = { 'content-type': 'application/dns-message' };
    const replies = [
      await http1(port, { agent, path: `/dns-query?dns=${BASE64}` }),
      await http1(port, { agent, path: '/dns-query', method: 'POST', headers }, QUERY),
    ];
    agent.destroy();
    for (const { status, headers: got, body } of replies) {
      expect(status).toBe(200);
      expect(got['cache-control']).toBe('max-age=120');
      expect(new Uint8Array(body)).toEqual(ANSWER);
    }
    expect(counters['connections.accepted']).toBe(1);
  });

  test('DNS-TCP-06 an answer does not wait for the one before', async () => {
    const { handle, queries, count } = held();
    const { port } = await listen(handle);
    const session = await dial(port);
    const streams = [send(session, POST, QUERY), send(session, POST, QUERY)];
    await count(2);
    const [slow, fast] = streams.map(replyOf);
    queries[1]?.respond(ANSWER);
    expect((await fast)?.status).toBe(200);
    queries[0]?.respond(ANSWER);
    expect((await slow)?.status).toBe(200);
  });

  test('the answer is a copy: its buffer may be used again', async () => {
    const mutable = Uint8Array.from(ANSWER);
    const { port } = await listen((_query, _client, respond) => {
      respond(mutable);
      mutable.fill(0);
    });
    expect(new Uint8Array((await replyOf(send(await dial(port), POST, QUERY))).body)).toEqual(ANSWER);
  });

  test('another path', async () => {
    const { port } = await listen(answering, {}, '/other');
    const session = await dial(port);
    expect((await replyOf(send(session, get(`/other?dns=${BASE64}`)))).status).toBe(200);
    expect((await replyOf(send(session, get(`/dns-query?dns=${BASE64}`)))).status).toBe(404);
  });

  const tooLong = new Uint8Array(65_536);
  test.each<[string, number, OutgoingHttpHeaders, Uint8Array[]]>([
    ['another path', 404, get(`/?dns=${BASE64}`), []],
    ['a path below', 404, get(`/dns-query/?dns=${BASE64}`), []],
    ['no query', 400, get('/dns-query'), []],
    ['an empty query', 400, get('/dns-query?dns='), []],
    ['two queries', 400, get(`/dns-query?dns=${BASE64}&dns=${BASE64}`), []],
    ['padding', 400, get('/dns-query?dns=AAABAAABAAAAAAAAAA=='), []],
    ['the other base64', 400, get('/dns-query?dns=AAABAAABAAAAAAAA%2B%2F'), []],
    ['a length that no octets give', 400, get('/dns-query?dns=AAABAAABAAAAAAAAA'), []],
    ['less than a header', 400, get('/dns-query?dns=AAABAAABAAAAAAA'), []],
    ['less than a header, as a body', 400, POST, [QUERY.subarray(0, 11)]],
    ['an empty body', 400, POST, []],
    ['PUT', 405, { ...POST, ':method': 'PUT' }, [QUERY]],
    ['HEAD', 405, { ':method': 'HEAD', ':path': `/dns-query?dns=${BASE64}` }, []],
    ['OPTIONS', 405, { ':method': 'OPTIONS', ':path': '/dns-query' }, []],
    ['JSON', 415, { ...POST, 'content-type': 'application/json' }, [QUERY]],
    ['no type', 415, { ':method': 'POST', ':path': '/dns-query' }, [QUERY]],
    ['a body of 65,536 octets', 413, POST, [tooLong]],
    ['a body that says so', 413, { ...POST, 'content-length': 65_536 }, [tooLong]],
  ])('%s is refused with %i', async (_name, status, headers, pieces) => {
    const { port, counters } = await listen(answering);
    const session = await dial(port);
    const reply = await replyOf(send(session, headers, ...pieces));
    expect(reply.status).toBe(status);
    expect(reply.body).toHaveLength(0);
    if (status === 405) expect(reply.headers.allow).toBe('GET, POST');
    expect(counters[`requests.${status}`]).toBe(1);
    expect(counters['messages.received']).toBe(0);
    expect((await replyOf(send(session, POST, QUERY))).status).toBe(200);
  });

  test('a body of 65,535 octets is a query', async () => {
    const { handle, queries, count } = held();
    const { port } = await listen(handle);
    send(await dial(port), POST, new Uint8Array(65_535));
    await count(1);
    expect(queries[0]?.query).toHaveLength(65_535);
  });

  test('refusals over HTTP/1.1 close the connection when a body is left', async () => {
    const { port } = await listen(answering);
    const unread = await http1(port, { path: '/dns-query', method: 'PUT' }, QUERY);
    expect([unread.status, unread.headers.connection]).toEqual([405, 'close']);
    const agent = new Agent({ keepAlive: true });
    const without = await http1(port, { agent, path: '/dns-query' });
    agent.destroy();
    expect([without.status, without.headers.connection]).toEqual([400, 'keep-alive']);
  });

  test('where the engine keeps silent, the answer is 503', async () => {
    const { port, counters } = await listen((_query, _client, respond) => respond(null));
    expect((await replyOf(send(await dial(port), POST, QUERY))).status).toBe(503);
    expect(counters['messages.silent']).toBe(1);
  });
});

describe('how long an answer may be kept', () => {
  const NXDOMAIN = 0x8183;
  test.each([
    ['the least TTL of the answer', answerOf(0x8180, [aaaa(300), aaaa(30), aaaa(60)]), 30],
    ['not those of other sections', answerOf(0x8180, [aaaa(300)], [], [aaaa(5)]), 300],
    ['a TTL of 0', answerOf(0x8180, [aaaa(0)]), 0],
    ['no data: the MINIMUM of the SOA', answerOf(0x8180, [], [soa(600, 60)]), 60],
    ['no such name: the TTL of the SOA', answerOf(NXDOMAIN, [], [soa(50, 60)]), 50],
    ['an alias to no data: the least of both', answerOf(0x8180, [aaaa(300)], [soa(600, 60)]), 60],
    ['no data and no SOA', answerOf(0x8180, []), 0],
    ['SERVFAIL', answerOf(0x8182, [], [soa(600, 60)]), 0],
    ['no message', new Uint8Array(7), 0],
  ])('%s', (_name, answer, seconds) => {
    expect(freshSeconds(answer)).toBe(seconds);
  });
});

describe('bounds', () => {
  test('DNS-TCP-09 a session on which nothing comes ends with GOAWAY', async () => {
    const { port, counters, reconfigure } = await listen(answering);
    const session = await dial(port);
    reconfigure(SHORT);
    const [code] = await once(session, 'goaway');
    expect(code).toBe(constants.NGHTTP2_NO_ERROR);
    await closing(session);
    expect(counters['connections.idle_closed']).toBe(1);
  });

  test('DNS-TCP-09 neither pieces of a body nor requests without a query keep a session', async () => {
    const { port, counters, reconfigure } = await listen(answering);
    const session = await dial(port);
    reconfigure(SHORT);
    const stream = session.request(POST, { endStream: false });
    stream.on('error', () => {});
    const drip = setInterval(() => {
      if (session.closed || session.destroyed) return;
      stream.write(Uint8Array.of(0));
      send(session, get('/favicon.ico'));
    }, 10);
    session.once('goaway', () => clearInterval(drip));
    await closing(session);
    clearInterval(drip);
    expect(counters['connections.idle_closed']).toBe(1);
  });

  test('DNS-TCP-09 half a head over HTTP/1.1, and half a handshake, are closed', async () => {
    const { port } = await listen(answering, { idleMs: 150 });
    const http = tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
    const drip = setInterval(() => http.writable && http.write('GET /dns-query HTTP/1.1\r\nx: '), 10);
    const silent = tcpConnect(port, '127.0.0.1');
    for (const socket of [http, silent]) socket.on('error', () => {});
    await Promise.all([new Promise((resolve) => http.once('close', resolve)), once(silent.resume(), 'close')]);
    clearInterval(drip);
  });

  test('DNS-TCP-10 connections are bounded, in total and for a client', async () => {
    const listener = await listen(answering, { connections: 2, connectionsPerClient: 1 });
    await dial(listener.port);
    await expect(dial(listener.port)).rejects.toThrow();
    expect(listener.counters['connections.refused_per_client']).toBe(1);
    listener.reconfigure({ ...DEFAULT_LIMITS, connections: 1 });
    await expect(dial(listener.port)).rejects.toThrow();
    expect(listener.counters['connections.refused_total']).toBe(1);
  });

  test('a flood of streams has as many queries with the engine as it may, and no more', async () => {
    const { handle, queries, count } = held();
    const { port } = await listen(handle, { openQueries: 10 });
    const session = await dial(port);
    expect(session.remoteSettings.maxConcurrentStreams).toBe(10);
    const replies = Array.from({ length: 40 }, () => replyOf(send(session, POST, QUERY)));
    for (let answered = 0; answered < 40; answered += 10) {
      await count(answered + 10);
      for (const { respond } of queries.slice(answered)) respond(ANSWER);
    }
    for (const reply of replies) expect((await reply).status).toBe(200);
  });

  test('a client that resets its streams has no more queries with the engine than others', async () => {
    const { handle, queries, count } = held();
    const { port, counters } = await listen(handle, { openQueries: 10 });
    const session = await dial(port);
    for (let i = 1; i <= 10; i++) {
      const stream = send(session, POST, QUERY);
      await count(i);
      stream.close(constants.NGHTTP2_CANCEL);
      await closing(stream);
    }
    expect((await replyOf(send(session, POST, QUERY))).status).toBe(503);
    expect(queries).toHaveLength(10);
    for (const { respond } of queries) respond(ANSWER);
    // DNS-TCP-11: nobody is there to take them.
    expect(counters['discarded.client_gone']).toBe(10);
    const stream = send(session, POST, QUERY);
    await count(11);
    queries[10]?.respond(ANSWER);
    expect((await replyOf(stream)).status).toBe(200);
  });

  test('bodies of one connection are bounded together', async () => {
    const { port, counters } = await listen(answering, { outgoingBytes: 20_000 });
    const session = await dial(port);
    const streams = Array.from({ length: 5 }, () => {
      const stream = session.request(POST, { endStream: false });
      stream.on('error', () => {});
      stream.write(new Uint8Array(6000));
      return stream;
    });
    await expect.poll(() => counters['requests.503'], { interval: 2, timeout: 10_000 }).toBeGreaterThan(0);
    for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL);
    await Promise.all(streams.map(closing));
    expect((await replyOf(send(session, POST, QUERY))).status).toBe(200);
  });

  test('the rest of a refused body is not waited for', async () => {
    const { port } = await listen(answering);
    const stream = (await dial(port)).request({ ...POST, ':path': '/' }, { endStream: false });
    const reply = await replyOf(stream);
    await closing(stream);
    expect([reply.status, stream.rstCode]).toEqual([404, constants.NGHTTP2_NO_ERROR]);
  });

  test('a client that asks and takes nothing is closed', async () => {
    const { port, counters, reconfigure } = await listen(answering);
    const session = await dial(port, { initialWindowSize: 0 });
    for (let i = 0; i < 50; i++) send(session, POST, QUERY);
    await expect.poll(() => counters['messages.received'], { interval: 2, timeout: 10_000 }).toBe(50);
    reconfigure(SHORT);
    await closing(session);
    expect(counters['connections.idle_closed']).toBe(1);
  });

  test('a head beyond its bounds is not read, and others are', async () => {
    const { port, counters } = await listen(answering);
    const session = await dial(port);
    const large = send(session, { ...get(`/dns-query?dns=${BASE64}`), x: 'x'.repeat(40_000) });
    await closing(large);
    expect(counters['messages.received']).toBe(0);
    expect((await http1(port, { path: `/dns-query?dns=${'A'.repeat(40_000)}` })).status).toBe(431);
    expect((await replyOf(send(await dial(port), POST, QUERY))).status).toBe(200);
  });

  test('DNS-TCP-11 answers for a client that is gone are discarded quietly', async () => {
    const { handle, queries, count } = held();
    const { port, counters } = await listen(handle, { connectionsPerClient: 1 });
    const session = await dial(port);
    send(session, POST, QUERY);
    send(session, POST, QUERY);
    await count(2);
    session.destroy();
    await closing(session);
    // Its place is free once the server has seen it go.
    await expect
      .poll(
        () =>
          dial(port).then(
            () => true,
            () => false,
          ),
        { interval: 5, timeout: 10_000 },
      )
      .toBe(true);
    for (const { respond } of queries) respond(ANSWER);
    expect(counters['discarded.client_gone']).toBe(2);
  });

  test('random octets, before and after the handshake, do no harm', async () => {
    const { port, counters } = await listen(answering);
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('none', 'h2', 'h2 preface', 'http/1.1'),
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        async (layer, bytes) => {
          const [protocol = ''] = layer.split(' ');
          const socket =
            layer === 'none'
              ? tcpConnect(port, '127.0.0.1')
              : tlsConnect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: [protocol] });
          socket.on('error', () => {});
          socket.resume();
          socket.end(layer === 'h2 preface' ? Buffer.concat([preface, bytes]) : bytes);
          await new Promise((resolve) => socket.once('close', resolve));
        },
      ),
      { numRuns: 60 },
    );
    expect((await replyOf(send(await dial(port), POST, QUERY))).status).toBe(200);
    expect(counters['connections.accepted']).toBe(61);
  });

  test('a new certificate is for new connections', async () => {
    const listener = await listen(answering);
    const session = await dial(listener.port);
    listener.setSecureContext(await selfSigned('second.test'));
    const socket = tlsConnect({ host: '127.0.0.1', port: listener.port, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    expect(socket.getPeerCertificate().subject.CN).toBe('second.test');
    socket.destroy();
    expect((await replyOf(send(session, POST, QUERY))).status).toBe(200);
  });

  test('close ends every session, and what is answered later goes nowhere', async () => {
    const { handle, queries, count } = held();
    const listener = await listen(handle);
    const session = await dial(listener.port);
    send(session, POST, QUERY);
    await count(1);
    await listener.close();
    await closing(session);
    queries[0]?.respond(ANSWER);
    expect(listener.counters['discarded.client_gone']).toBe(1);
    await expect(dial(listener.port)).rejects.toThrow('ECONNREFUSED');
  });
});
