/** The shape of the `clat` section. */
import { z } from 'zod';
import {
  formatAddress,
  hasHostBits,
  knownPrefix,
  networkOf,
  type Prefix,
  parseAddress,
  parsePrefix,
} from './address.js';
import {
  choice,
  deviceName,
  field,
  flag,
  listOrOne,
  mappingOrWord,
  mssClamp,
  pool4Prefix,
  pool6Prefix,
  prefix,
  section,
  wholeNumber,
} from './fields.js';
import type { Complaint } from './issues.js';

/** Most uplinks (`kMostUplinks`), and prefixes of one kind (`kMostPrefixes`). */
const MAX_UPLINKS = 8;
const MAX_PREFIXES = 8;
const MAX_LAN = 64;

/** Where the CLAT's IPv6 address is from. */
export type ClatAddress = { from: 'uplink' | 'shared' } | { from: 'explicit' | 'delegated'; address: string };

const address = field(
  'auto, shared, an IPv6 address, or a delegated IPv6 prefix of 64 bits',
  (value, refuse): ClatAddress | null => {
    if (value === 'auto') return { from: 'uplink' };
    if (value === 'shared') return { from: 'shared' };
    if (typeof value !== 'string') return null;
    const parsed = parsePrefix(value);
    if (parsed === null || parsed.family !== 6) return null;
    if (parsed.length === 128) return { from: 'explicit', address: parsed.address };
    if (parsed.length !== 64) return null;
    if (hasHostBits(parsed)) return refuse(`a prefix without bits after its length, ${networkOf(parsed)}`);
    return { from: 'delegated', address: parsed.address };
  },
);

const resolver = field('an IPv6 address', (value) => {
  const parsed = typeof value === 'string' ? parseAddress(value) : null;
  return parsed?.family === 6 ? parsed.text : null;
});

/** RFC 7335 §4 is for this, but some networks number their hosts otherwise. */
const ipv4 = field('an IPv4 address such as 192.0.0.1', (value) => {
  const parsed = typeof value === 'string' ? parseAddress(value) : null;
  return parsed?.family === 4 ? parsed.text : null;
});

const prefixes = (expected: string) => listOrOne(pool6Prefix, 0, MAX_PREFIXES, expected).default([]);

const lanMapping = section({
  mode: choice('nat44', 'none', 'prefix', 'eamt').default('nat44'),
  networks: listOrOne(pool4Prefix, 0, MAX_LAN, `at most ${MAX_LAN} IPv4 networks such as 192.168.1.0/24`).default([]),
  prefix: prefix(6).nullable().default(null),
  eamt: z
    .array(section({ v4: pool4Prefix, v6: prefix(6) }), { error: 'a list of { v4, v6 }' })
    .max(MAX_LAN, { error: `at most ${MAX_LAN} entries` })
    .default([]),
});
const lanWord = choice('nat44', 'none').transform((mode) => lanMapping.parse({ mode }));

export const clatSection = section({
  uplink: listOrOne(deviceName, 1, MAX_UPLINKS, `1 to ${MAX_UPLINKS} device names such as eth0`),
  mode: choice('auto', 'off', 'force').default('auto'),
  discovery: listOrOne(choice('ra', 'dns'), 0, 2, 'ra, dns, or both').default(['ra', 'dns']),
  pool6: prefixes('at most 8 prefixes such as 64:ff9b::/96'),
  fallback: prefixes('at most 8 prefixes such as 64:ff9b::/96'),
  resolvers: listOrOne(resolver, 0, 4, 'at most 4 IPv6 addresses').default([]),
  address: address.default({ from: 'uplink' }),
  device: deviceName.default('clat'),
  ipv4: ipv4.nullable().default(null),
  metric: wholeNumber(1, 4_294_967_295, 'a metric').nullable().default(null),
  mtu: wholeNumber(1280, 65_535, 'bytes').nullable().default(null),
  mssClamp: mssClamp.default('auto'),
  offload: choice('none', 'checksum', 'tso', 'uso').default('uso'),
  workers: wholeNumber(1, 16, 'worker threads').default(1),
  allowNonGlobal: flag.default(false),
  lan: mappingOrWord(lanMapping, lanWord).default(lanMapping.parse({ mode: 'none' })),
});

