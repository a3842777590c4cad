import { expect, test } from 'vitest';
import { createSharing, shareScript } from '../../src/clat/share.js';

const share = { device: 'clat', uplink: 'eth0', inside: 'fd12::1', outside: '2001:db8::128' };

test('XLAT-ARCH-19 the table gives what the translator sends the uplink’s address, and keeps its own inside', () => {
  expect(shareScript(share)).toBe(
    `add table ip6 platypus_clat
delete table ip6 platypus_clat
table ip6 platypus_clat {
  chain share {
    type nat hook postrouting priority srcnat - 1; policy accept;
    oifname "eth0" ip6 saddr fd12::1 snat to 2001:db8::128
  }
  chain leaving {
    type filter hook postrouting priority srcnat + 1; policy accept;
    ip6 saddr fd12::1 counter drop
  }
  chain coming {
    type filter hook prerouting priority raw; policy accept;
    ip6 daddr fd12::1 counter drop
  }
}
`,
  );
});

test('the same is said to nft once, and after a failure again', async () => {
  let failing = true;
  const scripts: string[] = [];
  const sharing = createSharing('clat', 'eth0', async (script) => {
    scripts.push(script);
    if (failing) throw new Error('no such thing');
  });
  await expect(sharing.use('fd12::1', '2001:db8::128')).rejects.toThrow(
    'cannot share 2001:db8::128 of eth0: no such thing, expected nftables',
  );
  failing = false;
  await sharing.use('fd12::1', '2001:db8::128');
  await sharing.use('fd12::1', '2001:db8::128');
  expect(scripts).toEqual([shareScript(share), shareScript(share)]);
  await sharing.end();
  await sharing.end();
  expect(scripts.slice(2)).toEqual(['add table ip6 platypus_clat\ndelete table ip6 platypus_clat\n']);
});
