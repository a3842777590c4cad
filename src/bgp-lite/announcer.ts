/**
 * The announcer: the readiness gate decides what is announced, BGP and OSPF tell it, what BGP neighbours teach goes into
 * the kernel. It runs in a thread of its own (`thread.ts`), so that a busy program does not cost a session.
 *
 * 1. Facts about the services come in from the program (`learn`), results of checks from their programs.
 * 2. The gate makes announcements of them.
 * 3. Each protocol gets the whole set and finds out what changed.
 */
import { networkOf, type Prefix } from '../config/address.js';
import type { AnnounceConfig, OspfConfig } from '../config/announce.js';
import { matchesAny } from '../config/prefix-pattern.js';
import type { Log } from '../device/device.js';
import { errors, messageOf } from '../errors.js';
import type { Addon } from '../native/addon.js';
import type { Announcement } from './announcement.js';
import { type BfdStatus, createBfdSessions } from './bfd.js';
import { createBgpSpeaker } from './bgp/speaker.js';
import type { AnnouncedRoute, BgpNeighborStatus } from './bgp/status.js';
import { createTcpTransport } from './bgp/tcp.js';
import { type Check, startCheck } from './checks.js';
import { createDrain, type DrainOptions, type DrainStatus } from './drain.js';
import { type ConditionStatus, createGate, type GateCondition, type GateOptions, type PrefixStatus } from './gate.js';
import { startGatewayChecks } from './gateway.js';
import { createKernelTable, type KernelRoute, type KernelRow } from './kernel.js';
import { createLearnedTable, type LearnedRow } from './learned.js';
import { createOspfSpeaker, type OspfSpeaker } from './ospf/speaker.js';
import type { OspfInterfaceStatus, OspfNeighborStatus } from './ospf/status.js';
import { createOspfHost } from './ospf-host.js';
import { createOspfSockets } from './ospf-sockets.js';

/** What the program knows of its services; a key is missing where there is no such service. */
export interface Facts {
  workers?: Result;
  dns64?: Result;
  /** Use of the fullest protocol of pool4, percent. */
  pool4Percent?: number;
  sessions?: number;
}

interface Result {
  ok: boolean;
  detail: string;
}

export type Fact = 'workers' | 'dns64' | 'pool4';

export interface AnnouncerOptions {
  announce: AnnounceConfig;
  /** What `announce.prefixes` names, pools resolved. */
  prefixes: readonly Prefix[];
  routerId: string;
  /** Which facts there will be. */
  facts: readonly Fact[];
  /** This is the start after a planned restart (RFC 4724 §4.1). */
  restarted: boolean;
}

export interface AnnouncerParts {
  addon: Addon;
  log: Log;
}

export interface AnnouncerStatus {
  routerId: string;
  drain: DrainStatus;
  prefixes: PrefixStatus[];
  conditions: ConditionStatus[];
  bgp: BgpNeighborStatus[];
  ospf: { interfaces: OspfInterfaceStatus[]; neighbors: OspfNeighborStatus[] };
  bfd: BfdStatus[];
}

export interface RouteReport {
  announced: { prefix: string; state: PrefixStatus['state']; told: AnnouncedRoute[] }[];
  ospf: { prefix: string; version: 2 | 3; metric: number }[];
  learned: LearnedRow[];
  kernel: KernelRow[];
}

/** What the operator may do to a neighbour: RFC 4486 subcodes 4 and 2. */
export type NeighborAction = 'clear' | 'shutdown' | 'enable';

export interface Announcer {
  learn(facts: Facts): void;
  /** Applies another configuration; returns sentences. */
  use(options: AnnouncerOptions): Promise<string[]>;
  status(): AnnouncerStatus;
  routes(): RouteReport;
  /** `options` over those of the configuration. */
  drain(options: Partial<DrainOptions>): void;
  undrain(): void;
  /** Throws PLT_NEIGHBOR_UNKNOWN. */
  neighbor(name: string, action: NeighborAction, text: string | null): void;
  /** `planned`: neighbours keep our routes for the restart time (RFC 4724). Never rejects. */
  stop(end: { planned: boolean; text: string | null }): Promise<void>;
}

