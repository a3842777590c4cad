import { expect, test } from 'vitest';
import { shareLines, startShare } from '../../src/clat/share.js';

const share = { uplink: 'eth0', inside: 'fd12::1', outside: '2001:db8::128' };

test('XLAT-ARCH-19 what the translator sends gets the uplink’s address, and its own stays inside', () => {
  expect(shareLines(share)).toEqual([
    'chain share {',
    '  type nat hook postrouting priority srcnat - 1; policy accept;',
    '  oifname "eth0" ip6 saddr fd12::1 snat to 2001:db8::128',
    '}',
    'chain leaving {',
    '  type filter hook postrouting priority srcnat + 1; policy accept;',
    '  ip6 saddr fd12::1 counter drop',
    '}',
    'chain coming {',
    '  type filter hook prerouting priority raw; policy accept;',
    '  ip6 daddr fd12::1 counter drop',
    '}',
  ]);
});

test('what nft refuses is told with what to do instead', async () => {
  const put = () => Promise.reject(new Error('Could not process rule: Operation not supported'));
  await expect(startShare(share, { put })).rejects.toThrow(
    'the CLAT failed: cannot share 2001:db8::128 of eth0: Could not process rule: Operation not supported, expected nftables (or an address of its own: clat.address)',
  );
});
