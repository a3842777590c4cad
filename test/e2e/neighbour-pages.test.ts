/** The pages of docs/guide/neighbours that say "tried": the configurations of both sides, as they stand there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { cable, type Host } from '../../lab/host.js';
import { type Plat, root, startPlat } from '../../lab/plat.js';
import { type Router, startBird, startFrr, startGobgp } from '../../lab/routers.js';
import { onHosts, says } from './announcing.js';
import { eventually } from './network.js';

interface Page {
  name: string;
  protocol: 'BGP' | 'OSPF';
  /** Which pair of configurations on the page, and the language of the neighbour's. */
  pair: number;
  language: string;
  start(host: Host, folder: string, config: string): Promise<Router>;
  /** What an operator asks the neighbour, and what the answer has. */
  asks: [string[], RegExp][];
}

const pages: Page[] = [
  {
    name: 'bird',
    protocol: 'BGP',
    pair: 0,
    language: 'bird',
    start: startBird,
    asks: [
      [['show', 'protocols'], /plat4 .*Established[\s\S]*plat6 .*Established/],
      [['show', 'route', 'protocol', 'plat4', 'all'], /192\.0\.2\.0\/28[\s\S]*as_path: 65002/],
      [['show', 'route', 'protocol', 'plat6', 'all'], /2001:db8:64::\/96[\s\S]*as_path: 65002/],
      [['show', 'bfd', 'sessions'], /203\.0\.113\.2 +eth1 +Up +\S+ +0\.100 +0\.300/],
    ],
  },
  {
    name: 'bird',
    protocol: 'OSPF',
    pair: 1,
    language: 'bird',
    start: startBird,
    asks: [
      [['show', 'ospf', 'neighbors', 'plat4'], /203\.0\.113\.2\s.*Full\/PtP/],
      [['show', 'ospf', 'neighbors', 'plat6'], /203\.0\.113\.2\s.*Full\/PtP/],
      [['show', 'route', 'for', '192.0.2.0/28'], /E2 \(150\/10\/10\)/],
      [['show', 'route', 'for', '2001:db8:64::/96'], /E2 \(150\/10\/10\)/],
      [['show', 'bfd', 'sessions'], /203\.0\.113\.2 +eth1 +Up +\S+ +0\.100 +0\.300/],
    ],
  },
  {
    name: 'frr',
    protocol: 'BGP',
    pair: 0,
    language: 'frr',
    start: (host, folder, config) => startFrr(host, folder, ['bgpd', 'bfdd'], config),
    asks: [
      [['show bgp summary'], /203\.0\.113\.2 .* 1 +1 N\/A[\s\S]*2001:db8:f::2 .* 1 +1 N\/A/],
      [['show bgp ipv4 unicast 192.0.2.0/28'], /65002[\s\S]*Community: 65010:100/],
      [['show bgp ipv6 unicast 2001:db8:64::/96'], /65002[\s\S]*2001:db8:f::2/],
      [['show bfd peers brief'], /203\.0\.113\.2 +up/],
    ],
  },
  {
    name: 'frr',
    protocol: 'OSPF',
    pair: 1,
    language: 'frr',
    start: (host, folder, config) => startFrr(host, folder, ['bfdd', 'ospfd', 'ospf6d'], config),
    asks: [
      [['show ip ospf neighbor'], /203\.0\.113\.2 .*Full/],
      [['show ipv6 ospf6 neighbor'], /203\.0\.113\.2 .*Full/],
      [['show ip ospf route'], /N E2 192\.0\.2\.0\/28 +\[10\/10\]/],
      [['show ipv6 ospf6 route'], /E2 2001:db8:64::\/96/],
      [['show bfd peers brief'], /203\.0\.113\.2 +up/],
    ],
  },
  {
    name: 'gobgp',
    protocol: 'BGP',
    pair: 0,
    language: 'toml',
    start: startGobgp,
    asks: [
      [['neighbor'], /203\.0\.113\.2 65002 .*Establ/],
      [['global', 'rib', '-a', 'ipv4'], /192\.0\.2\.0\/28 +203\.0\.113\.2 +65002/],
      [['global', 'rib', '-a', 'ipv6'], /2001:db8:64::\/96 +2001:db8:f::2 +65002/],
    ],
  },
];

/** The fenced blocks of a page in one language. */
function blocks(page: string, language: string): string[] {
  const text = readFileSync(join(root, 'docs', 'guide', 'neighbours', `${page}.md`), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, block = '']) => block);
}

for (const { name, protocol, pair, language, start, asks } of pages) {
  onHosts(`docs/guide/neighbours/${name}.md, ${protocol}`, ['plat', 'router', 'uplink'], (at) => {
    let router: Router;
    let plat: Plat;

    beforeAll(async () => {
      const { hosts, folder } = at();
      await cable(
        { host: hosts.plat, name: 'eth1', addresses: ['203.0.113.2/30', '2001:db8:f::2/64'] },
        { host: hosts.router, name: 'eth1', addresses: ['203.0.113.1/30', '2001:db8:f::1/64'] },
      );
      await cable(
        { host: hosts.router, name: 'eth0', addresses: ['198.51.100.2/24', '2001:db8:99::2/64'] },
        { host: hosts.uplink, name: 'eth0', addresses: ['198.51.100.1/24', '2001:db8:99::1/64'] },
      );
      router = await start(hosts.router, folder, blocks(name, language)[pair] ?? '');
      plat = await startPlat({ plat: hosts.plat, folder }, { config: blocks(name, 'yaml')[pair] ?? '' });
    });

    test.each(asks)('%s', async (words, pattern) => {
      const { text } = await says(router, words, pattern, { timeoutMs: 20_000 });
      if (process.env.PLATYPUS_SHOW !== undefined) console.log(`$ ${words.join(' ')}\n${text}`);
      expect(text).toMatch(pattern);
    });

    test('the PLAT has all its neighbours', async () => {
      await eventually(
        () => plat.json<{ announcer: { neighbors: number; neighborsUp: number } }>('status'),
        ({ announcer }) => announcer.neighborsUp === announcer.neighbors && announcer.neighbors > 0,
        60_000,
      );
      for (const words of [['status'], ['neighbor', 'list'], ['route', 'list']]) {
        const { stdout } = await plat.platypus(...words);
        if (process.env.PLATYPUS_SHOW !== undefined) console.log(`$ platypus ${words.join(' ')}\n${stdout}`);
      }
      expect((await plat.stop()).code).toBe(0);
    });
  });
}
