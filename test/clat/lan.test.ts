import { expect, test } from 'vitest';
import { nat44Lines, startNat44 } from '../../src/clat/lan.js';
import { createTable } from '../../src/clat/nft.js';
import { knownPrefix } from '../../src/config/address.js';

test('XLAT-CE-08 what leaves by a CLAT is masqueraded', () => {
  expect(nat44Lines(['clat0', 'clat1'], [knownPrefix('192.168.1.0/24')])).toEqual([
    'chain postrouting {',
    '  type nat hook postrouting priority srcnat; policy accept;',
    '  oifname { "clat0", "clat1" } ip saddr { 192.168.1.0/24 } masquerade',
    '}',
  ]);
});

test('without nft it says what is missing and what to do instead', async () => {
  const nft = () => Promise.reject(Object.assign(new Error('spawn nft ENOENT'), { code: 'ENOENT' }));
  await expect(startNat44(['clat'], [], createTable('ip', 'clat', nft))).rejects.toThrow(
    'the CLAT failed: cannot set up NAT44 for the LAN: the program nft is missing, expected nftables (or lan: none, with the firewall of this router)',
  );
});
