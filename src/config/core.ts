/** From the operator's configuration to what the native core takes. */
import type { CoreConfig, CorePrefix, EamTable, Limits, Threads } from '../native/addon.js';
import { formatAddress, type Prefix } from './address.js';
import type { PlatConfig, SiitSection, StaticBibEntry } from './schema.js';

/** A prefix as the core takes it, without bits after its length. */
export function corePrefix(prefix: Prefix): CorePrefix {
  return { address: formatAddress(prefix.family, prefix.first), length: prefix.length };
}

/** A static entry as the core takes it. */
export function toStaticBib(entry: StaticBibEntry): CoreConfig['staticBib'][number] {
  return {
    protocol: entry.protocol,
    v6: entry.v6.address.text,
    port6: entry.v6.port,
    v4: entry.v4.address.text,
    port4: entry.v4.port,
  };
}

/** The worker threads of a section. */
export function toThreads(section: PlatConfig | SiitSection): Threads {
  const { workers, cpus } = section;
  // Without state no subscriber has a worker of its own.
  const subscriberBits = 'subscriberPrefixLength' in section ? section.subscriberPrefixLength : 128;
  return { workers, cpus: cpus ?? [], subscriberBits };
}

/** The snapshot for a stateful packet path. `hostAddress6` is the source of ICMPv6 errors when the file names none. */
export function toCoreConfig(plat: PlatConfig, hostAddress6: string | null): CoreConfig {
  return {
    mode: 'nat64',
    ...translator(plat, hostAddress6),
    pool4: plat.pool4.map((entry) => ({
      ...corePrefix(entry.prefix),
      portMin: entry.ports.min,
      portMax: entry.ports.max,
    })),
    staticBib: plat.staticBib.map(toStaticBib),
    addressDependentFiltering: {
      tcp: plat.filtering.tcp === 'address-dependent',
      udp: plat.filtering.udp === 'address-dependent',
      icmp: plat.filtering.icmp === 'address-dependent',
    },
    dropInboundTcp: plat.dropInboundTcp,
    udpZeroChecksum: 'compute',
    timeoutsSeconds: { ...plat.timeouts },
    siit: NO_SIIT,
  };
}

/** The snapshot for a stateless packet path; `eamt` is the table of the section's entries. */
export function toSiitCoreConfig(siit: SiitSection, eamt: EamTable | null, hostAddress6: string | null): CoreConfig {
  return {
    mode: 'siit',
    ...translator(siit, hostAddress6),
    pool4: [],
    staticBib: [],
    addressDependentFiltering: { tcp: false, udp: false, icmp: false },
    dropInboundTcp: false,
    udpZeroChecksum: siit.udpZeroChecksum,
    timeoutsSeconds: { ...NO_SESSIONS, fragment: siit.timeouts.fragment },
    siit: {
      eamt,
      hairpin: siit.hairpin,
      denylist4: siit.denylist4.map(corePrefix),
      sources4: checksSources(siit) ? (siit.pool4 ?? []).map(corePrefix) : null,
      eamSources: false,
      rfc6791v4: siit.rfc6791v4Prefix.map(corePrefix),
      rfc6791v6: siit.rfc6791v6Prefix === null ? null : corePrefix(siit.rfc6791v6Prefix),
      rfc6791Pick: siit.rfc6791Pick,
      rfc6791Extension: siit.rfc6791Extension,
    },
  };
}

/** RFC 6052 §5.1. Without pool4 nobody said which hosts are numbered from pool6, so that all may be. */
function checksSources({ sourceCheck, pool4 }: SiitSection): boolean {
  return sourceCheck ?? pool4 !== null;
}

function translator(config: PlatConfig | SiitSection, hostAddress6: string | null) {
  return {
    pool6: config.pool6.map(corePrefix),
    mtu6: config.mtu6,
    mtu4: config.mtu4,
    lowestIpv6Mtu: config.lowestIpv6Mtu,
    allowNonGlobal: config.allowNonGlobal,
    trafficClass: config.trafficClass,
    tos: config.tos,
    mssClamp: mssClampBytes(config),
    plateaus: config.plateaus,
    icmpErrors: { ...config.icmpErrors },
    icmpSource4: config.icmpSource4,
    icmpSource6: config.icmpSource6 ?? hostAddress6,
  };
}

/** TCP over IPv6 has 60 bytes of headers, over IPv4 40; 0 is off. */
function mssClampBytes({ mssClamp, mtu6, mtu4 }: PlatConfig | SiitSection): number {
  if (mssClamp === 'off') return 0;
  return mssClamp === 'auto' ? Math.max(536, Math.min(mtu6 - 60, mtu4 - 40)) : mssClamp;
}

/** What a stateful translator has no use for. */
const NO_SIIT: CoreConfig['siit'] = {
  eamt: null,
  hairpin: 'none',
  denylist4: [],
  sources4: null,
  eamSources: false,
  rfc6791v4: [],
  rfc6791v6: null,
  rfc6791Pick: 'random',
  rfc6791Extension: 'none',
};

/** What a stateless translator has no use for. */
const NO_SESSIONS = { udp: 300, tcpEstablished: 7200, tcpTransitory: 240, tcpIncomingSyn: 6, icmp: 60 };

/** Capacities of the core's tables. */
export function toLimits(plat: PlatConfig): Limits {
  return { ...plat.limits };
}

/** The same for a translator without sessions. */
export function toSiitLimits(siit: SiitSection): Limits {
  return { sessions: 1, bib: 1, hosts: 1, storedSyns: 1, ...siit.limits };
}
