/**
 * One question to one server, until there is an answer or none can come:
 *
 *  1. over UDP, with a letter case and a cookie that a forger would have to guess;
 *  2. once more over UDP, without EDNS or with another cookie, when the server wants it so;
 *  3. over TCP when the reply is cut short, or when it may be forged: nobody answers there in the server's place.
 *
 * A server with TLS is asked over TLS alone. How long to wait is the caller's business.
 */
import { type Message, readMessage } from '../wire/message.js';
import { Flag, Rcode } from '../wire/numbers.js';
import { putWord } from '../wire/words.js';
import type { StreamFailure, StreamQuery, StreamTicket } from './connection.js';
import { CookieVerdict } from './cookies.js';
import { type Ask, Fit, fitOf, LENGTH_BYTES, mixCase, writeRequest } from './request.js';
import type { Server } from './server.js';
import type { UdpQuery, UdpTicket } from './udp-socket.js';

/** Why a question has no answer: see `Outcome`. */
export type Failure = StreamFailure;

/** Hears of the end, once. */
export interface ExchangeOwner {
  onDone(exchange: Exchange, result: Message | Failure): void;
}

export class Exchange implements UdpQuery, StreamQuery {
  /** Times that the question was put, the first included. */
  asks = 1;
  private readonly name: Uint8Array;
  private readonly mixed: boolean;
  private readonly startMs: number;
  private edns: boolean;
  /** Nothing was sent twice or elsewhere: the time of the answer is a round trip's (Karn's rule, RFC 6298 §3). */
  private direct = true;
  private cookieRefused = false;
  private timedOut = false;
  private finished = false;
  private udp: UdpTicket | null = null;
  private stream: StreamTicket | null = null;

  constructor(
    readonly server: Server,
    private readonly ask: Ask,
    private readonly owner: ExchangeOwner,
  ) {
    this.startMs = server.surroundings.now();
    this.mixed = server.mixesCase;
    this.name = this.mixed ? mixCase(ask.name, server.surroundings.random) : ask.name;
    // RFC 6891 §6.2.2: without EDNS there is no DO, so who needs DNSSEC asks with it in any case.
    this.edns = ask.dnssecOk || server.takesEdns;
  }

  /** Sends the question. The owner may hear of its end at once. */
  start(): void {
    this.server.counters.queries++;
    this.server.health.asked(this.startMs);
    if (this.server.tls) this.startStream();
    else this.udp = this.server.udp.send(this);
  }

  /** Asks again: the same packet first, then TCP, for UDP may not get through. */
  again(): void {
    this.asks++;
    this.direct = false;
    if (this.finished || this.stream !== null) return;
    if (this.asks === 2 && this.udp !== null) this.udp.socket.again(this.udp);
    else this.startStream();
  }

  /** The caller waited long enough for an attempt; the answer may still come. */
  late(): void {
    this.server.counters.timeouts++;
    if (!this.timedOut) this.server.health.failed(this.server.surroundings.now());
    this.timedOut = true;
  }

  /** The owner hears nothing any more. */
  cancel(): void {
    this.finished = true;
    this.leaveUdp();
    if (this.stream !== null) this.server.stream.cancel(this.stream);
    this.stream = null;
  }

  packet(id: number, localAddress: string): Uint8Array {
    return writeRequest(this.ask, this.name, id, this.edns, this.cookie(localAddress), 0);
  }

  frame(id: number, localAddress: string): Uint8Array {
    const bytes = writeRequest(this.ask, this.name, id, this.edns, this.cookie(localAddress), LENGTH_BYTES);
    putWord(bytes, 0, bytes.length - LENGTH_BYTES);
    return bytes;
  }

