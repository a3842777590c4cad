/** The DNS64 server with Unbound and BIND behind it, and dig, kdig, curl and the system resolver before it. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../../lab/host.js';
import {
  aliasName,
  bindUpstream,
  dual6,
  dualName,
  labConfig,
  startBind,
  startUnbound,
  v4Name,
  withResolver,
} from '../../lab/names.js';
import { configFile, type Plat, type PlatOptions, startPlat } from '../../lab/plat.js';
import type { Service } from '../../lab/process.js';
import { plat6, server4, through } from '../../lab/topology.js';
import { httpPort, startServers } from '../../lab/traffic.js';
import { eventually, onBareNetwork, type Running } from './network.js';

/** A network with names: a resolver on the IPv4 side and `config` on the PLAT. */
function onNames(
  title: string,
  resolver: (at: Parameters<typeof startUnbound>[0]) => Promise<Service>,
  options: PlatOptions,
  body: (at: () => Running & { resolver: Service }) => void,
): void {
  onBareNetwork(title, {}, (at) => {
    let up: { resolver: Service; translator: Plat } | undefined;
    beforeAll(async () => {
      await startServers(at().server);
      up = { resolver: await resolver(at()), translator: await startPlat(at(), options) };
    });
    body(() => {
      if (up === undefined) throw new Error('not up yet');
      return { ...at(), ...up };
    });
  });
}

/** What dig prints with +short, line by line. */
async function dig(host: Host, ...args: string[]): Promise<string[]> {
  const outcome = await host.run(['dig', '+short', '+tries=1', '+time=5', `@${plat6}`, ...args]);
  expect(outcome).toMatchObject({ ok: true });
  return outcome.stdout.trim().split('\n');
}

/** The header line and comments of an answer. */
async function digWhole(host: Host, ...args: string[]): Promise<string> {
  const { stdout } = await host.run(['dig', '+tries=1', '+time=5', `@${plat6}`, ...args]);
  return stdout;
}

const synthetic = through(server4);

