import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { loadConfig, parseConfig } from '../../src/config/file.js';

test('examples/platypus.yaml is valid, and what it shows are the defaults', async () => {
  const { config } = await loadConfig(fileURLToPath(new URL('../../examples/platypus.yaml', import.meta.url)));
  expect(config).toEqual(parseConfig('plat: { pool4: 192.0.2.0/28 }', 'p.yaml').config);
});
