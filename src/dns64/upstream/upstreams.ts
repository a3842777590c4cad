/**
 * The client side of the DNS64 server: several recursive resolvers, over UDP, TCP and TLS.
 *
 *  - `upstreams.ts`: the face: identical questions joined, the number of open ones bounded, reconfiguration;
 *  - `resolution.ts`: one question in its attempts; `probe.ts`: the same to a dead server; `exchange.ts`: one question
 *    to one server;
 *  - `server.ts`: what is kept of a server: `health.ts`, `cookies.ts`, `stats.ts`;
 *  - `udp-pool.ts`, `udp-socket.ts`, `source.ts`, `random.ts`: UDP, hard to guess (RFC 5452), by the native core's
 *    sockets or node:dgram (`udp-link.ts`, `udp-link-dgram.ts`);
 *  - `stream.ts`, `connection.ts`: TCP and TLS (RFC 7766, RFC 7858);
 *  - `request.ts`: the query itself, and whether a reply is about it.
 */
import { knownName, nameKey } from '../wire/name.js';
import { Class, Type } from '../wire/numbers.js';
import type { Health } from './health.js';
import { Histogram, LATENCY_BOUNDS_MS } from './histogram.js';
import type { UpstreamOptions } from './options.js';
import { Probe } from './probe.js';
import { createRandom } from './random.js';
import type { Ask } from './request.js';
import { type Outcome, Resolution } from './resolution.js';
import { labelOf, Server, type Surroundings } from './server.js';
import type { UpstreamStats } from './stats.js';
import { openDgramLink } from './udp-link-dgram.js';

export type { UpstreamOptions, UpstreamServer, UpstreamTls } from './options.js';
export { DEFAULT_UPSTREAM_OPTIONS } from './options.js';
export type { Ask } from './request.js';
export type { Outcome } from './resolution.js';
export type { ServerStats, UpstreamStats } from './stats.js';

export interface Upstreams {
  /**
   * Asks one of the servers; never rejects. The question in the answer's message has the letter case that went out.
   * `failed` is `timeout` when nobody answered in time; `unreachable` when packets could not be sent, or nobody listens,
   * or the answer over TCP cannot be read; `refused-transport` when TCP or TLS was refused, not authenticated, or closed
   * without an answer; `overload` when too many questions are open.
   */
  ask(query: Ask): Promise<Outcome>;
  /**
   * From now on servers that were never heard are asked whether they live, also when nobody has a question, and those
   * marked dead in their growing intervals.
   */
  watch(): void;
  /** Takes other servers or settings from now on. Open questions end with the old ones. */
  reconfigure(options: UpstreamOptions): void;
  /** False when every server is marked dead, null while none of the others was heard yet. They are asked nevertheless. */
  readonly usable: boolean | null;
  stats(): UpstreamStats;
  /** Ends open questions as `failed` and closes all sockets. Later questions fail too. */
  close(): void;
}

/** The servers of one configuration and what is open with them. */
interface Generation {
  servers: Server[];
  options: UpstreamOptions;
  /** By question. */
  joinable: Map<string, Promise<Outcome>>;
  resolutions: Set<Resolution>;
  probes: Set<Probe>;
  /** Replaced: it closes when nothing is open. */
  retired: boolean;
}

const WATCH_MS = 1000;
/** What a resolver knows by itself (RFC 6303 §4.2), also one that has no way to the root. */
const ALIVE: Ask = {
  name: knownName('1.0.0.127.in-addr.arpa'),
  type: Type.PTR,
  klass: Class.IN,
  dnssecOk: false,
  checkingDisabled: false,
};

