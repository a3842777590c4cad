import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Dependencies } from '../../src/device/device.js';
import type { DropEvent } from '../../src/native/addon.js';
import { startPlat } from '../../src/plat/service.js';
import { startSiit } from '../../src/siit/service.js';
import { platFile, siitFile } from '../config/configs.js';
import { createFakeAddon, createFakeHost } from '../fakes/addon.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const plat = platFile('plat: { pool4: 100.1.2.3 }');
const siit = siitFile('siit: { pool6: "2001:db8::/96", pool4: 100.1.2.3 }');
const drop: DropEvent = {
  timeMs: 0,
  reason: 'drop.v6.no_session',
  protocol: 17,
  source: '::1',
  destination: '::2',
  sourcePort: null,
  destinationPort: null,
};

test.each([
  ['PLAT', (deps: Dependencies) => startPlat(plat, deps)],
  ['stateless translator', (deps: Dependencies) => startSiit(siit, deps)],
])('SIIT-CSUM-05 a %s logs the drops that the core tells of, until it is stopped', async (_name, startService) => {
  const host = createFakeHost();
  const warned: string[] = [];
  const log = { info() {}, warn: (line: string) => void warned.push(line), error() {} };
  const service = await startService({ addon: createFakeAddon(host), log, readSysctl: async () => '1' });
  host.drops = { events: [drop], lost: 0 };
  await vi.advanceTimersByTimeAsync(1000);
  expect(warned).toEqual(['drop.v6.no_session: udp ::1 > ::2: IPv6 packets without a session (RFC 6146 §3.5).']);
  await service.stop();
  expect(vi.getTimerCount()).toBe(0);
});
