import { readFileSync } from 'node:fs';
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
