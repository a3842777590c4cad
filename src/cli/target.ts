/** The running translator as the control socket sees it. */
import { announceable } from '../bgp-lite/announce.js';
import type { AnnouncerService } from '../bgp-lite/service.js';
import { clatReadings } from '../clat/readings.js';
import type { ClatService } from '../clat/service.js';
import { formatPrefix, networkOf } from '../config/address.js';
import { toLimits } from '../config/core.js';
import { pool4Key } from '../config/diff.js';
import { complaintSentence } from '../config/issues.js';
import type { PlatFile, Pool4Entry } from '../config/schema.js';
import { checkPlat, warnPlat } from '../config/semantics.js';
import type {
  AnnouncerSummary,
  ChangeReport,
  ControlTarget,
  CounterReading,
  StatusReport,
  TranslatorStatus,
} from '../control/target.js';
import { countersOf, dns64StatusOf, readingsOf } from '../dns64/readings.js';
import type { ServerReport } from '../dns64/report.js';
import type { Dns64Service } from '../dns64/service.js';
import { errors, PlatypusError } from '../errors.js';
import { explainSeveral, type OneOfSeveral } from '../explain/running.js';
import type { Addon, Dataplane, EamTable } from '../native/addon.js';
import type { PlatService } from '../plat/service.js';
import { responderReadings, responderStatusOf } from '../responder/readings.js';
import type { ServerReport as ResponderReport } from '../responder/server.js';
import type { ResponderService } from '../responder/service.js';
import type { SiitService } from '../siit/service.js';
import { joinSources } from '../trace/several.js';
import { packageVersion } from './version.js';

export interface TargetOptions {
  /** Null where a DNS64 server runs alone. */
  service: PlatService | SiitService | null;
  dns64: Dns64Service | null;
  announcer: AnnouncerService | null;
  clat: ClatService | null;
  responder: ResponderService | null;
  /** Null where it may be missing: there is no translator then. */
  addon: Pick<Addon, 'Simulator' | 'counters'> | null;
  /** Null for `platypus plat` and `platypus siit`. */
  file: string | null;
  /** Applies the file anew. */
  reload(): Promise<ChangeReport>;
}

/** Joins service and control socket. */
export function createTarget(options: TargetOptions): ControlTarget {
  const { service, dns64, announcer, clat, responder, addon, file, reload } = options;
  const version = packageVersion();
  const startedMs = performance.now();
  const dataplane = service?.dataplane;
  /** What packets are traced and explained by: the translator, or of a CLAT those of the uplinks that run. */
  const packetPaths = (): (OneOfSeveral & { tables: Dataplane })[] => {
    if (service !== null) {
      return [{ name: service.dataplane.device, own: [], tables: service.dataplane, config: service.plan().core }];
    }
    const rows = clat?.status() ?? [];
    return (clat?.devices() ?? []).map(({ dataplane: tables, plan }) => {
      const row = rows.find(({ device }) => device === tables.device);
      return { name: tables.device, own: [row?.ipv4 ?? '', row?.address ?? ''], tables, config: plan().core };
    });
  };
  const traces = joinSources(() => packetPaths().map(({ tables }) => tables));

  async function statusOf({ names: report, requests }: Reports): Promise<StatusReport> {
    const program = {
      version,
      pid: process.pid,
      alive: dataplane?.alive() ?? clat?.alive() ?? dns64?.alive() ?? announcer?.alive() ?? responder?.alive() ?? false,
      uptimeSeconds: Math.floor((performance.now() - startedMs) / 1000),
      file,
      dns64: dns64 === null ? null : dns64StatusOf(dns64.listening, dns64.alive(), report),
      announcer: announcer === null ? null : await summaryOf(announcer),
      clat: clat?.status() ?? null,
      responder: responder === null ? null : responderStatusOf(responder.listening, responder.alive(), requests),
    };
    if (service === null) {
      return { ...program, mode: aloneMode() };
    }
    const { core, pools } = service.plan();
    return {
      ...program,
      mode: service.mode,
      device: service.dataplane.device,
      offload: service.dataplane.offload,
      workers: service.dataplane.workers,
      pool6: core.pool6.map(formatPrefix),
      announce: announceable(pools.map(({ prefix }) => prefix)),
      mtu6: core.mtu6,
      mtu4: core.mtu4,
      ...(service.mode === 'plat' ? await platStatus(service) : await siitStatus(service)),
    };
  }

  function aloneMode() {
    if (clat !== null) return 'clat';
    if (dns64 !== null) return 'dns64';
    return announcer === null ? 'responder' : 'announce';
  }

  async function reports(): Promise<Reports> {
    const [names, requests] = await Promise.all([reportOf(dns64), responder?.report().catch(() => null)]);
    return { names, requests: requests ?? null };
  }

  function dataplaneCounters(): CounterReading[] {
    const all = dataplane === undefined ? (clat?.devices() ?? []).map((device) => device.dataplane) : [dataplane];
    const values = all.map((each) => each.counters());
    const packets = (values.length === 0 ? [] : (addon?.counters ?? [])).map(({ name, explain }, index) => ({
      name,
      value: values.reduce((total, each) => total + Number(each[index] ?? 0n), 0),
      explain,
    }));
    return clat === null ? packets : [...packets, ...clatReadings(clat.counters())];
  }

  return {
    ...tablesOf(service),
    status: async () => statusOf(await reports()),
    async stats() {
      const { names, requests } = await reports();
      return [
        ...dataplaneCounters(),
        ...(names === null ? [] : readingsOf(names)),
        ...(requests === null ? [] : responderReadings(requests)),
      ];
    },
    async measures() {
      const all = await reports();
      const { names, requests } = all;
      return {
        status: await statusOf(all),
        counters: [
          ...dataplaneCounters(),
          ...(names === null ? [] : countersOf(names)),
          ...(requests === null ? [] : responderReadings(requests)),
        ],
        upstreamLatency: names?.upstream.latency ?? null,
      };
    },
    reload: async () => {
      if (file === null) throw errors.noFile();
      return reload();
    },
    explain: (packet) => (addon === null ? refuseTranslator() : explainSeveral(packet, addon, packetPaths())),
    announcer() {
      if (announcer === null) throw errors.noAnnouncer();
      return announcer;
    },
    trace(filter) {
      if (packetPaths().length === 0) return refuseTranslator();
      return traces.trace(filter);
    },
    readTrace: () => traces.readTrace(),
  };
}

