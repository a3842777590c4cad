/**
 * The CLAT of one uplink: the native core discovers and decides, here the translator is opened, changed and closed as
 * the plan says. A plan that comes while another one is put into force waits for it.
 */

import { formatPrefix } from '../config/address.js';
import type { ClatConfig } from '../config/clat.js';
import { toSiitLimits, toThreads } from '../config/core.js';
import { type Dependencies, type Device, openDevice } from '../device/device.js';
import { createSerial } from '../device/serial.js';
import { errors, isSystemError, messageOf } from '../errors.js';
import type { Addon, Clat, ClatCounters, ClatPlan, Dataplane } from '../native/addon.js';
import { type ForwardingSettings, forwardUplink } from './forwarding.js';
import { createTable, type RunNft, runNft } from './nft.js';
import { type Settings, uplinkSettings } from './settings.js';
import { startShare } from './share.js';
import { devicePlan, siitOf } from './translation.js';
import { planWords } from './words.js';

/** What the status says of one uplink. */
export interface ClatUplinkStatus {
  uplink: string;
  /** The translator's device. */
  device: string;
  state: ClatPlan['state'] | 'failed';
  /** A sentence. */
  words: string;
  source: ClatPlan['source'];
  prefixes: string[];
  router: string | null;
  expiresInSeconds: number | null;
  /** Null unless running. */
  address: string | null;
  /** The uplink's address, as which `address` leaves the host; null where it leaves as it is. */
  sharedAddress: string | null;
  ipv4: string | null;
  metric: number | null;
  mtu4: number | null;
}

export interface UplinkClat {
  status(): ClatUplinkStatus;
  counters(): ClatCounters;
  /** Null while it stands down. */
  device(): Device | null;
  stop(): Promise<void>;
}

export interface UplinkOptions {
  clat: ClatConfig;
  uplink: string;
  devices: readonly string[];
  order: number;
  key: Uint8Array;
  settings: Pick<Settings, 'remember'> & ForwardingSettings;
  /** Some table of nftables was removed by somebody. */
  onTablesRemoved(): void;
}

export interface ClatDependencies extends Dependencies {
  addon: Dependencies['addon'] & Pick<Addon, 'Clat'>;
  /** The program nft unless a test says otherwise. */
  nft?: RunNft;
}

const RESOLV_CONF = '/etc/resolv.conf';
/** Tables of policy routing for several uplinks; one each. */
const FIRST_TABLE = 46_400;
/** How long after a failure the same is tried again. */
export const AGAIN_MS = 10_000;

/** Starts the discovery. Throws PLT_NOT_PERMITTED or PLT_CLAT_FAILED. */
export function startUplink(
  { clat, uplink, devices, order, key, settings, onTablesRemoved }: UplinkOptions,
  deps: ClatDependencies,
): UplinkClat {
  const { log } = deps;
  const name = devices[order] ?? clat.device;
  const table = devices.length > 1 ? FIRST_TABLE + order : 0;
  const serial = createSerial();
  const sharing = createTable('ip6', name, deps.nft ?? runNft);
  let device: Device | null = null;
  let failure: string | null = null;
  let told = '';
  let differed = false;
  let removed = 0;
  let again: NodeJS.Timeout | null = null;

  const native = open(clat, uplink, devices, order, key, deps, follow);

  function tell(words: string, warn: boolean): void {
    if (words === told) return;
    told = words;
    if (warn) log.warn(words);
    else log.info(words);
  }

  function follow(): void {
    // Each run looks at the plan of its own time, so that a late one finds nothing to do.
    serial.run(adapt).catch(() => undefined);
  }

  async function adapt(): Promise<void> {
    const plan = native.plan();
    try {
      if (plan.tablesRemoved !== removed) {
        removed = plan.tablesRemoved;
        onTablesRemoved();
        if (await sharing.restore()) log.warn(`the nftables table of ${name} was gone: it is put back`);
      }
      if (plan.state === 'running') await run(plan);
      else await rest();
      failure = null;
      if (!differed && native.counters().routers_differ > 0) {
        differed = true;
        // RFC 8781 §5.2: for people; flows stay with the prefix that came first.
        log.warn(`routers on ${uplink} advertise different NAT64 prefixes: expected the same of all`);
      }
      const latest = native.plan();
      if (sameState(latest, plan)) {
        const { expiresInSeconds: _, ...lasting } = latest;
        const words = planWords(uplink, name, { ...lasting, expiresInSeconds: null });
        tell(`CLAT on ${uplink} ${words}`, false);
      }
    } catch (error) {
      await rest();
      failure = messageOf(error);
      tell(`CLAT on ${uplink} failed: ${failure}; tried again each ${AGAIN_MS / 1000} s`, true);
      again ??= setTimeout(() => {
        again = null;
        follow();
      }, AGAIN_MS).unref();
    }
  }

  async function run(plan: ClatPlan): Promise<void> {
    const siit = siitOf(clat, name, plan);
    const next = await devicePlan(clat, siit, plan, deps.addon);
    // Whatever connection tracking sees first without the table goes on without it.
    if (plan.address !== null && plan.sharedAddress !== null) {
      await startShare({ uplink, inside: plan.address, outside: plan.sharedAddress }, sharing);
      watchTables();
    }
    if (device === null) {
      const options = { name, offload: siit.offload, threads: toThreads(siit), limits: toSiitLimits(siit) };
      device = await openDevice(options, () => next, quietForwarding(deps));
    } else {
      await device.change(() => next);
    }
    if (plan.neighbour) await forwardUplink(uplink, settings, log);
    await settings.remember(uplinkSettings(uplink));
    // The plan may have moved on meanwhile; then another run comes, and what is attached is of that.
    if (!sameState(native.plan(), plan)) return;
    try {
      native.attach({ device: name, table });
    } catch (error) {
      throw attachError(error);
    }
    if (plan.sharedAddress === null) await endSharing();
  }

  /** Without it the table is as good, unless somebody removes it. */
  function watchTables(): void {
    try {
      native.watchTables();
    } catch (error) {
      log.warn(`cannot watch the nftables of ${name}: ${messageOf(error)}`);
    }
  }

  async function rest(): Promise<void> {
    native.detach();
    device?.close();
    device = null;
    await endSharing();
  }

  async function endSharing(): Promise<void> {
    await sharing.remove().catch((error: unknown) => {
      log.warn(`cannot remove the nftables table of ${name}: ${messageOf(error)}`);
    });
  }

  if (clat.lan.mode === 'nat44') watchTables();
  follow();
  return {
    status: () => statusOf(uplink, name, native.plan(), failure),
    counters: () => native.counters(),
    device: () => device,
    stop: () =>
      serial.end(async () => {
        if (again !== null) clearTimeout(again);
        native.close();
        await rest();
      }),
  };
}