/** After a restart neighbours keep routes of conditions that have no result yet, for so long at most, milliseconds. */
const COMPLETE_MS = 5000;

/** Opens sockets and sessions. Throws an Error whose message says what could not be opened, with nothing left behind. */
export function createAnnouncer(first: AnnouncerOptions, { addon, log }: AnnouncerParts): Announcer {
  const netlink = new addon.Netlink();
  const bfd = createBfdSessions(addon, netlink, log);
  let holes = new Map<string, KernelRoute>();
  const kernel = createKernelTable(netlink, routesTo, (message) => log.warn(message));
  const host = createOspfHost(netlink, (error) => log.error(`cannot list the devices: ${messageOf(error)}`));
  let options = first;
  let announced: readonly Announcement[] = [];
  let pool4Full = false;
  let ospf: OspfSpeaker | null = null;
  let checks: Check[] = [];
  let stopGateways = () => {};

  const learned = createLearnedTable(first.announce.bgp, kernel.touch);
  const bgp = createBgpSpeaker(
    { routerId: first.routerId, neighbors: first.announce.bgp, restarted: first.restarted },
    {
      transport: createTcpTransport(addon),
      log,
      bfd,
      devices: host,
      learned: (neighbor, changes) => learned.update(neighbor, changes),
    },
  );
  const gate = createGate(gateOptions(first), Date.now, (announcements) => {
    announced = announcements;
    bgp.announce(announced);
    ospf?.announce(announced);
  });
  const completing = setTimeout(bgp.complete, COMPLETE_MS);
  const drain = createDrain(Date.now, (action) => gate.override(action));

  function observe(name: string, ok: boolean, detail: string): void {
    gate.observe(name, ok, detail);
    completeOnceKnown();
  }

  function completeOnceKnown(): void {
    if (gate.conditions().every(({ ok }) => ok !== null)) bgp.complete();
  }

  function routesTo(prefix: string): KernelRoute[] {
    const hole = holes.get(prefix);
    return hole === undefined ? learned.routes(prefix) : [...learned.routes(prefix), hole];
  }

  function openOspf(config: OspfConfig): OspfSpeaker {
    const speaker = createOspfSpeaker(
      { routerId: options.routerId, config },
      { sockets: createOspfSockets(addon), host, log, bfd, now: Date.now },
    );
    speaker.announce(announced);
    return speaker;
  }

  /** What the configuration makes of the announcements for OSPF. */
  function flooded(): RouteReport['ospf'] {
    const config = options.announce.ospf;
    if (config === null) return [];
    return announced.flatMap(({ prefix, preference }): RouteReport['ospf'] => {
      const version = prefix.family === 4 ? 2 : 3;
      if (!config.versions.includes(version)) return [];
      if (config.prefixes !== null && !matchesAny(config.prefixes, prefix)) return [];
      const metric = preference === 'lowered' ? config.loweredMetric : config.metric;
      return [{ prefix: networkOf(prefix), version, metric }];
    });
  }

  function startChecks(): void {
    checks = options.announce.ready.checks.map((check) =>
      startCheck(check, (ok, detail) => observe(`check ${check.name}`, ok, detail)),
    );
    stopGateways = startGatewayChecks(options.announce.bgp, { startCheck, bfd, usable: learned.usable });
  }

  function stopChecks(): void {
    for (const check of checks) check.stop();
    stopGateways();
  }

  async function useOspf(next: OspfConfig | null): Promise<string[]> {
    if (ospf !== null && next !== null) return ospf.reload(next);
    if (ospf === null && next === null) return [];
    if (next !== null) {
      ospf = openOspf(next);
      return ['announce.ospf: added'];
    }
    const gone = ospf;
    ospf = null;
    await gone?.stop();
    return ['announce.ospf: removed'];
  }

  function useHoles(next: AnnouncerOptions): void {
    const before = holes;
    holes = blackholes(next);
    for (const prefix of [...before.keys(), ...holes.keys()]) kernel.touch(prefix);
  }

  function close(): void {
    clearTimeout(completing);
    host.close();
    bfd.close();
    kernel.close();
    netlink.close();
  }

  try {
    useHoles(first);
    if (first.announce.ospf !== null) ospf = openOspf(first.announce.ospf);
    startChecks();
    completeOnceKnown();
  } catch (error) {
    stopChecks();
    gate.stop();
    void bgp.stop({ planned: false, text: null });
    close();
    throw error;
  }

  return {
    learn({ workers, dns64, pool4Percent, sessions }) {
      if (workers !== undefined) observe('workers', workers.ok, workers.detail);
      if (dns64 !== undefined) observe('dns64', dns64.ok, dns64.detail);
      const { pool4 } = options.announce.ready;
      if (pool4Percent !== undefined && pool4 !== null) {
        pool4Full = pool4Full ? pool4Percent > pool4.below : pool4Percent >= pool4.above;
        observe('pool4', !pool4Full, `${pool4Percent.toFixed(1)} % used`);
      }
      drain.sessions(sessions ?? null);
    },
    async use(next) {
      options = next;
      stopChecks();
      try {
        const changes = await bgp.reload(next.announce.bgp);
        learned.use(next.announce.bgp);
        changes.push(...(await useOspf(next.announce.ospf)));
        return changes;
      } finally {
        // Also where a part has failed: prefixes must not stay announced with nobody looking.
        gate.use(gateOptions(next));
        useHoles(next);
        startChecks();
      }
    },
    status: () => ({
      routerId: options.routerId,
      drain: drain.status(),
      prefixes: gate.prefixes(),
      conditions: gate.conditions(),
      bgp: bgp.neighbors(),
      ospf: { interfaces: ospf?.interfaces() ?? [], neighbors: ospf?.neighbors() ?? [] },
      bfd: bfd.rows(),
    }),
    routes() {
      const told = bgp.announced();
      return {
        announced: gate
          .prefixes()
          .map(({ prefix, state }) => ({ prefix, state, told: told.filter((one) => one.prefix === prefix) })),
        ospf: flooded(),
        learned: learned.rows(),
        kernel: kernel.rows(),
      };
    },
    drain: (wanted) => drain.start({ ...options.announce.drain, ...wanted }),
    undrain: () => drain.cancel(),
    neighbor(name, action, text) {
      const names = options.announce.bgp.map((neighbor) => neighbor.name);
      if (!names.includes(name)) throw errors.neighborUnknown(name, names);
      if (action === 'clear') bgp.clear(name);
      else if (action === 'shutdown') bgp.shutdown(name, text);
      else bgp.enable(name);
    },
    async stop(end) {
      stopChecks();
      drain.stop();
      gate.stop();
      const stopOspf = () => ospf?.stop(end.text === null ? {} : { text: end.text });
      // First, so that BGP alone says when a BFD session ends that they share.
      if (end.planned) await stopOspf();
      await Promise.all([bgp.stop(end), stopOspf()]);
      close();
    },
  };
}

function gateOptions({ announce, prefixes, facts }: AnnouncerOptions): GateOptions {
  const { ready, holdMs } = announce;
  const conditions: GateCondition[] = [];
  if (facts.includes('workers')) {
    conditions.push({ name: 'workers', action: 'withdraw', down: 1, up: 1, prefixes: null });
  }
  if (ready.dns64 !== null && facts.includes('dns64')) conditions.push({ name: 'dns64', ...ready.dns64 });
  if (ready.pool4 !== null && facts.includes('pool4')) conditions.push({ name: 'pool4', ...ready.pool4 });
  for (const check of ready.checks) conditions.push({ ...check, name: `check ${check.name}` });
  return { prefixes, conditions, holdMs };
}

/** Strays for what nobody translates end here; the routes stay as long as the announcer runs. By `address/length`. */
function blackholes({ announce: { blackhole }, prefixes }: AnnouncerOptions): Map<string, KernelRoute> {
  if (blackhole === null) return new Map();
  const way = { kind: 'blackhole', gateway: null, device: null, onlink: false, ...blackhole } as const;
  return new Map(prefixes.map((prefix) => [networkOf(prefix), { prefix, ...way }]));
}
