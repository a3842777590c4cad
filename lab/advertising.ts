/** A router's advertisements: radvd, and beside it a small program for the PREF64 option. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Host } from './host.js';
import { root } from './plat.js';
import type { Service } from './process.js';

/** What a router says. */
export interface Advertised {
  /** Prefix of the link, a /64; the one of before is deprecated when another one is named. */
  link?: string;
  deprecated?: string;
  /** Addresses are had by DHCPv6 (RFC 4861 §4.2, M). */
  managed?: boolean;
  /** PREF64 options. */
  pref64?: { prefix: string; lifetimeSeconds: number }[];
  rdnss?: string;
}

export interface Access {
  readonly host: Host;
  /** Has radvd say this from now on; null for silence. */
  advertise(what: Advertised | null): Promise<void>;
}

/** The router's address on the link; its host has it already. */
export const GATEWAY = 'fe80::1';

/** A router that is silent as yet. `file` is the path of its files, without an ending. */
export function createAccess(host: Host, file: string, device = 'eth0'): Access {
  let speakers: Service[] = [];
  return {
    host,
    async advertise(what) {
      // SIGTERM has it say goodbye with lifetime 0, as a router that is switched off in order; the tests want silence.
      for (const speaker of speakers) speaker.signal('SIGKILL');
      await Promise.all(speakers.map(({ exited }) => exited));
      speakers = [];
      if (what === null) return;
      await writeFile(`${file}.conf`, radvdConfig(what, device));
      if (what.link !== undefined) {
        await host.script(`ip -6 address replace ${what.link.replace('/64', '1/64')} dev ${device}`);
      }
      const args = ['-C', `${file}.conf`, '-p', `${file}.pid`, '-m', 'stderr', '-n', '-d', '1'];
      speakers = [host.start(['radvd', ...args])];
      // radvd knows nat64prefix from 2.20 on, which Debian 12 does not have.
      const options = (what.pref64 ?? []).map(({ prefix, lifetimeSeconds }) => `${prefix}=${lifetimeSeconds}`);
      const agent = join(root, 'lab', 'agents', 'advertise.py');
      if (options.length > 0) speakers.push(host.start(['python3', agent, device, GATEWAY, ...options]));
    },
  };
}

function radvdConfig({ link, deprecated, managed, rdnss }: Advertised, device: string): string {
  return [
    `interface ${device} {`,
    '  AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; MinDelayBetweenRAs 3;',
    '  AdvDefaultLifetime 1800;',
    ...(managed ? ['  AdvManagedFlag on;'] : []),
    ...(link === undefined ? [] : [`  prefix ${link} { AdvOnLink on; AdvAutonomous on; };`]),
    ...(deprecated === undefined
      ? []
      : [`  prefix ${deprecated} { AdvPreferredLifetime 0; AdvValidLifetime 7200; DeprecatePrefix on; };`]),
    ...(rdnss === undefined ? [] : [`  RDNSS ${rdnss} { };`]),
    '};',
    '',
  ].join('\n');
}
