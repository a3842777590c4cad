/**
 * Sharing the uplink's IPv6 address: the translator has an address that stays inside the host, and a table of the
 * kernel's nftables gives its packets the uplink's. So connection tracking tells translated flows from the host's own,
 * replies and quoted packets of ICMPv6 errors included: it knows who opened each, and gives neither a port that the other
 * one uses towards the same server.
 */
import { errors } from '../errors.js';
import { isMissing, type RunNft, removeTable, replaceTable, tableOf, whyNot } from './nft.js';

export interface Share {
  /** The translator's. */
  device: string;
  uplink: string;
  /** The translator's address. */
  inside: string;
  /** The uplink's. */
  outside: string;
}

/**
 * The table. Before the host's own masquerading, as theirs would choose the address otherwise. Connection tracking leaves
 * what it finds invalid as it is, such as a segment far outside of TCP's window; that must not be seen outside, and
 * nobody outside can know whom to write to inside.
 */
export function shareScript({ device, uplink, inside, outside }: Share): string {
  return replaceTable('ip6', tableOf(device), [
    'chain share {',
    '  type nat hook postrouting priority srcnat - 1; policy accept;',
    `  oifname "${uplink}" ip6 saddr ${inside} snat to ${outside}`,
    '}',
    'chain leaving {',
    '  type filter hook postrouting priority srcnat + 1; policy accept;',
    `  ip6 saddr ${inside} counter drop`,
    '}',
    'chain coming {',
    '  type filter hook prerouting priority raw; policy accept;',
    `  ip6 daddr ${inside} counter drop`,
    '}',
  ]);
}

export interface Sharing {
  /** Has this be so, before the translator sends. Throws PLT_CLAT_FAILED. */
  use(inside: string, outside: string): Promise<void>;
  /** Takes the table away, one that a killed program left as well. Throws what nft says. */
  end(): Promise<void>;
}

export function createSharing(device: string, uplink: string, nft: RunNft): Sharing {
  /** What is in force, '' for nothing; null while nobody has looked. */
  let script: string | null = null;
  return {
    async use(inside, outside) {
      const next = shareScript({ device, uplink, inside, outside });
      if (next === script) return;
      // A refused script changes nothing, but who knows what stopped it on its way.
      script = null;
      try {
        await nft(next);
      } catch (error) {
        throw errors.clatFailed(
          `cannot share ${outside} of ${uplink}: ${whyNot(error)}, expected nftables (or an address of its own: clat.address)`,
          { cause: error },
        );
      }
      script = next;
    },
    async end() {
      if (script === '') return;
      script = null;
      try {
        await nft(removeTable('ip6', tableOf(device)));
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
      script = '';
    },
  };
}
