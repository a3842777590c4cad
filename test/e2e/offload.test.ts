/** Segmentation offload of every kind, with the kernel's stacks at both ends and the content compared. */
import { writeFile } from 'node:fs/promises';
import { beforeAll, expect, test } from 'vitest';
import { configFile } from '../../lab/plat.js';
import { server4, through } from '../../lab/topology.js';
import { download, megabytes20, upload } from '../../lab/traffic.js';
import { onNetwork, type Running, sockets } from './network.js';

const there = through(server4);
const echoPort = 9300;
const mirrorPort = 9301;
const datagrams = 30;

interface Status {
  offload: { checksum: boolean; tso: boolean; uso: boolean };
}

/** What a counter grew by while something was done. */
async function growth(at: Running, work: () => Promise<unknown>): Promise<(name: string) => number> {
  const before = await at.translator.counters();
  await work();
  const after = await at.translator.counters();
  return (name) => {
    const value = after[name];
    if (value === undefined) throw new Error(`no counter ${name}`);
    return value - (before[name] ?? 0);
  };
}

/** TCP to a server that sends everything back; `ready` runs once the connection is there. */
async function blast(at: Running, bytes: number, ready?: () => Promise<void>, ...options: string[]): Promise<string> {
  const { customer } = at;
  const running = customer.start(sockets('tcp-blast', there, echoPort, bytes, ...options));
  await running.output(/^connected$/m);
  await ready?.();
  running.write('go\n');
  const { stdout } = await running.exited;
  return stdout;
}

/** UDP super-packets there and back. */
async function supers({ customer, server }: Running, bytes: number): Promise<string> {
  const mirror = server.start(sockets('udp-mirror', server4, mirrorPort, bytes, datagrams));
  await mirror.output(/^listening$/m);
  const { stdout } = await customer.run(sockets('udp-super', there, mirrorPort, bytes, datagrams));
  await mirror.stop();
  return stdout;
}

async function startEcho({ server }: Running): Promise<void> {
  const echo = server.start(sockets('tcp-echo', server4, echoPort));
  await echo.output(/^listening$/m);
}

onNetwork('offload', {}, (at) => {
  beforeAll(() => startEcho(at()));

  test('TCP super-packets and unfinished checksums, both ways', async () => {
    const grew = await growth(at(), async () => {
      expect(await blast(at(), megabytes20)).toMatch(/^the same$/m);
    });
    expect(grew('offload.tcp_super.v6_to_v4')).toBeGreaterThan(100);
    expect(grew('offload.tcp_super.v4_to_v6')).toBeGreaterThan(100);
    expect(grew('offload.checksum_left')).toBeGreaterThan(200);
    expect(grew('offload.extension_headers_super')).toBe(0);
  });

  test('UDP super-packets both ways', async () => {
    const { offload } = await at().translator.json<Status>('status');
    const grew = await growth(at(), async () => {
      // Linux sets no DF in IPv4 super-packets, so larger ones are fragmented to 1280 bytes (RFC 7915 §4).
      expect(await supers(at(), 1200)).toBe('the same\n');
    });
    // A kernel before 6.2 takes them apart.
    expect(grew('offload.udp_super.v6_to_v4')).toBe(offload.uso ? 1 : 0);
    expect(grew('offload.udp_super.v4_to_v6')).toBe(offload.uso ? 1 : 0);
  });

  test('TCP super-packets behind IPv6 destination options', async () => {
    const grew = await growth(at(), async () => {
      expect(await blast(at(), megabytes20, undefined, 'extension')).toMatch(/^the same$/m);
    });
    expect(grew('offload.extension_headers_super')).toBeGreaterThan(10);
  });
});

onNetwork('offload towards a narrow IPv6 side', { args: ['--mtu6', '1280'] }, (at) => {
  beforeAll(() => startEcho(at()));

  test('UDP super-packets whose datagrams do not fit are split, and their datagrams fragmented', async () => {
    const { offload } = await at().translator.json<Status>('status');
    const grew = await growth(at(), async () => {
      expect(await supers(at(), 1300)).toBe('the same\n');
    });
    expect(grew('offload.udp_super_split')).toBe(offload.uso ? 1 : 0);
    expect(grew('fragments.sent')).toBe(2 * datagrams);
  });

  // The last one: afterwards the server's kernel knows of the narrow path.
  test('SIIT-MTU-01 the segments of super-packets are made smaller', async () => {
    const grew = await growth(at(), async () => {
      expect(await blast(at(), megabytes20)).toMatch(/^the same$/m);
    });
    expect(grew('offload.gso_size_lowered')).toBeGreaterThan(0);
  });
});

/** Marks everything that it translates as "congestion experienced". */
const config = (marked: string) => `
plat:
  pool6: 2001:db8:64::/96
  pool4: 192.0.2.0/28
  ${marked}
`;

onNetwork('offload of senders that slow down', { config: config('') }, (at) => {
  test('SIIT-6to4-02, SIIT-4to6-03 super-packets with CWR set, both ways', async () => {
    const { customer, server, translator } = at();
    for (const host of [customer, server]) await host.script('sysctl -q -w net.ipv4.tcp_ecn=1');
    await startEcho(at());
    const grew = await growth(at(), async () => {
      const mark = async () => {
        await writeFile(configFile(at()), config('tos: 3\n  trafficClass: 3'));
        expect(await translator.platypus('reload')).toMatchObject({ ok: true });
      };
      expect(await blast(at(), megabytes20, mark)).toMatch(/^the same$/m);
    });
    expect(grew('offload.ecn_super')).toBeGreaterThan(0);
  });
});

for (const [level, tso] of [
  ['tso', true],
  ['checksum', false],
  ['none', false],
] as const) {
  onNetwork(`offload of a kernel that has no more than ${level}`, { args: ['--offload', level] }, (at) => {
    test('the status says so', async () => {
      expect((await at().translator.json<Status>('status')).offload).toEqual({
        checksum: level !== 'none',
        tso,
        uso: false,
      });
    });

    test('20 MB of TCP each way and UDP super-packets arrive unharmed', async () => {
      const { customer, folder } = at();
      const grew = await growth(at(), async () => {
        expect(await download(customer, folder, megabytes20)).toMatch(/SHA-256 equal/);
        expect(await upload(customer, folder, megabytes20)).toMatch(/SHA-256 equal/);
        expect(await supers(at(), 1400)).toBe('the same\n');
      });
      expect(grew('offload.tcp_super.v6_to_v4') > 100).toBe(tso);
      expect(grew('offload.tcp_super.v4_to_v6') > 100).toBe(tso);
      expect(grew('offload.udp_super.v6_to_v4')).toBe(0);
    });
  });
}
