/** The examples of docs/guide/siit.md, from the file's text to packets through the native core. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { toSiitCoreConfig, toSiitLimits } from '../../src/config/core.js';
import { loadAddon } from '../../src/native/addon.js';
import { buildTable } from '../../src/siit/eamt.js';
import { siitFile } from '../config/configs.js';
import { read, udp } from '../conformance/packets.js';

const addon = loadAddon();
const guide = readFileSync(fileURLToPath(new URL('../../docs/guide/siit.md', import.meta.url)), 'utf8');
const examples = [...guide.matchAll(/```yaml\n(.*?)```/gs)].map(([, text = '']) => siitFile(text).siit);
const [border, edge, numbered] = examples;
const ports = { sourcePort: 40_000, destinationPort: 53 };

/** Source and destination of what comes of a packet, or the counters of its drop. */
async function through(siit: typeof border, source: string, destination: string): Promise<string> {
  if (siit === undefined) throw new Error('the guide has no such example');
  const { records, size } = siit.eamt;
  const eamt = size === 0 ? null : await buildTable(addon, null, { add: records ?? new Uint8Array() });
  const simulator = new addon.Simulator({ limits: toSiitLimits(siit), config: toSiitCoreConfig(siit, eamt, null) });
  const sent = simulator.inject(udp({ source, destination, ...ports }), 1000);
  const values = simulator.counters();
  const drops = addon.counters.filter(({ name }, index) => name.startsWith('drop.') && values[index] !== 0n);
  return [
    ...sent.map(({ packet }) => `${read(packet).source} > ${read(packet).destination}`),
    ...drops.map(({ name }) => name),
  ].join(', ');
}

describe('the border relay', () => {
  test('SIIT-EAM-03, SIIT-EAM-06 shows the client in pool6 and the service by its entry', async () => {
    expect(await through(border, '198.51.100.7', '192.0.2.1')).toBe('2001:db8:46::c633:6407 > 2001:db8:12:34::1');
  });
  test('SIIT-EAM-04 and back', async () => {
    expect(await through(border, '2001:db8:12:34::2', '2001:db8:46::c633:6407')).toBe('192.0.2.2 > 198.51.100.7');
  });
});

describe('the edge relay', () => {
  test('SIIT-EAM-04 gives the application the client’s packet', async () => {
    expect(await through(edge, '2001:db8:46::c633:6407', '2001:db8:12:34::1')).toBe('198.51.100.7 > 192.0.2.1');
  });
  test('SIIT-EAM-03 and sends its answer', async () => {
    expect(await through(edge, '192.0.2.1', '198.51.100.7')).toBe('2001:db8:12:34::1 > 2001:db8:46::c633:6407');
  });
});

describe('hosts numbered from pool6', () => {
  test('SIIT-ADDR-04 are reached by their IPv4 address', async () => {
    expect(await through(numbered, '198.51.100.7', '192.0.2.33')).toBe('2001:db8:1c6:3364:7:: > 2001:db8:1c0:2:21::');
  });
  test('SIIT-ADDR-22 and nobody else may have such an address', async () => {
    expect(await through(numbered, '2001:db8:1c0:2:21::', '2001:db8:1c6:3364:7::')).toBe('192.0.2.33 > 198.51.100.7');
    expect(await through(numbered, '2001:db8:1cb:71:9::', '2001:db8:1c6:3364:7::')).toBe('drop.source_forged');
  });
});
