/** What the packet path has to know of a running CLAT. */
import { formatPrefix, knownPrefix, networkOf } from '../config/address.js';
import { type ClatConfig, lanRows } from '../config/clat.js';
import { toSiitCoreConfig } from '../config/core.js';
import { readEntry } from '../config/eam-text.js';
import { configSchema, type SiitSection } from '../config/schema.js';
import type { Plan } from '../device/device.js';
import type { PoolPrefix } from '../device/link.js';
import { type Addon, type ClatPlan, EAM_ADD_BYTES, type EamTable } from '../native/addon.js';
import { buildTable } from '../siit/eamt.js';

/** What routers of the IPv6 side are called in IPv4 (RFC 7600 §4.8): hops of a traceroute. */
const ROUTERS = '192.0.0.8/32';

/** The stateless translator that the CLAT is, as the `siit` section would say it. */
export function siitOf(clat: ClatConfig, device: string, plan: ClatPlan): SiitSection {
  const { siit } = configSchema.parse({
    siit: {
      pool6: plan.prefixes.map(formatPrefix),
      device,
      offload: clat.offload,
      workers: clat.workers,
      mtu6: plan.mtu6,
      mtu4: plan.mtu4,
      mssClamp: clat.mssClamp,
      allowNonGlobal: clat.allowNonGlobal,
      hairpin: 'none',
      rfc6791v4Prefix: ROUTERS,
      icmpSource6: plan.address,
    },
  });
  if (siit === undefined) throw new TypeError('no siit section');
  return siit;
}

/** RFC 7757 appendix A.1: one row for the CLAT's own address, and those of the LAN. */
function tableOf(clat: ClatConfig, plan: ClatPlan, addon: Pick<Addon, 'buildEamTable'>): Promise<EamTable> {
  const rows = [
    { v4: `${plan.ipv4}/32`, v6: `${plan.address}/128` },
    ...lanRows(clat.lan).map(({ v4, v6 }) => ({ v4: networkOf(v4), v6: networkOf(v6) })),
  ];
  const add = new Uint8Array(rows.length * EAM_ADD_BYTES);
  for (const [index, { v4, v6 }] of rows.entries()) {
    const wrong = readEntry(v4, v6, add, index * EAM_ADD_BYTES);
    if (wrong !== null) throw new TypeError(`${v4} ${v6}: expected ${wrong.expected}`);
  }
  return buildTable(addon, null, { add });
}

/** The plan of the device. Its own address is routed by `Clat.attach`, those of the LAN's hosts here. */
export async function devicePlan(
  clat: ClatConfig,
  siit: SiitSection,
  plan: ClatPlan,
  addon: Pick<Addon, 'buildEamTable'>,
): Promise<Plan> {
  const eamt = await tableOf(clat, plan, addon);
  const pools = lanRows(clat.lan).map(({ v6 }): PoolPrefix => ({ pool: 'eamt', prefix: knownPrefix(networkOf(v6)) }));
  const core = toSiitCoreConfig(siit, eamt, plan.address);
  // RFC 6877 §6.1: a host that goes on with an address of before would be taken for one of the NAT64's prefix.
  return { core: { ...core, siit: { ...core.siit, eamSources: true } }, pools };
}
