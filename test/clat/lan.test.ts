import { expect, test } from 'vitest';
import { clearNat44, nat44Script, startNat44 } from '../../src/clat/lan.js';
import { knownPrefix } from '../../src/config/address.js';

test('XLAT-CE-08 the table replaces one that was left, and masquerades what leaves by the CLAT', () => {
  const networks = [knownPrefix('192.168.1.0/24')];
  expect(nat44Script({ name: 'clat', devices: ['clat0', 'clat1'], networks })).toBe(
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

const everybody = { name: 'clat', devices: ['clat'], networks: [] };
const gone = 'add table ip platypus_clat\ndelete table ip platypus_clat\n';
const missing = () => Promise.reject(Object.assign(new Error('spawn nft ENOENT'), { code: 'ENOENT' }));

test('the table is removed whole', async () => {
  const scripts: string[] = [];
  const stop = await startNat44(everybody, async (script) => void scripts.push(script));
  await stop();
  expect(scripts).toEqual([nat44Script(everybody), gone]);
});

test('without NAT44 the table of a killed one is removed; without nft there is none', async () => {
  const scripts: string[] = [];
  await clearNat44('clat', async (script) => void scripts.push(script));
  expect(scripts).toEqual([gone]);
  await clearNat44('clat', missing);
});

test('without nft it says what is missing and what to do instead', async () => {
  await expect(startNat44(everybody, missing)).rejects.toThrow(
    'the CLAT failed: cannot set up NAT44 for the LAN: the program nft is missing, expected nftables (or lan: none, with the firewall of this router)',
  );
});
