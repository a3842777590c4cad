/** From the operator's configuration to what the native core takes. */
import type { CoreConfig, Limits } from '../native/addon.js';
import { formatAddress, type Prefix } from './address.js';
import type { PlatConfig, StaticBibEntry } from './schema.js';

function corePrefix(prefix: Prefix): { address: string; length: number } {
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

/** The snapshot for the packet path. `hostAddress6` is the source of ICMPv6 errors when the file names none. */
export function toCoreConfig(plat: PlatConfig, hostAddress6: string | null): CoreConfig {
  return {
    mode: 'nat64',
    pool6: plat.pool6.map(corePrefix),
    pool4: plat.pool4.map((entry) => ({
      ...corePrefix(entry.prefix),
      portMin: entry.ports.min,
      portMax: entry.ports.max,
    })),
    staticBib: plat.staticBib.map(toStaticBib),
    mtu6: plat.mtu6,
    mtu4: plat.mtu4,
    lowestIpv6Mtu: plat.lowestIpv6Mtu,
    addressDependentFiltering: {
      tcp: plat.filtering.tcp === 'address-dependent',
      udp: plat.filtering.udp === 'address-dependent',
      icmp: plat.filtering.icmp === 'address-dependent',
    },
    dropInboundTcp: plat.dropInboundTcp,
    allowNonGlobal: plat.allowNonGlobal,
    udpZeroChecksum: 'compute',
    trafficClass: plat.trafficClass,
    tos: plat.tos,
    timeoutsSeconds: { ...plat.timeouts },
    icmpErrors: { ...plat.icmpErrors },
    icmpSource4: plat.icmpSource4,
    icmpSource6: plat.icmpSource6 ?? hostAddress6,
  };
}

/** Capacities of the core's tables. */
export function toLimits(plat: PlatConfig): Limits {
  return { ...plat.limits };
}
