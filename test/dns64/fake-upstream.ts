/**
 * A recursive resolver that does as it is told, on a loopback port of its own: UDP and TCP on the same number, or TLS.
 *
 *     const upstream = await startUpstream((question) => ({ answers: [a('192.0.2.1', question)] }));
 *     … createUpstreams({ …, servers: [upstream.server] }) …
 *     expect(upstream.asked).toEqual([…]);
 *     await upstream.close();
 *
 * The script sees each question and says what goes back: an answer, several one after the other, or 'silence'.
 */
import { execFileSync } from 'node:child_process';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import * as packet from 'dns-packet';
import type { UpstreamServer } from '../../src/dns64/upstream/upstreams.js';

export interface Asked {
  /** In the letter case it came in. */
  name: string;
  type: string;
  transport: 'udp' | 'tcp' | 'tls';
  id: number;
  rd: boolean;
  ad: boolean;
  cd: boolean;
  do: boolean;
  /** False without OPT. */
  edns: boolean;
  udpBytes: number;
  /** Codes of the EDNS options. */
  options: number[];
  /** Client cookie, or client and server cookie. */
  cookie: Buffer | null;
  /** The client's. */
  address: string;
  port: number;
  /** Which connection it came on, counted from 1; 0 for UDP. */
  connection: number;
  /** The TLS session is one of before. */
  resumed: boolean;
}

export interface Answer {
  rcode?: number;
  answers?: packet.Answer[];
  authorities?: packet.Answer[];
  additionals?: packet.Answer[];
  tc?: boolean;
  ad?: boolean;
  /** Default: with OPT when the question has one. */
  edns?: boolean;
  /** The cookie option's data; default: none. */
  cookie?: Uint8Array;
  /** Goes out after so long. */
  delayMs?: number;
  /** Goes out after that. */
  after?: Promise<unknown>;
  /** Added to the right id. */
  idOffset?: number;
  /** In place of the question's own; an empty list is no question at all. */
  questions?: { name: string; type: string; class?: string }[];
  /** UDP: sent from another port. */
  fromOtherPort?: boolean;
  /** This instead of a message; on a connection without a length in front. */
  raw?: Uint8Array;
  /** TCP: written in pieces of so many octets, each in its own segment. */
  pieceBytes?: number;
  /** TCP: the connection is ended behind it. */
  close?: boolean;
}

export type Reply = Answer | 'silence' | 'reset';
export type Script = (question: Asked) => Reply | Reply[] | Promise<Reply | Reply[]>;

export interface FakeUpstream {
  /** As the code under test wants it. */
  readonly server: UpstreamServer;
  /** All questions so far, in the order in which they came. */
  readonly asked: Asked[];
  /** Resolves when that many questions came. */
  questions(count: number): Promise<void>;
  /** Connections so far, and open now. */
  readonly connections: number;
  readonly openConnections: number;
  /** Resolves when no connection is open. */
  disconnected(): Promise<void>;
  /** What each `data` event of a connection brought: message borders show how it was written. */
  readonly chunks: Buffer[];
  /** Other answers from now on. */
  script: Script;
  close(): Promise<void>;
}

export interface FakeOptions {
  address?: string;
  /** The same port as one that was closed. */
  port?: number;
  tls?: Certificate;
  /** Name that is asked for in the certificate; null for none. */
  tlsName?: string | null;
  /** False leaves the port of TCP, or of UDP, closed. */
  tcp?: boolean;
  udp?: boolean;
}

export interface Certificate {
  key: string;
  cert: string;
  name: string;
}

