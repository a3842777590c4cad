/** The responder behind a real PLAT, asked through a real CLAT: a healthy path, and what is broken on purpose. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Running, startClat } from '../../lab/clat.js';
import type { Host } from '../../lab/host.js';
import { platypus, program, root } from '../../lab/plat.js';
import { failure, type Service } from '../../lab/process.js';
import type { StatusReport } from '../../src/control/target.js';
import type { NumberedFinding } from '../../src/doctor/doctor.js';
import type { ReachFacts } from '../../src/doctor/probes/facts.js';
import { buildClatNetwork, type ClatNetwork, lacking, reach } from './clat-network.js';
import { capture, eventually } from './network.js';

const link = '2001:db8:1:1::/64';
const prefix = '2001:db8:66::/96';
const responder = ['198.51.100.1', '198.51.100.3'];

describe.skipIf(lacking !== null)('responder', () => {
  let net: ClatNetwork;
  let plat: Service | undefined;
  let clat: Running | undefined;

  beforeAll(async () => {
    net = await buildClatNetwork();
    await net.plat.script('ip address add 198.51.100.3/24 dev internet');
    await net.access.advertise({ link, pref64: [{ prefix, lifetimeSeconds: 600 }] });
    await startPlat('', responder);
    await startHost();
  });
  afterAll(() => net?.close());

  const socket = () => join(net.folder, 'responding.sock');

  async function startPlat(more: string, listen: readonly string[]): Promise<void> {
    await plat?.stop();
    const file = join(net.folder, 'responding.yaml');
    const lines = ['plat:', `  pool6: ${prefix}`, '  pool4: 192.0.2.9', '  device: plat9', more];
    await writeFile(file, [...lines, `responder: { listen: [${listen.join(', ')}] }`, ''].join('\n'));
    plat = net.plat.start([process.execPath, program, 'run', '-c', file, '--socket', socket()]);
    await plat.output(/control socket/);
  }

  async function startHost(): Promise<void> {
    await clat?.stop();
    clat = await startClat(net, ['--uplink', 'eth0']);
    await clat.until('running');
    await reach(net.host);
  }

  /** Breaks something while a test runs. What the kernels and the PLAT learned of path MTUs before is forgotten. */
  async function broken<Result>(breaking: [Host, string][], mending: [Host, string][], test: () => Promise<Result>) {
    for (const [host, lines] of breaking) await host.script(lines);
    try {
      return await test();
    } finally {
      for (const [host] of breaking) await host.script('nft flush ruleset');
      for (const [host, lines] of mending) await host.script(lines);
    }
  }

  /** Drops what a router forwards and the expression says. */
  const dropping = (host: Host, expression: string): [Host, string] => [
    host,
    `nft add table inet broken
     nft 'add chain inet broken forward { type filter hook forward priority 0; }'
     nft add rule inet broken forward ${expression} drop`,
  ];

  interface Said {
    reach: ReachFacts;
    findings: NumberedFinding[];
    finding(name: string): NumberedFinding | undefined;
  }

  async function probe(address = responder[0] as string): Promise<Said> {
    const agent = join(root, 'test', 'e2e', 'agents', 'reach.mjs');
    const outcome = await net.host.run([process.execPath, agent, address, '3478']);
    if (!outcome.ok) throw new Error(failure(outcome));
    const said = JSON.parse(outcome.stdout) as { reach: ReachFacts; findings: NumberedFinding[] };
    return { ...said, finding: (name) => said.findings.find((each) => each.name === name) };
  }

  async function asked<Answer>(...words: string[]): Promise<Answer> {
    const outcome = await platypus(net.plat, [...words, '--json', '--socket', socket()]);
    if (!outcome.ok) throw new Error(failure(outcome));
    return JSON.parse(outcome.stdout) as Answer;
  }

  test('a healthy path: everything arrives, and every check is content', async () => {
    const { reach: facts, findings } = await probe();
    expect(facts).toMatchObject({
      icmp: { answered: true, error: null },
      tcp: { connected: true, answered: true, error: null, sendMssUp: 1432, sendMssDown: 1432 },
      udp: { answered: true, rewritten: false, other: { address: '198.51.100.3', port: 3479 }, asks: true },
      fragments: { bytes: 4028, up: true, down: true },
      zeroChecksum: { up: true, down: true },
      // The CLAT's own route leaves room for a fragment header.
      pathMtuUp: { bytes: 1472, own: true },
      pathMtuDown: { bytes: 1472, toldBytes: 1472, own: false },
      mapping: { behaviour: 'endpoint-independent', addresses: true },
      filtering: { behaviour: 'endpoint-independent', addresses: true },
      hairpin: { works: true },
      ports: { sockets: 3, parity: 3 },
    });
    expect(facts.udp.mapped?.address).toBe('192.0.2.9');
    expect(facts.tcp.mapped?.address).toBe('192.0.2.9');
    expect(findings.map(({ verdict, number }) => `${number} ${verdict}`)).toEqual(
      [40, 41, 42, 43, 44, 45, 46, 47, 48, 50, 51, 52, 53].map((number) => `${number} ok`),
    );
  });

  test('the responder is told of by status, stats and log, and answers its own customers only', async () => {
    const agent = join(root, 'test', 'e2e', 'agents', 'reach.mjs');
    const before = (await asked<Record<string, number>>('stats'))['responder.drop.stranger'] ?? 0;
    const outcome = await net.server.run([process.execPath, agent, responder[0] as string, '3478']);
    const stranger = (JSON.parse(outcome.stdout) as { reach: ReachFacts }).reach;
    expect(stranger.udp.answered).toBe(false);
    expect(stranger.tcp.answered).toBe(false);
    // Three requests and a connection.
    expect((await asked<Record<string, number>>('stats'))['responder.drop.stranger']).toBe(before + 4);
    expect((await asked<StatusReport>('status')).responder).toMatchObject({
      alive: true,
      listening: ['198.51.100.1', '198.51.100.3'].flatMap((address) =>
        [3478, 3479].flatMap((port) => [`udp ${address}#${port}`, `tcp ${address}#${port}`]),
      ),
    });
  });

  test('a request from the Internet with a forged address of pool4 is not answered, and counted', async () => {
    const counted = () => asked<Record<string, number>>('stats');
    const before = await counted();
    const since = (after: Record<string, number>, name: string) => (after[name] ?? 0) - (before[name] ?? 0);
    await net.server.script('ip address add 192.0.2.9/32 dev lo');
    try {
      const forger = [
        'import socket, struct',
        's = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)',
        "s.bind(('192.0.2.9', 40000))",
        "s.sendto(struct.pack('!HHI12x', 1, 0, 0x2112a442), ('198.51.100.1', 3478))",
      ];
      const outcome = await net.server.run(['python3', '-c', forger.join('\n')]);
      if (!outcome.ok) throw new Error(failure(outcome));
      const after = await eventually(counted, (stats) => since(stats, 'responder.drop.device') > 0);
      expect(since(after, 'responder.drop.device')).toBe(1);
      expect(since(after, 'responder.answers')).toBe(0);
    } finally {
      await net.server.script('ip address del 192.0.2.9/32 dev lo');
    }
    expect((await probe()).reach.udp.answered).toBe(true);
    expect(since(await counted(), 'responder.drop.device')).toBe(1);
  });

  test.each([
    ['fragments-up', 'eth0', { up: false, down: null }],
    ['fragments-down', 'plat', { up: true, down: false }],
  ])('%s: fragments from %s are dropped', async (name, device, fragments) => {
    const rule = dropping(net.access.host, `iifname ${device} exthdr frag exists`);
    const { reach: facts, finding } = await broken([rule], [], probe);
    expect(facts.fragments).toMatchObject(fragments);
    expect(finding(name)).toMatchObject({ verdict: 'fault', words: expect.stringContaining('4028 bytes') });
    expect(finding('literal-udp')?.verdict).toBe('ok');
  });

  test.each([
    ['up', () => net.host, { up: false }],
    ['down', () => net.plat, { up: true, down: false }],
  ] as const)('UDP without checksum is dropped on the way %s', async (way, host, zeroChecksum) => {
    const [at, rule] = dropping(host(), 'udp checksum 0');
    const { reach: facts, finding } = await broken([[at, rule.replace('hook forward', 'hook output')]], [], probe);
    expect(facts.zeroChecksum).toMatchObject(zeroChecksum);
    expect(finding('zero-checksum')).toMatchObject({
      verdict: 'fault',
      words: `UDP without checksum is lost on the way ${way}`,
    });
  });

  const narrow = (host: Host, route: string): [Host, string] => [host, `ip -6 route replace ${route} mtu 1400`];
  const mute = (host: Host): [Host, string] => {
    const [at, rule] = dropping(host, 'icmpv6 type packet-too-big');
    return [at, rule.replace('hook forward', 'hook output')];
  };
  const towardsPlat = 'default via 2001:db8:f0::1';
  const towardsHost = '2001:db8:1::/48 via 2001:db8:f0::2';
  const wide = (host: Host, route: string): [Host, string] => [host, `ip -6 route replace ${route}`];

  test('a smaller MTU either way that ICMP tells is well', async () => {
    const routes: [Host, string][] = [
      [net.access.host, towardsPlat],
      [net.plat, towardsHost],
    ];
    const { reach: facts, finding } = await broken(
      routes.map(([host, route]) => narrow(host, route)),
      routes.map(([host, route]) => wide(host, route)),
      probe,
    );
    expect(facts.pathMtuUp).toMatchObject({ bytes: 1380, toldBytes: 1380 });
    expect(facts.pathMtuDown).toMatchObject({ bytes: 1380, toldBytes: 1380 });
    expect(finding('path-mtu-up')?.verdict).toBe('ok');
    expect(finding('path-mtu-down')?.verdict).toBe('ok');
    await forgetPaths();
  });

  test('a black hole on the way up: Packet Too Big is dropped', async () => {
    const at = net.access.host;
    const { reach: facts, finding } = await broken([narrow(at, towardsPlat), mute(at)], [wide(at, towardsPlat)], probe);
    expect(facts.pathMtuUp).toMatchObject({ bytes: 1380, toldBytes: null, own: false });
    expect(facts.pathMtuDown).toMatchObject({ bytes: 1472 });
    expect(finding('path-mtu-up')).toMatchObject({
      verdict: 'fault',
      words: expect.stringContaining('1380 bytes vanish'),
    });
    expect(finding('path-mtu-down')?.verdict).toBe('ok');
    expect(finding('mss')).toMatchObject({ verdict: 'fault', words: expect.stringContaining('only 1340 fit') });
    await forgetPaths();
  });

  test('a black hole on the way down', async () => {
    const { reach: facts, finding } = await broken(
      [narrow(net.plat, towardsHost), mute(net.plat)],
      [wide(net.plat, towardsHost)],
      probe,
    );
    expect(facts.pathMtuUp).toMatchObject({ bytes: 1472, own: true });
    // The PLAT itself tells of its 1500 bytes; nobody of the 1400 behind.
    expect(facts.pathMtuDown).toMatchObject({ bytes: 1380, toldBytes: 1480, own: false });
    expect(finding('path-mtu-down')).toMatchObject({
      verdict: 'fault',
      words:
        'packets longer than 1380 bytes vanish on the way down, and ICMP tells 1480: connections hang once they send much',
    });
    expect(finding('mss')).toMatchObject({ verdict: 'fault', words: expect.stringContaining('on the way down') });
    await forgetPaths();
  });

  /** Routes come anew, and with them what ICMP told of their paths. */
  async function forgetPaths(): Promise<void> {
    await startPlat('', responder);
    await startHost();
  }

  test('UDP is dropped, TCP is not', async () => {
    const { reach: facts, finding } = await broken([dropping(net.access.host, 'meta l4proto udp')], [], probe);
    expect(facts).toMatchObject({ udp: { answered: false }, tcp: { answered: true }, icmp: { answered: true } });
    expect(finding('literal-udp')).toMatchObject({ verdict: 'fault', hint: expect.stringContaining('drops UDP') });
    expect(finding('mapping')?.verdict).toBe('skipped');
  });

  test('TCP is dropped, UDP is not', async () => {
    const { reach: facts, finding } = await broken([dropping(net.access.host, 'meta l4proto tcp')], [], probe);
    expect(facts).toMatchObject({ udp: { answered: true }, tcp: { connected: false, error: 'ETIMEDOUT' } });
    expect(finding('literal-tcp')).toMatchObject({ verdict: 'fault', words: expect.stringContaining('no answer') });
  });

  test('ICMP is dropped', async () => {
    const { reach: facts, finding } = await broken([dropping(net.access.host, 'meta l4proto ipv6-icmp')], [], probe);
    expect(facts).toMatchObject({ icmp: { answered: false }, udp: { answered: true } });
    expect(finding('literal-icmp')?.verdict).toBe('fault');
    await forgetPaths();
  });

  test('address-dependent filtering at the PLAT', async () => {
    await startPlat('  filtering: address-dependent', responder);
    const { reach: facts, finding } = await probe();
    expect(facts).toMatchObject({
      mapping: { behaviour: 'endpoint-independent' },
      filtering: { behaviour: 'address-dependent', addresses: true },
      hairpin: { works: false },
    });
    expect(finding('filtering')).toMatchObject({ verdict: 'ok', words: expect.stringContaining('address-dependent') });
    expect(finding('hairpin')?.verdict).toBe('skipped');
  });

  test('XLAT-DNS-12, XLAT-DNS-13 a DNS64 server names the responder, and nothing goes to the addresses of ipv4only.arpa', async () => {
    const well = '2001:db8:66::192.0.0.170';
    await writeFile(
      join(net.folder, 'hosts'),
      [`${well} nat64.example.net`, ...responder.map((address) => `${address} nat64.example.net`), ''].join('\n'),
    );
    const section =
      'dns64: { listen: "2001:db8:f0::1", upstream: 198.51.100.2, clients: "2001:db8::/32", hosts: hosts }';
    await startPlat(`\n${section}`, responder);
    const seen = await capture(net.access.host, 'eth0');
    const agent = join(root, 'test', 'e2e', 'agents', 'responders.mjs');
    const outcome = await net.host.run([process.execPath, agent, '2001:db8:f0::1', prefix]);
    if (!outcome.ok) throw new Error(failure(outcome));
    const found = { name: 'nat64.example.net', confirmed: true };
    expect(JSON.parse(outcome.stdout)).toEqual({
      responders: responder.map((address) => ({ address, ...found })),
      names: ['nat64.example.net'],
      why: null,
    });
    expect((await probe()).reach.udp.answered).toBe(true);
    await seen.stop();
    const destinations = new Set(seen.packets().map(({ destination }) => destination));
    expect(destinations).toContain('2001:db8:66::c633:6401');
    expect(destinations).not.toContain('2001:db8:66::c000:aa');
    expect(destinations).not.toContain('2001:db8:66::c000:ab');
  });

  test('a reload changes who is answered, and not where', async () => {
    await startPlat('', responder);
    const write = (section: string) =>
      writeFile(
        join(net.folder, 'responding.yaml'),
        `plat: { pool6: "${prefix}", pool4: 192.0.2.9, device: plat9 }\nresponder: ${section}\n`,
      );
    const reload = () => platypus(net.plat, ['reload', '--socket', socket()]);
    await write(`{ listen: [${responder.join(', ')}], from: 203.0.113.0/24 }`);
    expect((await reload()).stdout).toContain('responder.from changed');
    expect((await probe()).reach).toMatchObject({ udp: { answered: false }, tcp: { answered: false } });
    await write(`{ listen: [${responder.join(', ')}] }`);
    await reload();
    expect((await probe()).reach).toMatchObject({ udp: { answered: true }, tcp: { answered: true } });
    await write(`{ listen: ${responder[0]} }`);
    expect((await reload()).stderr).toContain('responder.listen cannot change while running');
  });

  test('a responder alone, on another host behind the PLAT', async () => {
    const file = join(net.folder, 'alone.yaml');
    const control = join(net.folder, 'alone.sock');
    await writeFile(file, 'responder: { listen: 198.51.100.2, from: 192.0.2.9 }\n');
    const alone = net.server.start([process.execPath, program, 'run', '-c', file, '--socket', control]);
    await alone.output(/control socket/);
    const { reach: facts } = await probe('198.51.100.2');
    expect(facts).toMatchObject({
      tcp: { answered: true },
      udp: { answered: true, otherPort: 3479 },
      pathMtuDown: { bytes: 1472, toldBytes: 1472 },
    });
    const status = await platypus(net.server, ['status', '--socket', control]);
    expect(status.stdout).toMatch(/^mode +responder \(STUN\)$/m);
    expect(status.stdout).toMatch(/^responder +answering on udp 198\.51\.100\.2#3478, .*, \d+ answers given$/m);
    await alone.stop();
  });

  test('customers whom an edit of pool4 moves are answered as well', async () => {
    await startPlat('', responder);
    for (const words of [
      ['add', '192.0.2.10'],
      ['remove', '192.0.2.9'],
    ]) {
      const outcome = await platypus(net.plat, ['pool4', ...words, '--socket', socket()]);
      if (!outcome.ok) throw new Error(failure(outcome));
    }
    const { reach: facts } = await eventually(probe, ({ reach: { udp } }) => udp.answered);
    expect(facts.udp.mapped?.address).toBe('192.0.2.10');
  });

  test('a responder with one address shows what its ports can show', async () => {
    await startPlat('', responder.slice(0, 1));
    const { reach: facts, finding } = await probe();
    expect(facts).toMatchObject({
      udp: { other: null, otherPort: 3479 },
      mapping: { behaviour: 'endpoint-independent', addresses: false },
      filtering: { behaviour: 'endpoint-independent', addresses: false },
    });
    expect(finding('mapping')?.words).toContain('as far as the ports of one address show');
  });
});