function open(
  clat: ClatConfig,
  uplink: string,
  own: readonly string[],
  order: number,
  key: Uint8Array,
  { addon }: ClatDependencies,
  onChange: () => void,
): Clat {
  const { address } = clat;
  try {
    return new addon.Clat(
      {
        uplink,
        own,
        order,
        mode: clat.mode,
        router: clat.discovery.includes('ra'),
        dns: clat.discovery.includes('dns'),
        statics: clat.pool6,
        fallbacks: clat.fallback,
        resolvers: clat.resolvers,
        resolvConf: clat.resolvers.length > 0 ? null : RESOLV_CONF,
        key,
        addressFrom: address.from,
        address: 'address' in address ? address.address : null,
        ipv4: clat.ipv4,
        metric: clat.metric,
        mtuBytes: clat.mtu,
      },
      onChange,
    );
  } catch (error) {
    if (isSystemError(error) && (error.code === 'EPERM' || error.code === 'EACCES')) {
      throw errors.notPermitted(`cannot listen to router advertisements on ${uplink}`, { cause: error });
    }
    throw errors.clatFailed(`cannot start on ${uplink}: ${messageOf(error)}`, { cause: error });
  }
}

function attachError(error: unknown): Error {
  if (isSystemError(error) && (error.code === 'EPERM' || error.code === 'EACCES')) {
    return errors.notPermitted(`cannot ${error.syscall}`, { cause: error });
  }
  return errors.clatFailed(messageOf(error), { cause: error });
}

/** Forwarding is the CLAT's own business (forwarding.ts); without a LAN, IPv4's is none. */
function quietForwarding(deps: ClatDependencies): ClatDependencies {
  return { ...deps, readSysctl: async () => null };
}

function sameState(a: ClatPlan, b: ClatPlan): boolean {
  const key = ({ expiresInSeconds: _, ...rest }: ClatPlan) => JSON.stringify(rest);
  return key(a) === key(b);
}

function statusOf(uplink: string, device: string, plan: ClatPlan, failure: string | null): ClatUplinkStatus {
  const running = plan.state === 'running';
  return {
    uplink,
    device,
    state: failure === null ? plan.state : 'failed',
    words: failure === null ? planWords(uplink, device, plan) : `failed: ${failure}`,
    source: plan.source,
    prefixes: plan.prefixes.map(formatPrefix),
    router: plan.router,
    expiresInSeconds: plan.expiresInSeconds,
    address: plan.address,
    sharedAddress: plan.sharedAddress,
    ipv4: plan.ipv4,
    metric: running ? plan.metric : null,
    mtu4: running ? plan.mtu4 : null,
  };
}

/** One that could not be started. */
export function failedUplink(uplink: string, device: string, failure: string): UplinkClat {
  return {
    status: () => ({
      uplink,
      device,
      state: 'failed',
      words: `failed: ${failure}`,
      source: 'none',
      prefixes: [],
      router: null,
      expiresInSeconds: null,
      address: null,
      sharedAddress: null,
      ipv4: null,
      metric: null,
      mtu4: null,
    }),
    counters: noCounters,
    device: () => null,
    stop: async () => {},
  };
}

/** Of a start in which nothing has come yet. */
export function noCounters(): ClatCounters {
  return {
    advertisements: 0,
    advertisements_refused: 0,
    prefixes_refused: 0,
    routers_differ: 0,
    questions: 0,
    answers: 0,
    answers_refused: 0,
    damped: 0,
    duplicates: 0,
  };
}

/** The packet path of a CLAT that runs. */
export function dataplaneOf(clat: UplinkClat): Dataplane | null {
  return clat.device()?.dataplane ?? null;
}
