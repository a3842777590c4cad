import { expect, test } from 'vitest';
import { nat44Script, startNat44 } from '../../src/clat/lan.js';
import { knownPrefix } from '../../src/config/address.js';

test('XLAT-CE-08 the table replaces one that was left, and masquerades what leaves by the CLAT', () => {
  expect(nat44Script(['clat0', 'clat1'], [knownPrefix('192.168.1.0/24')])).toBe(
    `add table ip platypus_clat
delete table ip platypus_clat
table ip platypus_clat {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname { "clat0", "clat1" } ip saddr { 192.168.1.0/24 } masquerade
  }
}
`,
  );
});

test('the table is removed whole', async () => {
  const scripts: string[] = [];
  const stop = await startNat44(['clat'], [], async (script) => void scripts.push(script));
  await stop();
  expect(scripts).toEqual([nat44Script(['clat'], []), 'delete table ip platypus_clat\n']);
});

test('without nft it says what is missing and what to do instead', async () => {
  const nft = () => Promise.reject(Object.assign(new Error('spawn nft ENOENT'), { code: 'ENOENT' }));
  await expect(startNat44(['clat'], [], nft)).rejects.toThrow(
    'the CLAT failed: cannot set up NAT44 for the LAN: the program nft is missing, expected nftables (or lan: none, with the firewall of this router)',
  );
});
