/** The responder behind a real PLAT, asked through a real CLAT: a healthy path, and what is broken on purpose. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Running, startClat } from '../../lab/clat.js';
import { platypus, program, root } from '../../lab/plat.js';
import { failure, type Service } from '../../lab/process.js';
import type { NumberedFinding } from '../../src/doctor/doctor.js';
import type { ReachFacts } from '../../src/doctor/probes/facts.js';
import { buildClatNetwork, type ClatNetwork, lacking, reach } from './clat-network.js';

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
    await start('');
    clat = await startClat(net, ['--uplink', 'eth0']);
    await clat.until('running');
    await reach(net.host);
  });
  afterAll(() => net?.close());
  afterEach(async () => {
    await net.access.host.script('nft flush ruleset; ip link set plat mtu 1500');
    await net.plat.script('nft flush ruleset; ip link set eth0 mtu 1500 || true; ip -4 route flush cache');
  });

  const socket = () => join(net.folder, 'responding.sock');

  async function start(more: string): Promise<void> {
    await plat?.stop();
    const file = join(net.folder, 'responding.yaml');
    await writeFile(
      file,
      [
        'plat:',
        `  pool6: ${prefix}`,
        '  pool4: 192.0.2.9',
        '  device: plat9',
        more,
        'responder:',
        `  listen: [${responder.join(', ')}]`,
        '',
      ].join('\n'),
    );
    plat = net.plat.start([process.execPath, program, 'run', '-c', file, '--socket', socket()]);
    await plat.output(/control socket/);
  }

  async function probe(): Promise<{ reach: ReachFacts; finding(name: string): NumberedFinding | undefined }> {
    const agent = join(root, 'test', 'e2e', 'agents', 'reach.mjs');
    const outcome = await net.host.run([process.execPath, agent, responder[0] as string, '3478']);
    if (!outcome.ok) throw new Error(failure(outcome));
    const said = JSON.parse(outcome.stdout) as { reach: ReachFacts; findings: NumberedFinding[] };
    return { reach: said.reach, finding: (name) => said.findings.find((each) => each.name === name) };
  }

  const stats = async () => {
    const outcome = await platypus(net.plat, ['stats', '--json', '--socket', socket()]);
    return JSON.parse(outcome.stdout) as Record<string, number>;
  };

  test('healthy', async () => {
    const { reach: facts } = await probe();
    console.log(JSON.stringify(facts, null, 1), await stats());
    expect(facts).toMatchObject({ icmp: { answered: true } });
  });
});