/** A self-signed certificate for `name`. Throws when there is no openssl. */
export function makeCertificate(name: string): Certificate {
  const directory = mkdtempSync(join(tmpdir(), 'platypus-certificate-'));
  try {
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=DNS:${name}`];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', cert, ...subject], { stdio: 'pipe' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8'), name };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** An A record of the name that was asked. */
export function a(address: string, { name }: { name: string }, ttl = 300): packet.Answer {
  return { type: 'A', name, ttl, data: address };
}

/** An AAAA record of the name that was asked. */
export function aaaa(address: string, { name }: { name: string }, ttl = 300): packet.Answer {
  return { type: 'AAAA', name, ttl, data: address };
}

export async function startUpstream(script: Script, options: FakeOptions = {}): Promise<FakeUpstream> {
  const { address = '::1', tls, tlsName = tls?.name ?? null } = options;
  const asked: Asked[] = [];
  const chunks: Buffer[] = [];
  const sockets = new Set<Socket>();
  const events = new EventEmitter();
  events.setMaxListeners(0);
  let connections = 0;

  const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const other = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  udp.on('message', (bytes, from) => void onUdp(bytes, from));

  async function answersTo(question: Asked): Promise<Reply[]> {
    asked.push(question);
    const made = fake.script(question);
    events.emit('asked');
    const replies = await made;
    return Array.isArray(replies) ? replies : [replies];
  }

  async function onUdp(bytes: Buffer, from: RemoteInfo): Promise<void> {
    const query = packet.decode(bytes);
    const about = { transport: 'udp', address: from.address, port: from.port, connection: 0, resumed: false } as const;
    for (const reply of await answersTo(describe(query, about))) {
      if (typeof reply === 'string') continue;
      const send = () => (reply.fromOtherPort ? other : udp).send(encode(query, reply), from.port, from.address);
      later(reply, () => {
        if (!closed) send();
      });
    }
  }

  function onConnection(socket: Socket): void {
    connections++;
    const connection = connections;
    sockets.add(socket);
    socket.setNoDelay(true);
    const resumed = tls !== undefined && (socket as TLSSocket).isSessionReused();
    const about = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0, connection, resumed };
    let rest: Buffer = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE()) {
        const query = packet.decode(rest.subarray(2, 2 + rest.readUInt16BE()));
        rest = rest.subarray(2 + rest.readUInt16BE());
        void onStream(socket, query, describe(query, { transport: tls ? 'tls' : 'tcp', ...about }));
      }
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      events.emit('closed');
    });
  }

  async function onStream(socket: Socket, query: packet.Packet, question: Asked): Promise<void> {
    for (const reply of await answersTo(question)) {
      if (reply === 'silence') continue;
      if (reply === 'reset') {
        socket.destroy();
        continue;
      }
      later(reply, () => void write(socket, reply, query));
    }
  }

  async function write(socket: Socket, reply: Answer, query: packet.Packet): Promise<void> {
    const bytes = reply.raw ?? framed(encode(query, reply));
    const step = reply.pieceBytes ?? bytes.length;
    for (let at = 0; at < bytes.length && !socket.destroyed; at += step) {
      socket.write(bytes.subarray(at, at + step));
      // A turn of the loop, so that pieces leave one by one.
      if (step < bytes.length) await new Promise((go) => setImmediate(go));
    }
    if (reply.close) socket.end();
  }

  let closed = false;
  const stream: Server =
    tls === undefined ? createTcpServer(onConnection) : createTlsServer({ key: tls.key, cert: tls.cert }, onConnection);
  stream.on('tlsClientError', () => {});
  other.bind(0, address);
  await once(other, 'listening');
  const port = await listen(udp, stream, address, options);

  const fake: FakeUpstream = {
    server: { address, port, tls: tls === undefined ? null : { name: tlsName, ca: tls.cert } },
    asked,
    chunks,
    script,
    get connections() {
      return connections;
    },
    get openConnections() {
      return sockets.size;
    },
    async questions(count) {
      while (asked.length < count) await once(events, 'asked');
    },
    async disconnected() {
      while (sockets.size > 0) await once(events, 'closed');
    },
    async close() {
      if (closed) return;
      closed = true;
      udp.close();
      other.close();
      for (const socket of sockets) socket.destroy();
      if (stream.listening) {
        stream.close();
        await once(stream, 'close');
      }
    },
  };
  return fake;
}

/** UDP and TCP on one port; with TLS the UDP port is there to see that nothing comes in the clear. */
async function listen(
  udp: ReturnType<typeof createSocket>,
  stream: Server,
  address: string,
  { port: wanted = 0, tcp = true, udp: hasUdp = true }: FakeOptions,
): Promise<number> {
  for (;;) {
    let port = wanted;
    if (tcp) {
      stream.listen(port, address);
      await once(stream, 'listening');
      port = (stream.address() as AddressInfo).port;
    }
    if (!hasUdp) return port;
    try {
      udp.bind(port, address);
      await once(udp, 'listening');
      return udp.address().port;
    } catch (error) {
      // Free for TCP is not free for UDP.
      if (wanted !== 0) throw error;
      stream.close();
      await once(stream, 'close');
    }
  }
}

function later({ delayMs, after }: Answer, go: () => void): void {
  if (after !== undefined) void after.then(go);
  else if (delayMs !== undefined) setTimeout(go, delayMs);
  else go();
}

type About = Pick<Asked, 'transport' | 'address' | 'port' | 'connection' | 'resumed'>;

function describe(query: packet.Packet, about: About): Asked {
  const question = query.questions?.[0];
  const opt = optOf(query);
  const options = opt?.options ?? [];
  const flags = query.flags ?? 0;
  return {
    name: question?.name ?? '',
    type: question?.type ?? '',
    id: query.id ?? 0,
    rd: (flags & packet.RECURSION_DESIRED) !== 0,
    ad: (flags & packet.AUTHENTIC_DATA) !== 0,
    cd: (flags & packet.CHECKING_DISABLED) !== 0,
    do: opt?.flag_do ?? false,
    edns: opt !== undefined,
    udpBytes: opt?.udpPayloadSize ?? 0,
    options: options.map(({ code }) => code),
    cookie: options.find(({ code }) => code === 10)?.data ?? null,
    ...about,
  };
}

/** What dns-packet reads of an OPT; its types know less. */
interface DecodedOpt {
  flag_do: boolean;
  udpPayloadSize: number;
  options: { code: number; data: Buffer }[];
}

function optOf(query: packet.Packet): DecodedOpt | undefined {
  return query.additionals?.find((record) => record.type === 'OPT') as DecodedOpt | undefined;
}

function encode(query: packet.Packet, reply: Answer): Buffer {
  if (reply.raw !== undefined) return Buffer.from(reply.raw);
  const { rcode = 0, answers = [], authorities = [], additionals = [], cookie } = reply;
  const withOpt = reply.edns ?? optOf(query) !== undefined;
  const options = cookie === undefined ? [] : [{ code: 10, data: Buffer.from(cookie) }];
  const opt = { type: 'OPT', name: '.', udpPayloadSize: 1232, extendedRcode: rcode >> 4, ednsVersion: 0, flags: 0 };
  return packet.encode({
    type: 'response',
    id: ((query.id ?? 0) + (reply.idOffset ?? 0)) & 0xffff,
    flags:
      packet.RECURSION_DESIRED |
      packet.RECURSION_AVAILABLE |
      (reply.tc ? packet.TRUNCATED_RESPONSE : 0) |
      (reply.ad ? packet.AUTHENTIC_DATA : 0) |
      (rcode & 15),
    questions: (reply.questions ?? query.questions) as packet.Question[],
    answers,
    authorities,
    additionals: withOpt ? [...additionals, { ...opt, options } as unknown as packet.Answer] : additionals,
  });
}

function framed(message: Buffer): Buffer {
  const bytes = Buffer.alloc(2 + message.length);
  bytes.writeUInt16BE(message.length);
  message.copy(bytes, 2);
  return bytes;
}
