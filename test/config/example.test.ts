import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadConfig, parseConfig } from '../../src/config/file.js';

const pathOf = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

test('examples/platypus.yaml is valid, and what it shows are the defaults', async () => {
  const { config } = await loadConfig(pathOf('examples/platypus.yaml'));
  expect(config).toEqual(parseConfig('plat: { pool4: 192.0.2.0/28 }', 'p.yaml').config);
});

test('examples/siit.yaml is valid, and what it shows are the defaults', async () => {
  const { config, warnings } = await loadConfig(pathOf('examples/siit.yaml'));
  const eamt = `[{ v4: 192.0.2.1, v6: "2001:db8:12:34::1" }, { v4: 192.0.2.16/28, v6: "2001:db8:12:35::/64" }]`;
  expect(config).toEqual(parseConfig(`siit: { pool6: "2001:db8:46::/96", eamt: ${eamt} }`, 's.yaml').config);
  expect(warnings).toEqual([]);
});

test('examples/plat-dns64.yaml is valid, and what it shows are the defaults', async () => {
  const { config, warnings } = await loadConfig(pathOf('examples/plat-dns64.yaml'));
  const dns64 = 'dns64: { upstream: "127.0.0.1#5335", clients: "2001:db8::/32" }';
  expect(config).toEqual(parseConfig(`plat: { pool4: 192.0.2.0/28 }\n${dns64}`, 'p.yaml').config);
  expect(warnings).toEqual([expect.stringMatching(/^pool4 192\.0\.2\.0\/28 is not global/)]);
});

test('examples/plat-announce.yaml is valid, and what it shows are the defaults', async () => {
  const { config, warnings } = await loadConfig(pathOf('examples/plat-announce.yaml'));
  const bgp = '{ neighbor: 203.0.113.1, remoteAs: 65010, localAs: 65002, export: 192.0.2.0/28 }';
  const announce = `announce: { routerId: 203.0.113.2, ospf: { interface: eth0 }, bgp: ${bgp} }`;
  const plat = 'plat: { pool6: "2001:db8:64::/96", pool4: 192.0.2.0/28 }';
  expect(config).toEqual(parseConfig(`${plat}\n${announce}`, 'p.yaml').config);
  expect(warnings).toEqual([]);
});

test('examples/plat-responder.yaml is valid, and what it shows are the defaults', async () => {
  const { config, warnings } = await loadConfig(pathOf('examples/plat-responder.yaml'));
  const plat = 'plat: { pool6: "2001:db8:64::/96", pool4: 192.0.2.0/28 }';
  const responder = 'responder: { listen: [203.0.113.5, 203.0.113.6] }';
  expect(config).toEqual(parseConfig(`${plat}\n${responder}`, 'p.yaml').config);
  expect(warnings).toEqual([]);
});

test('examples/announce.yaml is valid, and is announce alone', async () => {
  const { config, warnings } = await loadConfig(pathOf('examples/announce.yaml'));
  expect(config.announce?.prefixes).toHaveLength(2);
  expect(config.plat ?? config.siit ?? config.dns64).toBeUndefined();
  expect(warnings).toEqual([]);
});

test('examples/clat.yaml is valid, and what it shows are the defaults', async () => {
  const { config, warnings } = await loadConfig(pathOf('examples/clat.yaml'));
  expect(config).toEqual(parseConfig('clat: { uplink: eth0 }', 'c.yaml').config);
  expect(warnings).toEqual([]);
});

test('there are no other examples', () => {
  expect(readdirSync(pathOf('examples')).sort()).toEqual([
    'announce.yaml',
    'clat.yaml',
    'plat-announce.yaml',
    'plat-dns64.yaml',
    'plat-responder.yaml',
    'platypus.yaml',
    'siit.yaml',
  ]);
});

describe('docs/guide/dns64.md', () => {
  const guide = readFileSync(pathOf('docs/guide/dns64.md'), 'utf8');
  const examples = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);

  test('has examples', () => {
    expect(examples).toHaveLength(3);
  });
  test.each(examples)('this example of it is valid: %s', (text) => {
    expect(parseConfig(text, 'dns64.md').config.dns64?.clients?.length).toBe(1);
  });
  test('DNS-OPS-06 it says how a prefix is changed', () => {
    const [, runbook = ''] = /## Changing the prefix\n(.*?)\n## /s.exec(guide) ?? [];
    const steps = [...runbook.matchAll(/^\d\. (.*)$/gm)].map(([, step]) => step);
    expect(steps).toEqual([
      expect.stringMatching(/^Shorten discovery: `discoveryTtl: 60`/),
      expect.stringMatching(/^Have both prefixes translated/),
      expect.stringMatching(/^`pool6: NEW` in `dns64`, reload/),
      expect.stringMatching(/^Wait for the largest synthetic TTL/),
      expect.stringMatching(/^Take the old prefix away/),
    ]);
  });
});

describe('docs/guide/clat.md', () => {
  const guide = readFileSync(pathOf('docs/guide/clat.md'), 'utf8');
  const examples = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);

  test('has examples', () => {
    expect(examples).toHaveLength(4);
  });
  test.each(examples)('this example of it is valid: %s', (text) => {
    expect(parseConfig(text, 'clat.md').config.clat?.uplink).toHaveLength(1);
  });
});

describe('docs/guide/siit.md', () => {
  const guide = readFileSync(pathOf('docs/guide/siit.md'), 'utf8');
  const examples = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);

  test('has examples', () => {
    expect(examples).toHaveLength(4);
  });
  test.each(examples)('this example of it is valid: %s', (text) => {
    expect(parseConfig(text, 'siit.md').warnings).toEqual([]);
  });
  test('SIIT-FRM-03 it says which prefix to take', () => {
    expect(guide).toMatch(/an ISP's \/32 \| a \/40/);
    expect(guide).toMatch(/a site's \/48 \| a \/56/);
    expect(guide).toMatch(/two networks to join.* \| a \/64 or \/96/);
  });
});

describe.each([
  ['docs/guide/announce.md', 3],
  ['docs/guide/announce-users.md', 5],
  ['docs/guide/neighbours/bird.md', 2],
  ['docs/guide/neighbours/cilium.md', 1],
  ['docs/guide/neighbours/frr.md', 2],
  ['docs/guide/neighbours/gobgp.md', 1],
  ['docs/guide/neighbours/juniper.md', 2],
  ['docs/guide/neighbours/routeros.md', 2],
])('%s', (name, count) => {
  const guide = readFileSync(pathOf(name), 'utf8');
  const examples = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => text);

  test('has examples', () => {
    expect(examples).toHaveLength(count);
  });
  test.each(examples)('this example of it is valid: %s', (text) => {
    const { config, warnings } = parseConfig(text, name);
    expect(config.announce).toBeDefined();
    expect(warnings).toEqual([]);
  });
});

test('each neighbour of the announcer that has a page is on the guide', () => {
  const guide = readFileSync(pathOf('docs/guide/announce.md'), 'utf8');
  const linked = [...guide.matchAll(/\]\(neighbours\/([a-z]+\.md)\)/g)].map(([, page]) => page);
  expect([...new Set(linked)].sort()).toEqual(readdirSync(pathOf('docs/guide/neighbours')).sort());
});
