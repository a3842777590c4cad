/** NAT44 of a LAN behind the CLAT: a table of the kernel's nftables. */
import { networkOf, type Prefix } from '../config/address.js';
import { errors } from '../errors.js';
import { isMissing, type RunNft, removeTable, replaceTable, tableOf, whyNot } from './nft.js';

export interface Nat44 {
  /** `clat.device`, after which the table is called. */
  name: string;
  devices: readonly string[];
  /** Whom it is for; nobody named is everybody. */
  networks: readonly Prefix[];
}

/** What leaves by a CLAT gets its IPv4 address (RFC 8585 464XLAT-1). */
export function nat44Script({ name, devices, networks }: Nat44): string {
  const names = devices.map((device) => `"${device}"`).join(', ');
  const sources = networks.length === 0 ? '' : `ip saddr { ${networks.map(networkOf).join(', ')} } `;
  return replaceTable('ip', tableOf(name), [
    'chain postrouting {',
    '  type nat hook postrouting priority srcnat; policy accept;',
    `  oifname { ${names} } ${sources}masquerade`,
    '}',
  ]);
}

/** Adds the table. Returns how to remove it. Throws PLT_CLAT_FAILED. */
export async function startNat44(nat44: Nat44, nft: RunNft): Promise<() => Promise<void>> {
  try {
    await nft(nat44Script(nat44));
  } catch (error) {
    throw errors.clatFailed(
      `cannot set up NAT44 for the LAN: ${whyNot(error)}, expected nftables (or lan: none, with the firewall of this router)`,
      { cause: error },
    );
  }
  return () => nft(removeTable('ip', tableOf(nat44.name)));
}

/** Takes away what a killed program left. Without nft there is nothing. Throws what nft says. */
export async function clearNat44(name: string, nft: RunNft): Promise<void> {
  try {
    await nft(removeTable('ip', tableOf(name)));
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
