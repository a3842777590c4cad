/** NAT44 of a LAN behind the CLAT: one table of the kernel's nftables, ours, added and removed whole. */
import { spawn } from 'node:child_process';
import { networkOf, type Prefix } from '../config/address.js';
import { errors, messageOf } from '../errors.js';

const TABLE = 'platypus_clat';

/** Runs `nft -f -` with a script. Rejects with what it said. */
export type RunNft = (script: string) => Promise<void>;

export const runNft: RunNft = (script) =>
  new Promise((resolve, reject) => {
    const child = spawn('nft', ['-f', '-'], { stdio: ['pipe', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(0, 1000);
    });
    child.stdin.on('error', () => {});
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(said.trim() || `nft ended with ${code}`))));
    child.stdin.end(script);
  });

/** The table, in place of an older one. What leaves by a CLAT gets its IPv4 address (RFC 8585 464XLAT-1). */
export function nat44Script(devices: readonly string[], networks: readonly Prefix[]): string {
  const names = devices.map((name) => `"${name}"`).join(', ');
  const sources = networks.length === 0 ? '' : `ip saddr { ${networks.map(networkOf).join(', ')} } `;
  return [
    `add table ip ${TABLE}`,
    `delete table ip ${TABLE}`,
    `table ip ${TABLE} {`,
    '  chain postrouting {',
    '    type nat hook postrouting priority srcnat; policy accept;',
    `    oifname { ${names} } ${sources}masquerade`,
    '  }',
    '}',
    '',
  ].join('\n');
}

/** Adds the table. Returns how to remove it. Throws PLT_CLAT_FAILED. */
export async function startNat44(
  devices: readonly string[],
  networks: readonly Prefix[],
  nft: RunNft,
): Promise<() => Promise<void>> {
  try {
    await nft(nat44Script(devices, networks));
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const why = missing ? 'the program nft is missing' : messageOf(error);
    throw errors.clatFailed(
      `cannot set up NAT44 for the LAN: ${why}, expected nftables (or lan: none, with the firewall of this router)`,
      { cause: error },
    );
  }
  return () => nft(`delete table ip ${TABLE}\n`);
}
