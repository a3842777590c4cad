/** Changes a running PLAT from one configuration to the next, or not at all. */
import { formatPrefix, formatTransportAddress } from '../config/address.js';
import { toCoreConfig, toStaticBib } from '../config/core.js';
import { staticBibKey, without } from '../config/diff.js';
import { formatPath } from '../config/issues.js';
import type { Config, PlatConfig, StaticBibEntry } from '../config/schema.js';
import { checkPlat } from '../config/semantics.js';
import { errors, messageOf } from '../errors.js';
import type { Dataplane, Netlink, StaticBib } from '../native/addon.js';
import { asking, checkPools, type PoolPrefix, poolPrefixes } from './host.js';
import { addRoute, deviceMtu, removeRoute } from './link.js';
import type { Log } from './service.js';
import { createUndo, type Undo } from './undo.js';

/** What a running PLAT consists of. */
export interface Parts {
  netlink: Netlink;
  dataplane: Dataplane;
  /** Source of ICMPv6 errors when the configuration names none. */
  hostAddress6: string | null;
  log: Log;
}

/**
 * From one configuration to the next: new routes first, then the core, then old routes away, so that no packet of a pool
 * in force is without a route. On any failure everything done so far is taken back.
 */
export async function change(
  running: Config,
  next: Config,
  { netlink, dataplane, hostAddress6, log }: Parts,
): Promise<void> {
  const undo = createUndo();
  const device = dataplane.device;
  const key = (pool: PoolPrefix) => formatPrefix(pool.prefix);
  const oldPools = poolPrefixes(running.plat);
  const newPools = poolPrefixes(next.plat);
  const added = without(newPools, oldPools, key);
  let currentMtu = deviceMtu(running.plat);
  try {
    checkPools(netlink, added, device);
    setMtu(Math.max(deviceMtu(running.plat), deviceMtu(next.plat)));
    for (const pool of added) {
      addRoute(netlink, device, pool);
      undo.push(`route to ${key(pool)}`, () => removeRoute(netlink, device, pool));
    }
    undo.push('configure', () => dataplane.configure(toCoreConfig(running.plat, hostAddress6)));
    await dataplane.configure(toCoreConfig(next.plat, hostAddress6));
    await moveStaticBib(dataplane, running.plat, next.plat, undo);
    for (const pool of without(oldPools, newPools, key)) {
      removeRoute(netlink, device, pool);
      undo.push(`no route to ${key(pool)}`, () => addRoute(netlink, device, pool));
    }
    setMtu(deviceMtu(next.plat));
  } catch (error) {
    const failures = await undo.unwind();
    for (const failure of failures) log.error(`could not take back "${failure.name}": ${messageOf(failure.error)}`);
    throw errors.reloadFailed(error, failures.length === 0);
  }

  function setMtu(mtuBytes: number): void {
    const before = currentMtu;
    if (before === mtuBytes) return;
    asking(`cannot set the MTU of "${device}" to ${mtuBytes}`, () => netlink.setLink({ name: device, mtuBytes }));
    undo.push('MTU', () => netlink.setLink({ name: device, mtuBytes: before }));
    currentMtu = mtuBytes;
  }
}

/**
 * Makes the permanent mappings those of `next`. The core sets them from its snapshot; what it did already is no failure
 * here.
 */
async function moveStaticBib(dataplane: Dataplane, running: PlatConfig, next: PlatConfig, undo: Undo): Promise<void> {
  for (const entry of without(running.staticBib, next.staticBib, staticBibKey)) {
    const core = toStaticBib(entry);
    if ((await staticHolder(dataplane, core)) !== core.v6) continue;
    await dataplane.removeBib(core);
    undo.push(`remove ${staticBibKey(entry)}`, async () => {
      await dataplane.addBib(core);
    });
  }
  for (const entry of without(next.staticBib, running.staticBib, staticBibKey)) {
    const core = toStaticBib(entry);
    if ((await staticHolder(dataplane, core)) === core.v6) continue;
    await addStatic(dataplane, entry);
    undo.push(`add ${staticBibKey(entry)}`, async () => {
      await dataplane.removeBib(core);
    });
  }
}

/** The IPv6 address that holds a pool4 transport address permanently, null when none does. */
async function staticHolder(dataplane: Dataplane, { protocol, v4, port4 }: StaticBib): Promise<string | null> {
  let cursor: number | null = 0;
  while (cursor !== null) {
    const page = await dataplane.bib({ protocol, v4: { address: v4, length: 32 }, port4, cursor, limit: 16 });
    const row = page.rows.find((candidate) => candidate.static);
    if (row !== undefined) return row.v6;
    cursor = page.next;
  }
  return null;
}

/** Adds one permanent mapping to the running core. Throws PLT_BIB_REFUSED. */
export async function addStatic(dataplane: Dataplane, entry: StaticBibEntry): Promise<void> {
  const result = await dataplane.addBib(toStaticBib(entry));
  const v4 = formatTransportAddress(entry.v4.address.text, entry.v4.port);
  const v6 = formatTransportAddress(entry.v6.address.text, entry.v6.port);
  switch (result) {
    case 'ok':
      return;
    case 'exists':
      throw errors.bibRefused(`${entry.protocol} ${v6} ${v4} is in the BIB already`, 'a new entry');
    case 'v6-taken':
      throw errors.bibRefused(`${v6} has another ${entry.protocol} mapping`, 'an IPv6 transport address without one');
    case 'v4-taken':
      throw errors.bibRefused(`${v4} is mapped to another ${entry.protocol} host`, 'a free pool4 transport address');
    case 'not-in-pool4':
      throw errors.bibRefused(`${v4} is not in pool4`, 'an address and port of `platypus pool4 list`');
    case 'no-room':
      throw errors.bibRefused('the BIB is full', 'room for one more (limits.bib, limits.hosts)');
  }
}

/** Throws PLT_BIB_REFUSED when the configuration would not accept one more entry. */
export function checkStatic(running: Config, entry: StaticBibEntry): void {
  if (running.plat.staticBib.some((other) => staticBibKey(other) === staticBibKey(entry))) {
    throw errors.bibRefused(`${staticBibKey(entry)} is in the BIB already`, 'a new entry');
  }
  const staticBib = [...running.plat.staticBib, entry];
  const complaint = checkPlat({ ...running.plat, staticBib }).find(({ path }) => path[1] === 'staticBib');
  if (complaint === undefined) return;
  const [found, ...expected] = complaint.message.split(', expected ');
  const place = complaint.path.length > 3 ? `${formatPath(complaint.path.slice(3))}: ` : '';
  throw errors.bibRefused(`${place}${found}`, expected.join(', expected '));
}
