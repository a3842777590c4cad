import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { knownPrefix, networkOf } from '../../src/config/address.js';
import { LOCAL_CLIENTS, type LoadedDns64 } from '../../src/config/dns64.js';
import { loadConfig, parseConfig } from '../../src/config/file.js';
import { parseHosts } from '../../src/config/hosts-text.js';
import { ConfigError, PlatypusError } from '../../src/errors.js';
import { selfSigned } from '../dns64/certificate.js';

const UPSTREAM = 'upstream: 192.0.2.53';

function dns64(body: string): LoadedDns64 {
  const { config } = parseConfig(`dns64: { ${body} }`, 'd.yaml');
  if (config.dns64 === undefined) throw new Error('the file has no dns64 section');
  return config.dns64;
}

function refused(text: string): string {
  try {
    parseConfig(text, 'd.yaml');
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

test('defaults', () => {
  expect(dns64(UPSTREAM)).toEqual({
    listen: [
      { address: '::', family: 6, port: 53 },
      { address: '0.0.0.0', family: 4, port: 53 },
    ],
    tls: null,
    https: null,
    upstream: [{ address: '192.0.2.53', port: 53, tls: null }],
    avoidPorts: [],
    sourceAddresses: [],
    upstreamTimeout: 10,
    caseRandomisation: true,
    clients: null,
    strangers: 'refuse',
    pool6: null,
    map: [],
    allowNonGlobal: false,
    // DNS-SYN-15
    exclude: [knownPrefix('::ffff:0:0/96')],
    never: [],
    always: [],
    hosts: null,
    synthesiseOn: 'errors',
    synthesiseWithCd: false,
    dropA: false,
    maxRecords: 64,
    reverse: { method: 'cname' },
    groups: [],
    workers: 1,
    parallel: false,
    dnssec: 'off',
    localZones: true,
    discoveryTtl: 3600,
    udpBytes: 1232,
    cookies: 'on',
    rateLimit: { perSecond: 0, burst: 100, prefixLength4: 32, prefixLength6: 64 },
    queryLog: null,
    cache: { megabytes: 64, maxTtl: 86_400, maxNegativeTtl: 3600, failureTtl: 5, stale: 86_400, prefetch: true },
    limits: { open: 4096, connections: 1000, connectionsPerClient: 25, idle: 10 },
    files: { hosts: new Map(), pem: new Map() },
  });
});

describe('forms', () => {
  test.each([
    ['192.0.2.53', { address: '192.0.2.53', port: 53, tls: null }],
    ['"2001:DB8::53#5353"', { address: '2001:db8::53', port: 5353, tls: null }],
    ['{ address: 192.0.2.53 }', { address: '192.0.2.53', port: 53, tls: null }],
    ['{ address: 192.0.2.53, port: 54 }', { address: '192.0.2.53', port: 54, tls: null }],
    ['{ address: 192.0.2.53, tls: true }', { address: '192.0.2.53', port: 853, tls: { name: null } }],
    ['{ address: 192.0.2.53, tls: a.example }', { address: '192.0.2.53', port: 853, tls: { name: 'a.example' } }],
  ])('upstream %s', (text, expected) => {
    expect(dns64(`upstream: ${text}`).upstream).toEqual([expected]);
  });
  test('several upstreams, in either form', () => {
    const { upstream } = dns64('upstream: [192.0.2.53, { address: "::1", port: 5353 }]');
    expect(upstream.map(({ address, port }) => [address, port])).toEqual([
      ['192.0.2.53', 53],
      ['::1', 5353],
    ]);
  });
  test('addresses to listen on have the port of their transport, unless told', () => {
    const files = 'certificate: a, key: b';
    const section = dns64(`${UPSTREAM}, listen: 192.0.2.1, tls: { listen: "::", ${files} },
      https: { listen: ["::#8443", "::"], ${files} }`);
    expect(section.listen).toEqual([{ address: '192.0.2.1', family: 4, port: 53 }]);
    expect(section.tls?.listen).toEqual([{ address: '::', family: 6, port: 853 }]);
    expect(section.https).toMatchObject({ listen: [{ port: 8443 }, { port: 443 }], path: '/dns-query' });
  });
  test('a network that maps to none, and to two prefixes', () => {
    const map =
      '[{ networks: 10.0.0.0/8, prefixes: none }, { networks: [172.16.0.0/12], prefixes: ["2001:db8:1::/96", "2001:db8:2::/96"] }]';
    expect(dns64(`${UPSTREAM}, map: ${map}`).map.map(({ prefixes }) => prefixes.map(networkOf))).toEqual([
      [],
      ['2001:db8:1::/96', '2001:db8:2::/96'],
    ]);
  });
  test('DNS-PTR-02 reverse names by CNAME, or one name for all', () => {
    expect(dns64(`${UPSTREAM}, reverse: cname`).reverse).toEqual({ method: 'cname' });
    expect(dns64(`${UPSTREAM}, reverse: NAT64.example.`).reverse).toEqual({ method: 'local', name: 'nat64.example' });
  });
  test('a group has the section’s keys for names and prefixes, with their defaults', () => {
    const [group] = dns64(`${UPSTREAM}, dropA: true, groups: { name: a, clients: 10.0.0.0/8, pool6: [] }`).groups;
    expect(group).toMatchObject({ name: 'a', pool6: [], dropA: false, maxRecords: 64, hosts: null });
  });
  test('DNS-TCP-10, DNS-V4O-08, DNS-CACHE-18 limits and times may be written 2h4m', () => {
    const text =
      'limits: { connections: 150, connectionsPerClient: 5, idle: 20s }, discoveryTtl: 5m, cache: { stale: 3d }';
    expect(dns64(`${UPSTREAM}, ${text}`)).toMatchObject({
      limits: { connections: 150, connectionsPerClient: 5, idle: 20 },
      discoveryTtl: 300,
      cache: { stale: 259_200 },
    });
  });
});

describe('a wrong value is refused in a sentence', () => {
  const time = (from: string, to: string) => `a duration in seconds or as 2h4m, from ${from} to ${to}`;
  const whole = (from: number, to: number, unit: string) => `a whole number from ${from} to ${to} (${unit})`;
  const RULES =
    'pool6, map, allowNonGlobal, exclude, never, always, hosts, synthesiseOn, synthesiseWithCd, dropA, maxRecords, reverse';
  const flag = 'true or false';

  test.each([
    ['listen: []', 'listen', 'an empty list', '1 to 32 addresses such as ::#53'],
    ['listen: eth0', 'listen', '"eth0"', 'an address such as ::#53 or 192.0.2.53'],
    ['listen: "::#53#53"', 'listen', '"::#53#53"', 'an address such as ::#53 or 192.0.2.53'],
    ['listen: "::#65536"', 'listen', '"::#65536"', 'an address such as ::#53 or 192.0.2.53'],
    ['tls: true', 'tls', 'true', 'a section with the keys listen, certificate, key'],
    ['tls: { certificate: a, key: b }', 'tls.listen', 'nothing', '1 to 32 addresses such as ::#853'],
    ['tls: { listen: "::", certificate: "", key: b }', 'tls.certificate', '""', 'a path of at most 4096 bytes'],
    ['tls: { listen: "::", certificate: a }', 'tls.key', 'nothing', 'a path of at most 4096 bytes'],
    ['https: { listen: x, certificate: a, key: b }', 'https.listen', '"x"', 'an address such as ::#443 or 192.0.2.53'],
    ['https: { listen: "::", certificate: a, key: b, path: dns }', 'https.path', '"dns"', 'a path such as /dns-query'],
    ['avoidPorts: 9-1', 'avoidPorts', '"9-1"', 'ports as 1024-65535'],
    ['avoidPorts: [1000, x]', 'avoidPorts[1]', '"x"', 'ports as 1024-65535'],
    ['sourceAddresses: eth0', 'sourceAddresses', '"eth0"', 'an IPv4 or IPv6 address'],
    ['upstreamTimeout: 61', 'upstreamTimeout', '61', time('1s (seconds for a whole question)', '1m')],
    ['caseRandomisation: 1', 'caseRandomisation', '1', flag],
    ['clients: []', 'clients', 'an empty list', '1 to 1024 prefixes such as 2001:db8::/32'],
    ['clients: all', 'clients', '"all"', 'a prefix such as 192.0.2.0/28 or 2001:db8::/64'],
    [
      'clients: "2001:db8::1/32"',
      'clients',
      '"2001:db8::1/32"',
      'no bits after the prefix length, such as 2001:db8::/32',
    ],
    ['strangers: answer', 'strangers', '"answer"', 'one of refuse, drop'],
    [
      'pool6: "2001:db8::/95"',
      'pool6',
      '"2001:db8::/95"',
      'a prefix length of 32, 40, 48, 56, 64 or 96 (RFC 6052 §2.2)',
    ],
    ['pool6: "fe80::/64"', 'pool6', '"fe80::/64"', 'a unicast prefix, which link-local addresses are not'],
    ['map: 10.0.0.0/8', 'map', '"10.0.0.0/8"', 'a section with the keys networks, prefixes'],
    [
      'map: [{ networks: "2001:db8::/32", prefixes: none }]',
      'map[0].networks',
      '"2001:db8::/32"',
      'an IPv4 address or prefix such as 192.0.2.0/28',
    ],
    ['map: [{ networks: 10.0.0.0/8 }]', 'map[0].prefixes', 'nothing', 'none, or 1 to 8 prefixes such as 64:ff9b::/96'],
    ['allowNonGlobal: yes', 'allowNonGlobal', '"yes"', flag],
    ['exclude: 192.0.2.0/24', 'exclude', '"192.0.2.0/24"', 'an IPv6 address or prefix such as 2001:db8::/64'],
    ['never: "a b"', 'never', '"a b"', 'a domain name such as example.org'],
    ['always: "-x.example"', 'always', '"-x.example"', 'a domain name such as example.org'],
    ['hosts: 5', 'hosts', '5', 'a path of at most 4096 bytes'],
    ['synthesiseOn: always', 'synthesiseOn', '"always"', 'one of errors, nodata'],
    ['synthesiseWithCd: 1', 'synthesiseWithCd', '1', flag],
    ['dropA: "no"', 'dropA', '"no"', flag],
    ['maxRecords: 0', 'maxRecords', '0', whole(1, 1024, 'records')],
    ['reverse: "a b"', 'reverse', '"a b"', 'cname, or the name of all synthetic addresses'],
    [
      'groups: [{ name: "a b", clients: 10.0.0.0/8 }]',
      'groups[0].name',
      '"a b"',
      'a name of 1 to 64 letters, digits, "-" or "_"',
    ],
    ['groups: [{ name: a }]', 'groups[0].clients', 'nothing', '1 to 1024 prefixes such as 2001:db8::/32'],
    ['groups: 5', 'groups', '5', `a section with the keys name, clients, ${RULES}`],
    ['workers: 17', 'workers', '17', whole(1, 16, 'threads')],
    ['parallel: maybe', 'parallel', '"maybe"', flag],
    ['dnssec: validate', 'dnssec', '"validate"', 'one of off, upstream'],
    ['localZones: 1', 'localZones', '1', flag],
    ['discoveryTtl: 59', 'discoveryTtl', '59', time('1m (RFC 7050)', '1d')],
    ['udpBytes: 511', 'udpBytes', '511', whole(512, 4096, 'bytes')],
    ['cookies: always', 'cookies', '"always"', 'one of off, on, require'],
    ['rateLimit: 10', 'rateLimit', '10', 'a section with the keys perSecond, burst, prefixLength4, prefixLength6'],
    [
      'rateLimit: { perSecond: -1 }',
      'rateLimit.perSecond',
      '-1',
      whole(0, 1_000_000, 'queries a second of a client, 0 for no limit'),
    ],
    ['rateLimit: { burst: 0 }', 'rateLimit.burst', '0', whole(1, 1_000_000, 'queries')],
    ['rateLimit: { prefixLength4: 7 }', 'rateLimit.prefixLength4', '7', whole(8, 32, 'bits')],
    ['rateLimit: { prefixLength6: 129 }', 'rateLimit.prefixLength6', '129', whole(16, 128, 'bits')],
    ['cache: { megabytes: 1025 }', 'cache.megabytes', '1025', whole(1, 1024, 'MiB')],
    ['cache: { maxTtl: 59 }', 'cache.maxTtl', '59', time('1m (a minute)', '7d')],
    ['cache: { maxNegativeTtl: 4h }', 'cache.maxNegativeTtl', '"4h"', time('1s (RFC 2308 §5)', '3h')],
    ['cache: { failureTtl: 301 }', 'cache.failureTtl', '301', time('1s (RFC 9520)', '5m')],
    ['cache: { stale: 4d }', 'cache.stale', '"4d"', time('0s (never)', '3d')],
    ['cache: { prefetch: 1 }', 'cache.prefetch', '1', flag],
    ['limits: { open: 15 }', 'limits.open', '15', whole(16, 100_000, 'questions asked upstream at once')],
    ['limits: { connections: 0 }', 'limits.connections', '0', whole(1, 100_000, 'TCP, TLS and HTTPS connections')],
    ['limits: { connectionsPerClient: 0 }', 'limits.connectionsPerClient', '0', whole(1, 10_000, 'connections')],
    ['limits: { idle: 301 }', 'limits.idle', '301', time('1s (RFC 7766 §6.2.3)', '5m')],
  ])('%s', (line, where, found, expected) => {
    const message = refused(`dns64: { ${UPSTREAM}, ${line} }`);
    expect(message.replace(/^d\.yaml:1:\d+: /, '')).toBe(`dns64.${where}: found ${found}, expected ${expected}`);
  });

  test.each([
    ['[]', 'upstream', 'an empty list', '1 to 16 resolvers such as 192.0.2.53'],
    ['resolver', 'upstream', '"resolver"', 'an address such as 192.0.2.53 or 2001:db8::53#5353'],
    ['"192.0.2.53#53#"', 'upstream', '"192.0.2.53#53#"', 'an address such as 192.0.2.53 or 2001:db8::53#5353'],
    ['"192.0.2.53#0"', 'upstream', '"192.0.2.53#0"', 'an address such as 192.0.2.53 or 2001:db8::53#5353'],
    ['[{ address: ns.example }]', 'upstream[0].address', '"ns.example"', 'an IPv4 or IPv6 address'],
    ['[{ address: "::1", port: 0 }]', 'upstream[0].port', '0', whole(1, 65_535, 'a port')],
    ['[{ address: "::1", tls: false }]', 'upstream[0].tls', 'false', 'true, or the name that the server proves'],
  ])('upstream: %s', (value, where, found, expected) => {
    const message = refused(`dns64: { upstream: ${value} }`);
    expect(message.replace(/^d\.yaml:1:\d+: /, '')).toBe(`dns64.${where}: found ${found}, expected ${expected}`);
  });

  test('without an upstream', () => {
    expect(refused('dns64: {}')).toBe(
      'd.yaml:1:8: dns64.upstream: found nothing, expected 1 to 16 resolvers such as 192.0.2.53',
    );
  });
  test('unknown keys, with the place of each', () => {
    expect(refused(`dns64:\n  ${UPSTREAM}\n  pool64: 64:ff9b::/96\n  cache: { megabyte: 5 }\n`)).toBe(
      'd.yaml:3:3: dns64.pool64: unknown key "pool64", expected pool6\n' +
        'd.yaml:4:12: dns64.cache.megabyte: unknown key "megabyte", expected megabytes',
    );
  });
  test('a group has no key of the server', () => {
    expect(refused(`dns64: { ${UPSTREAM}, groups: [{ name: a, clients: "::1", listen: "::" }] }`)).toMatch(
      /dns64\.groups\[0\]\.listen: unknown key "listen", expected one of name, clients, pool6/,
    );
  });
});

describe('warnings', () => {
  const ALONE = 'dns64 stands alone: some other host must translate its prefixes';
  const NOBODY = expect.stringMatching(/^dns64\.clients names nobody: only loopback, link-local and private addresses/);
  const warnings = (text: string) => parseConfig(text, 'd.yaml').warnings;
  const PLAT = 'plat: { pool6: "2001:db8:64::/96", pool4: 192.0.2.0/28 }\n';

  test('DNS-SYN-23 a DNS64 without a translator works, with a word about it', () => {
    expect(warnings(`dns64: { ${UPSTREAM}, clients: "2001:db8::/32" }`)).toEqual([ALONE]);
  });
  test('DNS-TCP-21 clients that nobody named are those with private addresses', () => {
    expect(warnings(`dns64: { ${UPSTREAM} }`)).toEqual([NOBODY, ALONE]);
    expect(LOCAL_CLIENTS.map(networkOf)).toContain('fe80::/10');
    expect(LOCAL_CLIENTS.some(({ length }) => length === 0)).toBe(false);
  });
  test('DNS-REC-10 a prefix that the translator beside it does not have', () => {
    const dns = `dns64: { ${UPSTREAM}, clients: "2001:db8::/32", pool6: ["2001:db8:64::/96", "64:ff9b::/96"] }`;
    expect(warnings(`${PLAT}${dns}`)).toEqual([
      'dns64.pool6 has 64:ff9b::/96, which the translator here does not translate',
    ]);
  });
  test('a prefix of clients that two groups have', () => {
    const groups = '[{ name: a, clients: [10.0.0.0/8, 172.16.0.0/12] }, { name: b, clients: 10.0.0.0/8 }]';
    expect(warnings(`${PLAT}dns64: { ${UPSTREAM}, clients: "2001:db8::/32", groups: ${groups} }`)).toEqual([
      'dns64.groups[1].clients has 10.0.0.0/8, which belongs to group a already: b does not get it',
    ]);
  });
  test('none with a translator of the same prefix and with clients', () => {
    expect(warnings(`${PLAT}dns64: { ${UPSTREAM}, clients: "2001:db8::/32" }`)).toEqual([]);
  });
});

describe('hosts files', () => {
  test('addresses of both families, names of either case, comments and blanks', () => {
    const { names, wrong } = parseHosts('# a comment\r\n\n 192.0.2.1\tA.lan b.lan. # two\n2001:db8::1 a.lan\n');
    expect(wrong).toEqual([]);
    expect([...names].map(([name, addresses]) => [name, addresses.map(({ text }) => text)])).toEqual([
      ['a.lan', ['192.0.2.1', '2001:db8::1']],
      ['b.lan', ['192.0.2.1']],
    ]);
  });
  test('every line that is wrong is told', () => {
    expect(parseHosts('192.0.2.1 a.lan\nprinter.lan 192.0.2.2\n192.0.2.3\n192.0.2.4 a..b c.lan\n').wrong).toEqual([
      { line: 2, message: 'found "printer.lan", expected an address and its names' },
      { line: 3, message: 'found "192.0.2.3", expected at least one name behind the address' },
      { line: 4, message: 'found "a..b", expected a domain name' },
    ]);
  });
  test('a name has 64 addresses at most', () => {
    const text = Array.from({ length: 65 }, (_, i) => `192.0.2.${i} a.lan`).join('\n');
    expect(parseHosts(text).wrong).toEqual([
      { line: 65, message: 'found "a.lan", expected at most 64 addresses of a name' },
    ]);
  });
});

describe('files that the section names', () => {
  let folder = '';
  const write = (name: string, text: string | Buffer) => writeFile(join(folder, name), text);
  async function load(body: string): Promise<LoadedDns64> {
    await write('d.yaml', `dns64: { ${UPSTREAM}, ${body} }`);
    const { config } = await loadConfig(join(folder, 'd.yaml'));
    if (config.dns64 === undefined) throw new Error('the file has no dns64 section');
    return config.dns64;
  }
  async function message(body: string): Promise<string> {
    const error = await load(body).then(
      () => new Error('it was accepted'),
      (thrown: unknown) => thrown,
    );
    if (error instanceof PlatypusError) return error.message.replaceAll(`${folder}/`, '');
    throw error;
  }
  const tls = (certificate: string, key: string) => `tls: { listen: "::", certificate: ${certificate}, key: ${key} }`;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'platypus-dns64-'));
    const [one, other] = [await selfSigned('a.example'), await selfSigned('b.example')];
    await write('cert.pem', Buffer.from(one.cert));
    await write('key.pem', Buffer.from(one.key));
    await write('other.pem', Buffer.from(other.key));
    await write('hosts', '192.0.2.1 a.lan\n');
    await write('wrong', '192.0.2.1 a.lan\n192.0.2.1\n');
    await write('latin1', Buffer.from([0xe9]));
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('relative paths begin at the folder of the file', async () => {
    const { files } = await load(`hosts: hosts, ${tls('cert.pem', 'key.pem')}`);
    expect([...(files.hosts.get('hosts') ?? [])].map(([name]) => name)).toEqual(['a.lan']);
    expect([...files.pem.keys()]).toEqual(['cert.pem', 'key.pem']);
    expect(files.pem.get('cert.pem')).toMatch(/BEGIN CERTIFICATE/);
  });
  test('a hosts file with a mistake, by its line; also that of a group', async () => {
    const sentence = 'wrong:2:1: found "192.0.2.1", expected at least one name behind the address';
    expect(await message('hosts: wrong')).toBe(sentence);
    expect(await message('groups: { name: a, clients: "::1", hosts: wrong }')).toBe(sentence);
  });
  test('a file that is not there, or no text', async () => {
    expect(await message('hosts: gone')).toMatch(/gone.*there is no such file, expected a hosts file/);
    expect(await message('hosts: latin1')).toMatch(/latin1.*it is not UTF-8, expected text in UTF-8/);
    expect(await message(tls('gone', 'key.pem'))).toMatch(/gone.*there is no such file, expected a PEM file/);
  });
  test('a certificate that is none, and a key that is another’s', async () => {
    const expected =
      /^cert\.pem: found what OpenSSL does not take with the key .*, expected a certificate chain and its key in PEM$/;
    expect(await message(tls('hosts', 'key.pem'))).toMatch(/^hosts: found what OpenSSL does not take/);
    expect(await message(tls('cert.pem', 'hosts'))).toMatch(expected);
    expect(await message(tls('cert.pem', 'other.pem'))).toMatch(expected);
    expect(await message(tls('cert.pem', 'other.pem').replace('tls', 'https'))).toMatch(expected);
  });
});
