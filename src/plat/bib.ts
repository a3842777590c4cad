/** Permanent mappings (RFC 6146 §3.1) of a running PLAT: each can be refused, so each is applied by itself. */
import { formatTransportAddress } from '../config/address.js';
import { toStaticBib } from '../config/core.js';
import { staticBibKey, without } from '../config/diff.js';
import { formatPath } from '../config/issues.js';
import type { PlatConfig, PlatFile, StaticBibEntry } from '../config/schema.js';
import { checkPlat } from '../config/semantics.js';
import type { Undo } from '../device/undo.js';
import { errors } from '../errors.js';
import type { Dataplane, StaticBib } from '../native/addon.js';

/** Entries asked for at a time: each is a message to one or two workers. */
const AT_A_TIME = 256;

/** Sets the permanent mappings of a PLAT that starts. Throws PLT_BIB_REFUSED. */
export async function addStaticBib(dataplane: Dataplane, entries: readonly StaticBibEntry[]): Promise<void> {
  for (let at = 0; at < entries.length; at += AT_A_TIME) {
    await Promise.all(entries.slice(at, at + AT_A_TIME).map((entry) => addStatic(dataplane, entry)));
  }
}

/** Makes the permanent mappings those of `next`. Those whose address left pool4 are gone already. */
export async function moveStaticBib(
  dataplane: Dataplane,
  running: PlatConfig,
  next: PlatConfig,
  undo: Undo,
): Promise<void> {
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
export function checkStatic(running: PlatFile, entry: StaticBibEntry): void {
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