  reply(bytes: Uint8Array, localAddress: string): boolean {
    const { counters, cookies } = this.server;
    const fit = fitOf(bytes, this.name, this.ask.type, this.ask.klass);
    if (fit === Fit.NONE) return false;
    // Forged, or a server that is careless about the question: over TCP it can only be the latter.
    if (fit === Fit.BARE || (fit === Fit.CASE && this.mixed)) {
      counters.mismatches++;
      return this.moveToStream();
    }
    const message = this.read(bytes);
    if (message === null) return false;
    if (this.edns && cookies !== null) {
      const verdict = cookies.take(localAddress, message.edns?.cookie ?? null);
      if (verdict === CookieVerdict.WRONG || verdict === CookieVerdict.MISSING) counters.badCookies++;
      if (verdict === CookieVerdict.WRONG) return false;
      // RFC 7873 §5.3: discarded. A server that gave up cookies is believed over TCP.
      if (verdict === CookieVerdict.MISSING) return this.moveToStream();
    }
    if ((message.flags & Flag.TC) !== 0) {
      counters.truncated++;
      return this.moveToStream();
    }
    if (message.rcode === Rcode.BADCOOKIE && this.edns) return this.onBadCookie();
    if (this.wantsNoEdns(message)) {
      this.udp = this.server.udp.send(this);
      return true;
    }
    this.udp = null;
    this.finish(message);
    return true;
  }

  streamReply(bytes: Uint8Array, localAddress: string): boolean {
    const { counters, cookies } = this.server;
    const fit = fitOf(bytes, this.name, this.ask.type, this.ask.klass);
    if (fit === Fit.NONE) return false;
    if (fit === Fit.CASE && this.mixed) this.server.changedCase();
    const message = this.read(bytes);
    const verdict =
      message !== null && this.edns && cookies !== null
        ? cookies.take(localAddress, message.edns?.cookie ?? null)
        : CookieVerdict.NONE;
    if (verdict === CookieVerdict.WRONG) {
      counters.badCookies++;
      return false;
    }
    if (verdict === CookieVerdict.MISSING) cookies?.forget(localAddress);
    this.stream = null;
    // The server's own words, and of no use: there is nothing left to try with it.
    if (message === null || (message.flags & Flag.TC) !== 0) this.finish('unreachable');
    else if (this.wantsNoEdns(message)) this.startStream();
    else this.finish(message);
    return true;
  }

  flooded(): void {
    this.server.counters.flooded++;
    this.udp = null;
    this.moveToStream();
  }

  unreachable(): void {
    this.server.counters.errors++;
    this.udp = null;
    if (this.stream === null) this.finish('unreachable');
  }

  lost(reason: StreamFailure): void {
    this.stream = null;
    // After `again` the answer may still come over UDP.
    if (this.udp === null) this.finish(reason);
  }

  private cookie(localAddress: string): Uint8Array | null {
    return this.edns ? (this.server.cookies?.toSend(localAddress) ?? null) : null;
  }

  private read(bytes: Uint8Array): Message | null {
    const message = readMessage(bytes);
    if (message === null) this.server.counters.malformed++;
    return message;
  }

  /** RFC 7873 §5.3: once more with the server cookie just received, then TCP. */
  private onBadCookie(): true {
    if (this.cookieRefused) return this.moveToStream();
    this.cookieRefused = true;
    this.direct = false;
    this.udp = this.server.udp.send(this);
    return true;
  }

  /** RFC 6891 §6.2.2, §7: FORMERR or NOTIMP and no OPT is how a server without EDNS answers. */
  private wantsNoEdns(message: Message): boolean {
    if (!this.edns || this.ask.dnssecOk || message.edns !== null) return false;
    if (message.rcode !== Rcode.FORMERR && message.rcode !== Rcode.NOTIMP) return false;
    this.edns = false;
    this.direct = false;
    this.server.refusedEdns();
    return true;
  }

  private moveToStream(): true {
    this.direct = false;
    this.leaveUdp();
    if (this.stream === null) this.startStream();
    return true;
  }

  private leaveUdp(): void {
    this.udp?.socket.cancel(this.udp);
    this.udp = null;
  }

  private startStream(): void {
    this.server.counters.tcp++;
    this.stream = this.server.stream.send(this);
    if (this.stream === null && this.udp === null) this.finish('overload');
  }

  private finish(result: Message | Failure): void {
    if (this.finished) return;
    const { health, counters, surroundings } = this.server;
    if (typeof result !== 'string') {
      counters.answers++;
      health.answered(this.direct ? surroundings.now() - this.startMs : null);
    } else if (result !== 'overload' && !this.timedOut) {
      health.failed(surroundings.now());
    }
    this.cancel();
    this.owner.onDone(this, result);
  }
}
