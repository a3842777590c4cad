/** TCP to the responder: whether it connects, whether a request gets through, and what segments either end sends. */
import { Socket } from 'node:net';
import { isSystemError, messageOf } from '../../errors.js';
import type { Addon } from '../../native/addon.js';
import { type Endpoint, readSeen, readXorEndpoint, segmentBytes } from '../../stun/attributes.js';
import { MAX_DATAGRAM_BYTES } from '../../stun/datagrams.js';
import { createFrames } from '../../stun/frames.js';
import { attributeOf, readStun, type StunMessage } from '../../stun/message.js';
import { Attribute } from '../../stun/numbers.js';
import { newTransaction, REPORT, REQUEST_BYTES, requestOf } from './asker.js';
import type { TcpFacts } from './facts.js';

export interface TcpProbe {
  addon: Pick<Addon, 'connectTcp' | 'tcpPath'>;
  responder: Endpoint;
  source: string | null;
  device: string | null;
  signal: AbortSignal;
}

const CONNECT_MS = 3000;
const ANSWER_MS = 3000;

/** Takes CONNECT_MS and ANSWER_MS at most. Rejects only when the signal is aborted. */
export async function probeTcp(probe: TcpProbe): Promise<TcpFacts> {
  const begun = performance.now();
  const connected = await connect(probe);
  const milliseconds = performance.now() - begun;
  const none = { answered: false, mapped: null, sendMssUp: null, sendMssDown: null, announcedMss: null };
  if (typeof connected === 'string') return { connected: false, error: connected, milliseconds: null, ...none };
  const socket = new Socket({ fd: connected });
  try {
    const transaction = newTransaction();
    const answer = await exchange(socket, requestOf(transaction, REPORT, [], REQUEST_BYTES), probe.signal);
    // Closed by the other end, the number may be another file's by now.
    const path = socket.destroyed ? null : probe.addon.tcpPath(connected);
    const own = { sendMssUp: path && segmentBytes(path), announcedMss: path?.announcedMss ?? null };
    if (typeof answer === 'string') return { connected: true, error: answer, milliseconds, ...none, ...own };
    const value = attributeOf(answer, Attribute.XOR_MAPPED_ADDRESS);
    const seen = attributeOf(answer, Attribute.SEEN);
    return {
      connected: true,
      error: null,
      milliseconds,
      answered: true,
      mapped: value === null ? null : readXorEndpoint(value, transaction),
      sendMssDown: seen === null ? null : (readSeen(seen)?.sendMss ?? null),
      ...own,
    };
  } finally {
    socket.destroy();
  }
}

/** A connected descriptor, or the error's name. */
function connect({ addon, responder, source, device, signal }: TcpProbe): Promise<number | string> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const options = {
      ...responder,
      local: source === null ? null : { address: source, port: 0 },
      device,
      md5: [],
      hopLimit: null,
      minHopLimit: null,
      trafficClass: 0,
    };
    const attempt = addon.connectTcp(options, (error, fd) => {
      end();
      resolve(error === null ? fd : isSystemError(error) ? error.code : messageOf(error));
    });
    const abort = () => {
      end();
      attempt.cancel();
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      end();
      attempt.cancel();
      resolve('ETIMEDOUT');
    }, CONNECT_MS);
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
    signal.addEventListener('abort', abort, { once: true });
  });
}

/** The first message that comes back, or why there was none. */
function exchange(socket: Socket, request: Uint8Array, signal: AbortSignal): Promise<StunMessage | string> {
  return new Promise((resolve, reject) => {
    const frames = createFrames(MAX_DATAGRAM_BYTES);
    const end = (outcome: StunMessage | string) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      resolve(outcome);
    };
    const abort = () => {
      clearTimeout(timer);
      socket.destroy();
      reject(signal.reason);
    };
    const timer = setTimeout(() => end('ETIMEDOUT'), ANSWER_MS);
    signal.addEventListener('abort', abort, { once: true });
    socket.on('error', (error) => end(isSystemError(error) ? error.code : messageOf(error)));
    socket.on('close', () => end('the connection was closed'));
    socket.on('data', (chunk: Buffer) => {
      const messages = frames.take(chunk);
      if (messages === null) return end('the answer is no STUN');
      const [octets] = messages;
      if (octets === undefined) return;
      const reading = readStun(octets);
      end('message' in reading ? reading.message : 'the answer is no STUN');
    });
    socket.write(request);
  });
}
