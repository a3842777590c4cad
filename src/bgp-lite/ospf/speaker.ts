/**
 * The OSPF announcer: a router that has prefixes of its own and leads nowhere else. It forms adjacencies, holds the
 * database that these need, and computes no routes.
 *
 * `receive` takes packets in and `transmission` sends them; between them each message has a file (`hello`, `dd`, `lsr`,
 * `lsu`, `lsack`), and each machine (`neighbor-fsm`, `interface-fsm` are tables, `neighbor` and `interface` do what they
 * say). `lsdb`, `ageing`, `flooding` and `retransmission` keep LSAs and bring them to neighbours; `origination2` and
 * `origination3` say what this router's own are to be, `originator` makes them so. `version` is what differs between
 * OSPFv2 and OSPFv3, `codec` and `authentication` are octets. `model` is the data they all work on, one tree for each
 * version.
 */
import { isDeepStrictEqual } from 'node:util';
import type { OspfConfig } from '../../config/announce.js';
import type { Log } from '../../device/device.js';
import type { Announcement } from '../announcement.js';
import type { BfdWatcher } from '../bfd-watcher.js';
import { createSequences } from './authentication/sequence.js';
import type { OspfHost, OspfSockets } from './host.js';
import { type RunningInstance, startInstance } from './instance.js';
import { type Counter, counterNames, createStatistics } from './statistics.js';
import {
  interfaceStatuses,
  lsaStatuses,
  neighborStatuses,
  type OspfInterfaceStatus,
  type OspfLsaStatus,
  type OspfNeighborStatus,
} from './status.js';
import type { Clock } from './timer.js';
import { version2, version3 } from './version.js';

export interface OspfSpeakerOptions {
  /** Dotted. */
  routerId: string;
  config: OspfConfig;
}

export interface OspfSpeakerParts {
  sockets: OspfSockets;
  host: OspfHost;
  log: Log;
  bfd: BfdWatcher | null;
  /** Milliseconds since 1970. */
  now: () => number;
  /** Milliseconds that never go back; a clock of its own when there is none. */
  clock?: Clock;
}

export interface OspfSpeaker {
  /** The full set that is announced from now on; what is no longer in it is withdrawn at once. */
  announce(announcements: readonly Announcement[]): void;
  /** Takes another configuration, with the same `stateFile`, and says what changed. */
  reload(config: OspfConfig): Promise<string[]>;
  interfaces(): OspfInterfaceStatus[];
  neighbors(): OspfNeighborStatus[];
  database(): OspfLsaStatus[];
  /** Added up over the versions. */
  statistics(): Record<Counter, number>;
  /** Withdraws everything, waits for acknowledgements for 5 s at most, and closes. */
  stop(options?: { text?: string }): Promise<void>;
}

/** Starts at once with a configuration that was checked (src/config/semantics-announce.ts). */
export function createOspfSpeaker(
  { routerId, config: first }: OspfSpeakerOptions,
  parts: OspfSpeakerParts,
): OspfSpeaker {
  let config = first;
  let announcements: readonly Announcement[] = [];
  const clock = parts.clock ?? (() => performance.now());
  const sequences = createSequences(config.stateFile, parts.now);
  const running = new Map<2 | 3, RunningInstance>();
  let stopped: Promise<void> | null = null;

  function start(number: 2 | 3): void {
    const version = number === 2 ? version2 : version3;
    const instance = startInstance(version, { routerId, config }, { ...parts, sequences, clock });
    running.set(number, instance);
    instance.announce(announcements);
  }
  for (const number of new Set(config.versions)) start(number);

  const each = <T>(read: (one: RunningInstance) => T[]): T[] => [...running.values()].flatMap(read);

  return {
    announce(next) {
      announcements = next;
      if (stopped === null) for (const one of running.values()) one.announce(next);
    },
    async reload(next) {
      const changes = changesOf(config, next);
      config = next;
      const ended = [...running].filter(([number]) => !next.versions.includes(number));
      for (const [number] of ended) running.delete(number);
      for (const one of running.values()) one.use(next);
      for (const number of next.versions) if (!running.has(number)) start(number);
      await Promise.all(ended.map(([, one]) => one.stop()));
      return changes;
    },
    interfaces: () => each(({ instance }) => interfaceStatuses(instance)),
    neighbors: () => each(({ instance }) => neighborStatuses(instance)),
    database: () => each(({ instance }) => lsaStatuses(instance)),
    statistics() {
      const sum = createStatistics();
      for (const { instance } of running.values()) {
        for (const name of counterNames) sum[name] += instance.statistics[name];
      }
      return sum;
    },
    stop({ text } = {}) {
      if (stopped === null && text !== undefined) parts.log.info(`OSPF stops: ${text}`);
      stopped ??= Promise.all([...running.values()].map((one) => one.stop())).then(() => undefined);
      return stopped;
    },
  };
}

function changesOf(before: OspfConfig, after: OspfConfig): string[] {
  const keys = Object.keys(after) as (keyof OspfConfig)[];
  return keys.filter((key) => !isDeepStrictEqual(before[key], after[key])).map((key) => `ospf.${key} changed`);
}
