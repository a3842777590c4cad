/** NAT44 of a LAN behind the CLAT: a table of the kernel's nftables. */
import { networkOf, type Prefix } from '../config/address.js';
import { errors } from '../errors.js';
import { type Table, whyNot } from './nft.js';

/** What leaves by a CLAT gets its IPv4 address (RFC 8585 464XLAT-1). No `networks`: whoever sends it. */
export function nat44Lines(devices: readonly string[], networks: readonly Prefix[]): string[] {
  const names = devices.map((device) => `"${device}"`).join(', ');
  const sources = networks.length === 0 ? '' : `ip saddr { ${networks.map(networkOf).join(', ')} } `;
  return [
    'chain postrouting {',
    '  type nat hook postrouting priority srcnat; policy accept;',
    `  oifname { ${names} } ${sources}masquerade`,
    '}',
  ];
}

/** Adds the table. Throws PLT_CLAT_FAILED. */
export async function startNat44(
  devices: readonly string[],
  networks: readonly Prefix[],
  table: Pick<Table, 'put'>,
): Promise<void> {
  try {
    await table.put(nat44Lines(devices, networks));
  } catch (error) {
    throw errors.clatFailed(
      `cannot set up NAT44 for the LAN: ${whyNot(error)}, expected nftables (or lan: none, with the firewall of this router)`,
      { cause: error },
    );
  }
}
