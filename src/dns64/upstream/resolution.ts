/**
 * One question in all its attempts: to the best server; when that takes too long, to the next, while the first may
 * still answer; and so on, four times at most. An answer that only tells of the server's trouble (SERVFAIL, REFUSED and
 * the like) is held against one other server's opinion.
 */
import type { Message } from '../wire/message.js';
import { Rcode } from '../wire/numbers.js';
import { Exchange, type ExchangeOwner, type Failure } from './exchange.js';
import type { Ask } from './request.js';
import type { Server } from './server.js';

export type Outcome =
  /** Any RCODE. The message is shared by all who asked the same: it is not to be changed. */
  { kind: 'answer'; message: Message; upstream: string; milliseconds: number } | { kind: 'failed'; reason: Failure };

const MOST_ATTEMPTS = 4;
/** Timers of the same length share a list in Node, so lengths are rounded up to few values. */
const TIMER_STEP_MS = 10;

export class Resolution implements ExchangeOwner {
  private readonly startMs: number;
  private readonly exchanges: Exchange[] = [];
  /** Servers that failed or answered badly. */
  private readonly out: Server[] = [];
  private attempts = 0;
  private current: Exchange | null = null;
  private poor: Outcome | null = null;
  private lastFailure: Failure = 'unreachable';
  private timer: NodeJS.Timeout | null = null;
  private ended = false;

  constructor(
    private readonly servers: readonly Server[],
    private readonly ask: Ask,
    private readonly timeoutMs: number,
    private readonly now: () => number,
    private readonly onEnd: (outcome: Outcome, milliseconds: number, resolution: Resolution) => void,
  ) {
    this.startMs = now();
  }

  start(): void {
    this.attempt();
  }

  /** Ends it without an answer. */
  fail(reason: Failure): void {
    this.end({ kind: 'failed', reason });
  }

  onDone(exchange: Exchange, result: Message | Failure): void {
    const { server } = exchange;
    const index = this.exchanges.indexOf(exchange);
    if (index >= 0) this.exchanges.splice(index, 1);
    this.out.push(server);
    if (typeof result === 'string') {
      this.lastFailure = result;
      if (this.poor === null) {
        if (exchange === this.current || this.exchanges.length === 0) this.attempt();
      } else if (this.exchanges.length === 0) {
        // The answer of a server in trouble is still better than none.
        this.end(this.poor);
      }
      return;
    }
    const milliseconds = this.now() - this.startMs;
    const outcome: Outcome = { kind: 'answer', message: result, upstream: server.label, milliseconds };
    const second = this.poor !== null;
    if (isSound(result)) {
      this.end(outcome);
      return;
    }
    this.poor = outcome;
    if (second) this.end(outcome);
    else this.attempt();
  }

  /** Puts the question to the next server, or waits for those that have it, or ends when nobody has. */
  private attempt(): void {
    const server = this.attempts < MOST_ATTEMPTS ? this.next() : null;
    if (server === null) {
      if (this.exchanges.length > 0) this.wait(this.poor === null ? this.timeoutMs : this.patience(this.exchanges));
      else this.end(this.poor ?? { kind: 'failed', reason: this.lastFailure });
      return;
    }
    this.attempts++;
    const known = this.exchanges.find((exchange) => exchange.server === server);
    const exchange = known ?? new Exchange(server, this.ask, this);
    this.current = exchange;
    const { attemptMs } = server.options;
    this.wait(Math.min(server.health.attemptMs(attemptMs) * 2 ** (known?.asks ?? 0), attemptMs.most));
    if (known !== undefined) {
      known.again();
    } else {
      this.exchanges.push(exchange);
      exchange.start();
    }
  }

  /** Who was asked least is next, the faster before the slower; the dead come after the others were asked once more. */
  private next(): Server | null {
    const now = this.now();
    let best: Server | null = null;
    let bestEffort = 0;
    let bestScore = 0;
    for (const server of this.servers) {
      if (this.out.includes(server)) continue;
      const asks = this.exchanges.find((exchange) => exchange.server === server)?.asks ?? 0;
      // A second opinion is somebody else's.
      if (asks > 0 && this.poor !== null) continue;
      const effort = asks * 2 + (server.health.dead ? 3 : 0);
      const score = server.health.score(now);
      if (best !== null && (effort > bestEffort || (effort === bestEffort && score >= bestScore))) continue;
      best = server;
      bestEffort = effort;
      bestScore = score;
    }
    return best;
  }

  /** Of the slowest server among those asked. */
  private patience(exchanges: readonly Exchange[]): number {
    return Math.max(...exchanges.map(({ server }) => server.health.attemptMs(server.options.attemptMs)));
  }

  private wait(milliseconds: number): void {
    if (this.timer !== null) clearTimeout(this.timer);
    const left = Math.min(milliseconds, this.timeoutMs - (this.now() - this.startMs));
    this.timer = setTimeout(this.onTimer, Math.max(1, Math.ceil(left / TIMER_STEP_MS)) * TIMER_STEP_MS);
  }

  private readonly onTimer = (): void => {
    this.timer = null;
    this.lastFailure = 'timeout';
    this.current?.late();
    this.current = null;
    if (this.poor !== null) this.end(this.poor);
    else if (this.now() - this.startMs >= this.timeoutMs) this.end({ kind: 'failed', reason: 'timeout' });
    else this.attempt();
  };

  private end(outcome: Outcome): void {
    if (this.ended) return;
    this.ended = true;
    if (this.timer !== null) clearTimeout(this.timer);
    for (const exchange of this.exchanges) exchange.cancel();
    this.onEnd(outcome, this.now() - this.startMs, this);
  }
}

/** True for an answer that is about the name; YXDOMAIN is DNAME's (RFC 6672 §2.2). */
function isSound({ rcode }: Message): boolean {
  return rcode === Rcode.NOERROR || rcode === Rcode.NXDOMAIN || rcode === Rcode.YXDOMAIN;
}