/** What the services beside the translator report; null without the service, and while it does not answer. */
interface Reports {
  names: ServerReport | null;
  requests: ResponderReport | null;
}

/** Null without a DNS64 server, and while no thread of it answers: the translator is asked about all the same. */
async function reportOf(dns64: Dns64Service | null): Promise<ServerReport | null> {
  return dns64 === null ? null : dns64.report().catch(() => null);
}

async function summaryOf(announcer: AnnouncerService): Promise<AnnouncerSummary | null> {
  const status = await announcer.status().catch(() => null);
  if (status === null) return null;
  const { drain, prefixes, bgp, ospf } = status;
  const up = [
    ...bgp.map(({ state }) => state === 'Established'),
    // Two routers that are neither DR nor Backup stay at 2-Way (RFC 2328 §10.4).
    ...ospf.neighbors.map(({ state }) => state === 'full' || state === '2-way'),
  ];
  const runs = new Set(ospf.interfaces.filter(({ state }) => state !== 'down').map(({ name }) => name));
  const interfacesDown = ospf.interfaces
    .filter(({ state }) => state === 'down')
    .map(({ version, name, lastError }) => {
      return { version, name, reason: lastError ?? 'it is down', otherVersionUp: runs.has(name) };
    });
  return { drain: drain.state, prefixes, neighborsUp: up.filter(Boolean).length, neighbors: up.length, interfacesDown };
}

function refuseTranslator(): never {
  throw errors.noTranslator();
}

type ModeStatus = Pick<TranslatorStatus, 'pool4' | 'eamt' | 'sizes' | 'limits'>;

async function platStatus(service: PlatService): Promise<ModeStatus> {
  const { plat } = service.config();
  const sizes = await service.dataplane.sizes();
  return { pool4: plat.pool4.map(pool4Key), eamt: null, sizes, limits: toLimits(plat) };
}

async function siitStatus(service: SiitService): Promise<ModeStatus> {
  const { siit } = service.config();
  const eamt = service.eamt();
  const sizes = await service.dataplane.sizes();
  // The table belongs to the configuration; the core counts what its workers have.
  sizes.memoryBytes += eamt?.memoryBytes ?? 0;
  // What stands for IPv6 hosts and is routed here, whether the file or the EAM table says so.
  const routed = service.plan().pools.filter(({ pool }) => pool === 'eamt');
  const pool4 = siit.pool4 ?? routed.map(({ prefix }) => prefix);
  return { pool4: pool4.map(networkOf), eamt: eamt?.size ?? 0, sizes, limits: { ...siit.limits } };
}