/** Opens nothing until something is asked. What is not given is the real thing, and node:dgram. */
export function createUpstreams(options: UpstreamOptions, given: Partial<Surroundings> = {}): Upstreams {
  const surroundings: Surroundings = {
    random: given.random ?? createRandom(),
    now: given.now ?? (() => performance.now()),
    openLink: given.openLink ?? openDgramLink,
  };
  const { now } = surroundings;
  const latency = new Histogram();
  const generations = new Set<Generation>();
  let current = createGeneration(options, []);
  let closed = false;
  let open = 0;
  let joined = 0;
  let overload = 0;
  let failed = 0;
  let watching: NodeJS.Timeout | null = null;

  function createGeneration(next: UpstreamOptions, before: readonly Server[]): Generation {
    const servers = next.servers.map((server) => {
      const known = before.find(({ label, tls }) => label === labelOf(server) && tls === (server.tls !== null));
      return new Server(server, next, surroundings, known);
    });
    const generation: Generation = {
      servers,
      options: next,
      joinable: new Map(),
      resolutions: new Set(),
      probes: new Set(),
      retired: false,
    };
    generations.add(generation);
    return generation;
  }

  function closeWhenDone(generation: Generation): void {
    if (!generation.retired || generation.resolutions.size + generation.probes.size > 0) return;
    generations.delete(generation);
    for (const server of generation.servers) server.close();
  }

  function probe(generation: Generation, query: Ask, isDue: (health: Health) => boolean): void {
    const { servers, probes } = generation;
    for (const server of servers) {
      if (server.probing || !isDue(server.health)) continue;
      const made = new Probe(server, query, (ended) => {
        probes.delete(ended);
        closeWhenDone(generation);
      });
      probes.add(made);
      made.start();
    }
  }

  function resolve(generation: Generation, query: Ask, key: string): Promise<Outcome> {
    return new Promise((settle) => {
      const resolution = new Resolution(
        generation.servers,
        query,
        generation.options.timeoutMs,
        now,
        (outcome, milliseconds, ended) => {
          open--;
          generation.joinable.delete(key);
          generation.resolutions.delete(ended);
          if (outcome.kind === 'answer') latency.add(milliseconds);
          else failed++;
          settle(outcome);
          closeWhenDone(generation);
        },
      );
      open++;
      generation.resolutions.add(resolution);
      resolution.start();
    });
  }

  return {
    ask(query) {
      if (closed) return Promise.resolve({ kind: 'failed', reason: 'unreachable' });
      const generation = current;
      const key = keyOf(query);
      const known = generation.joinable.get(key);
      if (known !== undefined) {
        joined++;
        return known;
      }
      if (open >= generation.options.maxOpen) {
        overload++;
        return Promise.resolve({ kind: 'failed', reason: 'overload' });
      }
      const { servers } = generation;
      // With all dead, the question itself goes to them.
      if (servers.some(({ health }) => health.dead) && !servers.every(({ health }) => health.dead)) {
        const time = now();
        probe(generation, query, (health) => health.probeDue(time));
      }
      const before = open;
      const outcome = resolve(generation, query, key);
      // With no server at all it has ended already.
      if (open > before) generation.joinable.set(key, outcome);
      return outcome;
    },

    watch() {
      if (closed || watching !== null) return;
      const look = () => {
        const time = now();
        probe(current, ALIVE, (health) => (health.dead ? health.probeDue(time) : !health.heard));
      };
      look();
      watching = setInterval(look, WATCH_MS).unref();
    },

    reconfigure(next) {
      if (closed) return;
      const before = current;
      current = createGeneration(next, before.servers);
      before.retired = true;
      closeWhenDone(before);
    },

    get usable() {
      const living = current.servers.filter(({ health }) => !health.dead);
      if (living.length === 0) return false;
      return living.some(({ health }) => health.heard) ? true : null;
    },

    stats() {
      return {
        servers: current.servers.map((server) => server.stats()),
        open,
        joined,
        overload,
        failed,
        latency: { boundsMs: LATENCY_BOUNDS_MS, counts: [...latency.counts], sumMs: latency.sumMs },
      };
    },

    close() {
      closed = true;
      if (watching !== null) clearInterval(watching);
      for (const generation of [...generations]) {
        generation.retired = true;
        for (const resolution of [...generation.resolutions]) resolution.fail('unreachable');
        for (const ended of [...generation.probes]) ended.cancel();
        closeWhenDone(generation);
      }
    },
  };
}

/** The same for questions whose answer is the same. A name in wire form says itself where it ends. */
function keyOf({ name, type, klass, dnssecOk, checkingDisabled }: Ask): string {
  return `${nameKey(name)}${type}/${klass}/${dnssecOk ? 'D' : ''}${checkingDisabled ? 'C' : ''}`;
}
