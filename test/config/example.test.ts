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

test('there are no other examples', () => {
  expect(readdirSync(pathOf('examples')).sort()).toEqual(['plat-dns64.yaml', 'platypus.yaml', 'siit.yaml']);
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