for (const [name, resolver, config] of [
  ['Unbound', startUnbound, labConfig],
  ['BIND', startBind, labConfig.replace(`upstream: ${server4}`, `upstream: "${bindUpstream}"`)],
] as const) {
  onNames(
    `dns64 before ${name}`,
    (at) => resolver(at),
    { config },
    (at) => {
      test('DNS-SYN-02, DNS-SYN-03, DNS-SYN-09 names of one family and of both', async () => {
        const { customer } = at();
        expect(await dig(customer, v4Name, 'AAAA')).toEqual([synthetic]);
        expect(await dig(customer, dualName, 'AAAA')).toEqual([dual6]);
        expect(await dig(customer, v4Name, 'A')).toEqual([server4]);
      });

      test('DNS-CN-01, DNS-CN-02 an alias', async () => {
        expect(await dig(at().customer, aliasName, 'AAAA')).toEqual([`${v4Name}.`, synthetic]);
      });

      test('DNS-SYN-05 a name that does not exist', async () => {
        expect(await digWhole(at().customer, `gone.${v4Name}`, 'AAAA')).toMatch(/status: NXDOMAIN/);
      });

      test('DNS-TCP-01, DNS-TCP-02 the same over TCP', async () => {
        expect(await dig(at().customer, '+tcp', v4Name, 'AAAA')).toEqual([synthetic]);
      });

      test('the system resolver and an HTTP client reach the IPv4-only server by its name', async () => {
        const { customer, folder } = at();
        const getent = await customer.run(await withResolver(customer, folder, plat6, ['getent', 'ahostsv6', v4Name]));
        expect(getent.stdout).toContain(synthetic);
        const url = `http://${v4Name}:${httpPort}/whoami`;
        const curl = ['curl', '-sS', '--fail', '--max-time', '10', url];
        const page = await customer.run(await withResolver(customer, folder, plat6, curl));
        expect(page.stdout).toMatch(/^192\.0\.2\.([0-9]|1[0-5])#\d+/);
      });
    },
  );
}

const watchedConfig = `${labConfig}control: { metrics: "127.0.0.1#9464" }
`;

onNames(
  'dns64 for its clients',
  (at) => startUnbound(at),
  { config: watchedConfig },
  (at) => {
    test('DNS-V4O-01, DNS-V4O-03 RFC 7050 discovery, without a question upstream', async () => {
      expect(await dig(at().customer, 'ipv4only.arpa', 'AAAA')).toEqual([
        '2001:db8:64::c000:aa',
        '2001:db8:64::c000:ab',
      ]);
    });

    test('DNS-TCP-21 who is no client is refused', async () => {
      const { plat } = at();
      expect(await digWhole(plat, '-b', plat6, v4Name, 'AAAA')).toMatch(/status: NOERROR/);
      await plat.script('ip address add fd00::1/128 dev lo');
      expect(await digWhole(plat, '-b', 'fd00::1', v4Name, 'AAAA')).toMatch(/status: REFUSED/);
    });

    test('DNS-SPOOF-11, DNS-SPOOF-13 dig takes the cookie for a good one', async () => {
      expect(await digWhole(at().customer, v4Name, 'AAAA')).toMatch(/COOKIE: [0-9a-f]{48} \(good\)/);
    });

    test('DNS-EDNS-14 dig shows that the answer is made up', async () => {
      expect(await digWhole(at().customer, v4Name, 'AAAA')).toMatch(/EDE: 4 \(Forged Answer\)/);
    });

    test('DNS-PTR-01, DNS-PTR-04 the reverse name of a synthetic address', async () => {
      const answer = await digWhole(at().customer, '-x', synthetic);
      expect(answer).toMatch(/status: NXDOMAIN/);
    });

    test('status, stats and metrics tell of it', async () => {
      const { translator, customer, plat } = at();
      await dig(customer, v4Name, 'AAAA');
      const status = await translator.json<{ mode: string; dns64: { ready: boolean; listening: string[] } }>('status');
      expect(status).toMatchObject({
        mode: 'plat',
        dns64: { ready: true, alive: true, listening: [`udp ${plat6}#53`, `tcp ${plat6}#53`] },
      });
      const counters = await translator.counters();
      expect(counters['dns64.queries.aaaa']).toBeGreaterThan(0);
      expect(counters['dns64.upstream.answers']).toBeGreaterThan(0);
      expect((await translator.platypus('status')).stdout).toMatch(/dns64 +answering on udp/);

      const scraped = await plat.run(['curl', '-sS', '--fail', 'http://127.0.0.1:9464/metrics']);
      expect(scraped.stdout).toMatch(/^platypus_dns64_queries_aaaa_total [1-9]/m);
      expect(scraped.stdout).toMatch(/^platypus_dns64_ready 1$/m);
      expect(scraped.stdout).toMatch(/^platypus_dns64_upstream_latency_seconds_count [1-9]/m);
      expect(scraped.stdout).toMatch(/^platypus_table_limit\{table="sessions"\} [1-9]/m);
      const local = await plat.run([
        'curl',
        '-sS',
        '--fail',
        '--unix-socket',
        translator.socket,
        'http://platypus/metrics',
      ]);
      expect(local.stdout).toMatch(/^platypus_build_info\{/m);
    });

    test('a reload with other rules loses no query, and one with another address is refused whole', async () => {
      const { customer, translator, folder } = at();
      const names = join(folder, 'names');
      await writeFile(names, `${v4Name} AAAA\n`.repeat(400));
      const batch = customer.start(['dig', '+short', '+tries=1', '+time=5', `@${plat6}`, '-f', names]);
      await batch.output(/2001:db8:64::/);
      const other = watchedConfig.replace('dns64:\n', 'dns64:\n  pool6: 2001:db8:65::/96\n');
      await writeFile(configFile(at()), other);
      expect(await translator.platypus('reload')).toMatchObject({ ok: true });
      expect((await batch.exited).stdout.trim().split('\n').length).toBe(400);
      expect(await dig(customer, v4Name, 'AAAA')).toEqual([synthetic.replace(':64:', ':65:')]);

      await writeFile(configFile(at()), watchedConfig.replace('#53', '#5353'));
      const refused = await translator.platypus('reload');
      expect(refused.stderr).toMatch(/dns64\.listen cannot change while running/);
      expect(await dig(customer, v4Name, 'AAAA')).toEqual([synthetic.replace(':64:', ':65:')]);
      await writeFile(configFile(at()), watchedConfig);
      expect(await translator.platypus('reload')).toMatchObject({ ok: true });
    });

    test('DNS-CACHE-16 with the resolver gone, what is known is answered; with it back, all is', async () => {
      const { customer, resolver, translator } = at();
      await dig(customer, v4Name, 'AAAA');
      await resolver.stop();
      expect(await dig(customer, v4Name, 'AAAA')).toEqual([synthetic]);
      const unknown = await digWhole(customer, '+time=15', `new.${dualName}`, 'A');
      expect(unknown).toMatch(/status: SERVFAIL/);
      await startUnbound(at());
      await eventually(
        () => digWhole(customer, `other.${dualName}`, 'A'),
        (answer) => answer.includes('status: NXDOMAIN'),
        30_000,
      );
      expect((await translator.counters())['dns64.upstream.timeouts']).toBeGreaterThanOrEqual(0);
    }, 60_000);
  },
);

const run = promisify(execFile);

describe('dns64 over TLS and HTTPS', () => {
  onBareNetwork('with a certificate', {}, (at) => {
    beforeAll(async () => {
      const { folder } = at();
      await startUnbound(at());
      const files = ['-keyout', join(folder, 'key.pem'), '-out', join(folder, 'cert.pem')];
      const name = ['-subj', '/CN=dns.example.net', '-addext', `subjectAltName=DNS:dns.example.net,IP:${plat6}`];
      const key = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
      await run('openssl', [...key, ...files, ...name]);
      const tls = 'certificate: cert.pem, key: key.pem';
      await startPlat(at(), {
        config: `${labConfig}  workers: 2
  tls: { listen: "${plat6}#853", ${tls} }
  https: { listen: "${plat6}#443", ${tls} }
`,
      });
    });

    test('DNS-TCP-05 kdig asks over TLS, and knows the server', async () => {
      const { customer, folder } = at();
      const trust = [`+tls-ca=${join(folder, 'cert.pem')}`, '+tls-hostname=dns.example.net'];
      const { stdout } = await customer.run(['kdig', '+short', `@${plat6}`, '+tls', ...trust, v4Name, 'AAAA']);
      expect(stdout.trim()).toBe(synthetic);
    });

    test('kdig asks over HTTPS', async () => {
      const { customer, folder } = at();
      const trust = [`+tls-ca=${join(folder, 'cert.pem')}`, '+tls-hostname=dns.example.net'];
      const { stdout, stderr } = await customer.run([
        'kdig',
        '+short',
        `@${plat6}`,
        '+https',
        ...trust,
        v4Name,
        'AAAA',
      ]);
      expect(stdout.trim(), stderr).toBe(synthetic);
    });

    test('two threads share the port, and both count', async () => {
      const { customer } = at();
      for (let i = 0; i < 20; i++) expect(await dig(customer, v4Name, 'AAAA')).toEqual([synthetic]);
    });
  });
});
