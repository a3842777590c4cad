/**
 * Sharing the uplink's IPv6 address: the translator has an address that stays inside the host, and a table of the
 * kernel's nftables gives its packets the uplink's. So connection tracking tells translated flows from the host's own,
 * replies and quoted packets of ICMPv6 errors included: it knows who opened each, and gives neither a port that the other
 * one uses towards the same server.
 */
import { errors } from '../errors.js';
import { type Table, whyNot } from './nft.js';

export interface Share {
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
export function shareLines({ uplink, inside, outside }: Share): string[] {
  return [
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
  ];
}

/** Has the table be so, before the translator sends. Throws PLT_CLAT_FAILED. */
export async function startShare(share: Share, table: Pick<Table, 'put'>): Promise<void> {
  try {
    await table.put(shareLines(share));
  } catch (error) {
    throw errors.clatFailed(
      `cannot share ${share.outside} of ${share.uplink}: ${whyNot(error)}, expected nftables (or an address of its own: clat.address)`,
      { cause: error },
    );
  }
}
