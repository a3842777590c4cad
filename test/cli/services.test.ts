/** A reload of several services, one of which refuses its part. */
import { expect, test, vi } from 'vitest';
import * as announcing from '../../src/bgp-lite/service.js';
import * as clats from '../../src/clat/service.js';
import { type Running, startServices } from '../../src/cli/services.js';
import { parseConfig } from '../../src/config/file.js';
import { createFakeAddon, createFakeHost } from '../fakes/addon.js';

vi.mock('../../src/clat/service.js', () => ({ startClat: vi.fn() }));
vi.mock('../../src/bgp-lite/service.js', () => ({ startAnnouncer: vi.fn() }));

const configOf = (uplink: string, prefix: string) =>
  parseConfig(
    `clat: { uplink: ${uplink} }
announce: { routerId: 192.0.2.1, prefixes: "${prefix}", bgp: { neighbor: "2001:db8::1", remoteAs: 64512, localAs: 64513 } }`,
    'p',
  ).config;

test('what the CLAT refuses leaves the announcements as they were', async () => {
  const use = { clat: vi.fn(async () => ['clat.uplink changed']), announcer: vi.fn(async () => ['announced']) };
  const stop = async () => {};
  vi.mocked(clats.startClat).mockResolvedValue({ use: use.clat, stop } as unknown as clats.ClatService);
  vi.mocked(announcing.startAnnouncer).mockResolvedValue({
    use: use.announcer,
    stop,
  } as unknown as announcing.AnnouncerService);
  const running: Running = await startServices(
    configOf('eth0', '192.0.2.0/28'),
    {
      addon: createFakeAddon(createFakeHost()),
      log: { info: vi.fn(), warn: vi.fn(), error: vi.fn() },
      readSysctl: async () => null,
      restartFile: null,
      settingsFile: null,
    },
    new AbortController().signal,
  );
  use.clat.mockRejectedValueOnce(new Error('cannot start on eth1'));
  await expect(running.reload(configOf('eth1', '198.51.100.0/24'))).rejects.toThrow('cannot start on eth1');
  expect(use.announcer).not.toHaveBeenCalled();
  expect(await running.reload(configOf('eth1', '198.51.100.0/24'))).toEqual(['clat.uplink changed', 'announced']);
  await running.stop();
});