/** The `clat` section. */
export interface ClatConfig extends z.output<typeof clatSection> {}
export type ClatLan = ClatConfig['lan'];

/** The devices of the CLATs, in the order of their uplinks. */
export function clatDevices({ uplink, device }: Pick<ClatConfig, 'uplink' | 'device'>): string[] {
  return uplink.length === 1 ? [device] : uplink.map((_, index) => `${device}${index}`);
}

/** The EAM rows of hosts behind the CLAT: `prefix` numbers them by RFC 6052, `eamt` one by one. */
export function lanRows({ mode, networks, prefix: own, eamt }: ClatLan): { v4: Prefix; v6: Prefix }[] {
  if (mode === 'eamt') return eamt;
  if (mode !== 'prefix' || own === null) return [];
  return networks.map((v4) => {
    // RFC 6052 §2.2: after 96 bits, or after 64 and octet u. Either way the host bits follow as they are.
    const bits = own.length === 96 ? 96 : 72;
    const first = formatAddress(6, own.first | (v4.first << BigInt(96 - bits)));
    return { v4, v6: knownPrefix(`${first}/${bits + v4.length}`) };
  });
}

/** What is wrong between the values. Paths begin at `clat`. */
export function checkClat(clat: ClatConfig): Complaint[] {
  const complaints: Complaint[] = [];
  const say = (key: string[], message: string) => complaints.push({ path: ['clat', ...key], message });
  const { uplink, lan } = clat;
  if (new Set(uplink).size < uplink.length) say(['uplink'], 'found a device twice, expected each once');
  if (uplink.length > 1) {
    if ('address' in clat.address) say(['address'], 'found one address for several uplinks, expected auto or shared');
    if (clat.ipv4 !== null) say(['ipv4'], 'found one address for several uplinks, expected none');
    if (clat.metric !== null) say(['metric'], 'found one metric for several uplinks, expected none');
    if (lanRows(lan).length > 0) say(['lan'], `found ${lan.mode} with several uplinks, expected nat44 or none`);
  }
  if (clat.discovery.length === 0 && clat.pool6.length === 0) {
    say(['discovery'], 'found no way to a prefix, expected ra, dns, or a prefix in pool6');
  }
  for (const name of clatDevices(clat)) {
    if (name.length > 15) say(['device'], `found ${name}, expected at most 15 characters with the number`);
    if (uplink.includes(name)) say(['device'], `found ${name}, an uplink, expected a name of its own`);
  }
  if (lan.mode === 'prefix') {
    if (lan.prefix === null || ![64, 96].includes(lan.prefix.length)) {
      say(['lan', 'prefix'], 'found no prefix of 64 or 96 bits, expected one that is routed to this host');
    }
    if (lan.networks.length === 0) say(['lan', 'networks'], 'found none, expected the IPv4 networks of the LAN');
  }
  if (lan.mode === 'eamt' && lan.eamt.length === 0)
    say(['lan', 'eamt'], 'found none, expected { v4, v6 } of each host');
  for (const [index, { v4, v6 }] of (lan.mode === 'eamt' ? lan.eamt : []).entries()) {
    if (32 - v4.length <= 128 - v6.length) continue;
    say(['lan', 'eamt', String(index)], 'found a longer IPv4 suffix than IPv6 suffix, expected one that fits');
  }
  return complaints;
}

/** Sentences about what is allowed but seldom meant. */
export function warnClat(clat: ClatConfig): string[] {
  const warnings: string[] = [];
  if (clat.mode === 'off') warnings.push('clat.mode is off: nothing is translated');
  if (clat.mode === 'force') {
    warnings.push('clat.mode is force: the CLAT goes on beside native IPv4, which is preferred by its lower metric');
  }
  return warnings;
}
