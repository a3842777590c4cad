/** What is kept of one upstream server: its sockets, its health, its habits, and what was counted. */
import { formatTransportAddress } from '../../config/address.js';
import { Cookies } from './cookies.js';
import { Health } from './health.js';
import type { UpstreamOptions, UpstreamServer } from './options.js';
import type { Random } from './random.js';
import { createCounters, type ServerCounters, type ServerStats } from './stats.js';
import { Stream } from './stream.js';
import type { OpenLink } from './udp-link.js';
import { UdpPool } from './udp-pool.js';

/** Time, chance and the network, handed in. */
export interface Surroundings {
  random: Random;
  /** Milliseconds that never go back. */
  now(): number;
  /** For UDP. */
  openLink: OpenLink;
}

/** RFC 6891 §6.2.2: briefly, for the server may learn. */
const WITHOUT_EDNS_MS = 5 * 60_000;
const WITHOUT_CASE_MS = 10 * 60_000;

export class Server {
  readonly label: string;
  readonly udp: UdpPool;
  readonly stream: Stream;
  readonly cookies: Cookies | null;
  readonly tls: boolean;
  /** A probe is under way: one at a time. */
  probing = false;
  private withoutEdnsUntilMs = 0;
  private withoutCaseUntilMs = 0;

  /** `known` is the same server before a reconfiguration: its counters and health live on, its cookies do not. */
  constructor(
    server: UpstreamServer,
    readonly options: UpstreamOptions,
    readonly surroundings: Surroundings,
    known: Server | undefined,
    readonly counters: ServerCounters = known?.counters ?? createCounters(),
    readonly health: Health = known?.health ?? new Health(),
  ) {
    const { address, port, tls } = server;
    const { sourceAddresses, avoidPorts } = options;
    this.label = labelOf(server);
    this.tls = tls !== null;
    this.cookies = options.cookies ? new Cookies() : null;
    this.udp = new UdpPool({ address, port, sourceAddresses, avoidPorts, counters, ...surroundings });
    this.stream = new Stream({ address, port, tls, sourceAddresses, counters, ...surroundings });
  }

  /** False while it is remembered that the server's answers do not keep the letter case. */
  get mixesCase(): boolean {
    return this.options.caseRandomisation && this.surroundings.now() >= this.withoutCaseUntilMs;
  }

  get takesEdns(): boolean {
    return this.surroundings.now() >= this.withoutEdnsUntilMs;
  }

  refusedEdns(): void {
    this.withoutEdnsUntilMs = this.surroundings.now() + WITHOUT_EDNS_MS;
  }

  changedCase(): void {
    this.withoutCaseUntilMs = this.surroundings.now() + WITHOUT_CASE_MS;
  }

  stats(): ServerStats {
    const { srttMs, dead } = this.health;
    return { server: this.label, transport: this.tls ? 'tls' : 'udp', ...this.counters, srttMs, dead };
  }

  close(): void {
    this.udp.close();
    this.stream.close();
  }
}

/** `192.0.2.53#53`. */
export function labelOf({ address, port }: UpstreamServer): string {
  return formatTransportAddress(address, port);
}