type Tables = Pick<
  ControlTarget,
  | 'sessions'
  | 'bib'
  | 'addBib'
  | 'removeBib'
  | 'pool4'
  | 'addPool4'
  | 'removePool4'
  | 'eamt'
  | 'lookupEamt'
  | 'addEamt'
  | 'removeEamt'
>;

function tablesOf(service: PlatService | SiitService | null): Tables {
  if (service !== null) return service.mode === 'plat' ? platTables(service) : siitTables(service);
  return {
    sessions: refuseTranslator,
    bib: refuseTranslator,
    addBib: refuseTranslator,
    removeBib: refuseTranslator,
    pool4: refuseTranslator,
    addPool4: refuseTranslator,
    removePool4: refuseTranslator,
    eamt: refuseTranslator,
    lookupEamt: refuseTranslator,
    addEamt: refuseTranslator,
    removeEamt: refuseTranslator,
  };
}

function platTables(service: PlatService): Tables {
  const { dataplane } = service;

  async function editPool4(edit: (pool4: readonly Pool4Entry[]) => Pool4Entry[]): Promise<ChangeReport> {
    const changes = await service.edit((running) => withPool4(running, edit(running.plat.pool4)));
    return { changes, warnings: warnPlat(service.config().plat) };
  }

  function noEamt(): never {
    throw errors.noEamt();
  }

  return {
    sessions: (query) => dataplane.sessions(query),
    bib: (query) => dataplane.bib(query),
    addBib: (entry) => service.addBib(entry),
    removeBib: (entry) => service.removeBib(entry),
    pool4: () => dataplane.pool4(),
    addPool4: (entry) =>
      editPool4((pool4) => {
        const prefix = networkOf(entry.prefix);
        if (pool4.some((other) => networkOf(other.prefix) === prefix)) throw errors.pool4Exists(prefix);
        return [...pool4, entry];
      }),
    removePool4: (prefix) =>
      editPool4((pool4) => {
        const rest = pool4.filter((entry) => networkOf(entry.prefix) !== prefix);
        if (rest.length < pool4.length) return rest;
        throw errors.pool4NotFound(
          prefix,
          pool4.map((entry) => networkOf(entry.prefix)),
        );
      }),
    eamt: noEamt,
    lookupEamt: noEamt,
    addEamt: noEamt,
    removeEamt: noEamt,
  };
}

function siitTables(service: SiitService): Tables {
  const none = (what: string) => (): never => {
    throw errors.noSessions(what);
  };

  /** Runs an edit and says how many entries there were and are. */
  async function editEamt(edit: () => Promise<void>): Promise<ChangeReport> {
    const size = (eamt: EamTable | null) => eamt?.size ?? 0;
    const before = size(service.eamt());
    await edit();
    const after = size(service.eamt());
    return { changes: [`siit.eamt: number of entries ${before} became ${after}`], warnings: [] };
  }

  return {
    sessions: none('session table'),
    bib: none('BIB'),
    addBib: none('BIB'),
    removeBib: none('BIB'),
    pool4: none('pool4 with ports'),
    addPool4: none('pool4 with ports'),
    removePool4: none('pool4 with ports'),
    eamt: (query) => service.eamt()?.list(query) ?? { rows: [], next: null },
    lookupEamt(address) {
      const found = service.eamt()?.lookup(address) ?? null;
      return { address, entry: found?.entry ?? null, counterpart: found?.counterpart ?? null };
    },
    addEamt: (records) => editEamt(() => service.addEamt(records)),
    removeEamt: (key) => editEamt(() => (key === 'all' ? service.flushEamt() : service.removeEamt(key))),
  };
}

/** The configuration with another pool4. Throws PLT_CONFIG_INVALID when that is not valid. */
function withPool4(running: PlatFile, pool4: Pool4Entry[]): PlatFile {
  const next = { ...running, plat: { ...running.plat, pool4 } };
  const sentences = checkPlat(next.plat).map(complaintSentence);
  // N64-GEN-01: a NAT64 without an IPv4 address is none.
  if (pool4.length === 0) sentences.push('pool4 would be empty, expected at least one prefix to remain');
  if (sentences.length === 0) return next;
  throw new PlatypusError('PLT_CONFIG_INVALID', `nothing was changed: ${sentences.join('; ')}`, { status: 409 });
}
