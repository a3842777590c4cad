/**
 * A UDP socket that asks a STUN server and waits, within bounds, for what answers. Answers are told by their transaction,
 * 96 random bits, from wherever they come: that some come from elsewhere is what two of the probes are after.
 */
import { randomBytes } from 'node:crypto';
import type { Addon, UdpManner } from '../../native/addon.js';
import { type AskRequest, askValue, type Endpoint, readXorEndpoint } from '../../stun/attributes.js';
import { openDatagrams } from '../../stun/datagrams.js';
import {
  attributeOf,
  readStun,
  type StunAttribute,
  type StunMessage,
  stunBytes,
  writeStun,
} from '../../stun/message.js';
import { ATTRIBUTE_HEAD_BYTES, Attribute, BINDING, IPV4_UDP_BYTES, TRANSACTION_BYTES } from '../../stun/numbers.js';

export interface Asking {
  to: Endpoint;
  ask?: Partial<AskRequest>;
  /** Besides ASK. */
  attributes?: readonly StunAttribute[];
  /** Of the request's IPv4 packet: four bytes are the least step. REQUEST_BYTES unless told. */
  requestBytes?: number;
  manner?: UdpManner;
  /** How long to wait for an answer. */
  patienceMs?: number;
  /** Requests sent in that time, while none is answered; three unless told. */
  tries?: number;
}

export interface Reply {
  message: StunMessage;
  from: Endpoint;
  /** Of its IPv4 packet. */
  bytes: number;
  /** Since the first request. */
  milliseconds: number;
  mapped: Endpoint | null;
}

export interface Asker {
  readonly local: Endpoint;
  /** The answer, or null for silence and for errors of the server. Rejects only when the signal is aborted. */
  ask(asking: Asking): Promise<Reply | null>;
  /** Sends once and waits for nothing. */
  tell(octets: Uint8Array, to: Endpoint): void;
  /** Whether a message with this transaction comes, of whatever kind. */
  sees(transaction: Uint8Array, patienceMs: number): Promise<boolean>;
  close(): void;
}

export interface AskerOptions {
  addon: Pick<Addon, 'UdpSocket'>;
  source: string | null;
  device: string | null;
  signal: AbortSignal;
}

/** Long enough for an answer with all that a Platypus responder reports. */
export const REQUEST_BYTES = 148;
/** An answer as it comes, with all that the responder saw. */
export const REPORT: AskRequest = { noChecksum: false, dontFragment: false, report: true, answerBytes: 0 };
/** Round trips by satellite fit. */
export const PATIENCE_MS = 1500;
const TRIES = 3;
/** Within this part of the patience requests are sent; the rest is for the last one's answer. */
const SENDING_PART = 0.75;
const MOST_WAITING = 64;

/** Throws an Error with `code` where the source or the device is not there. */
export function openAsker({ addon, source, device, signal }: AskerOptions): Asker {
  signal.throwIfAborted();
  const waiting = new Map<string, (message: StunMessage, from: Endpoint, bytes: number) => void>();
  const socket = openDatagrams(addon, { address: source ?? '0.0.0.0', port: 0, device }, (octets, from) => {
    const reading = readStun(octets.slice());
    if ('refused' in reading) return;
    waiting.get(keyOf(reading.message.transaction))?.(reading.message, from, octets.length + IPV4_UDP_BYTES);
  });

  /** What comes with this transaction within the time, or null. */
  function come<Result>(
    transaction: Uint8Array,
    patienceMs: number,
    sendings: readonly { afterMs: number; send(): void }[],
    read: (message: StunMessage, from: Endpoint, bytes: number) => Result | null,
  ): Promise<Result | null> {
    if (waiting.size >= MOST_WAITING) throw new RangeError('too many questions at once');
    const key = keyOf(transaction);
    return new Promise((resolve, reject) => {
      const timers: NodeJS.Timeout[] = [];
      const end = () => {
        for (const timer of timers) clearTimeout(timer);
        signal.removeEventListener('abort', abort);
        waiting.delete(key);
      };
      const abort = () => {
        end();
        reject(signal.reason);
      };
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      waiting.set(key, (message, from, bytes) => {
        end();
        resolve(read(message, from, bytes));
      });
      for (const { afterMs, send } of sendings) {
        if (afterMs === 0) send();
        else timers.push(setTimeout(send, afterMs));
      }
      timers.push(
        setTimeout(() => {
          end();
          resolve(null);
        }, patienceMs),
      );
    });
  }

  return {
    local: socket.local,
    ask({ to, ask, attributes = [], requestBytes = REQUEST_BYTES, manner, patienceMs = PATIENCE_MS, tries = TRIES }) {
      const transaction = newTransaction();
      const octets = requestOf(transaction, { ...REPORT, ...ask }, attributes, requestBytes);
      const begun = performance.now();
      const send = () => {
        socket.send(octets, to, manner);
      };
      const sendings = Array.from({ length: tries }, (_, index) => ({
        afterMs: (index / tries) * SENDING_PART * patienceMs,
        send,
      }));
      return come(transaction, patienceMs, sendings, (message, from, bytes) => {
        if (message.kind !== 'success') return null;
        const value = attributeOf(message, Attribute.XOR_MAPPED_ADDRESS);
        const mapped = value === null ? null : readXorEndpoint(value, transaction);
        return { message, from, bytes, milliseconds: performance.now() - begun, mapped };
      });
    },
    tell(octets, to) {
      socket.send(octets, to);
    },
    async sees(transaction, patienceMs) {
      return (await come(transaction, patienceMs, [], () => true)) ?? false;
    },
    close: () => socket.close(),
  };
}

/** TRANSACTION_BYTES random octets. */
export function newTransaction(): Uint8Array {
  return new Uint8Array(randomBytes(TRANSACTION_BYTES));
}

/** A Binding request whose IPv4 packet has so many bytes, or as many as its attributes take. */
export function requestOf(
  transaction: Uint8Array,
  ask: AskRequest,
  attributes: readonly StunAttribute[],
  requestBytes: number,
): Uint8Array {
  const rest = requestBytes - IPV4_UDP_BYTES - stunBytes(attributes) - ATTRIBUTE_HEAD_BYTES;
  const all = [...attributes, { type: Attribute.ASK, value: askValue(ask, rest & ~3) }];
  return writeStun({ kind: 'request', method: BINDING, transaction, attributes: all, fingerprint: false });
}

function keyOf(transaction: Uint8Array): string {
  return Buffer.from(transaction).toString('hex');
}
