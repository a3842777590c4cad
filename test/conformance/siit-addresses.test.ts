/** siit.md section 1 on the vectors of rfc6052_embeddings: embedding and taking out, RFC 6052. */
import { describe, expect, test } from 'vitest';
import { toSiitCoreConfig } from '../../src/config/core.js';
import { parseConfig } from '../../src/config/file.js';
import { readVectors } from '../config/vectors.js';
import { addressBytes, icmp, read, udp } from './packets.js';
import { addon, eamTable, prefixOf, server, siit, small, stateful, stateless, translator } from './translator.js';

interface Embedding {
  prefix: string;
  ipv4: string;
  ipv6: string;
}

const { vectors, extract_only, reject_prefix_config, wkp_non_global, checksum_neutral_prefixes } = readVectors<{
  vectors: (Embedding & { hex: string })[];
  extract_only: (Embedding & { why: string })[];
  reject_prefix_config: { prefix: string; why: string }[];
  wkp_non_global: { cases: { ipv4: string; ipv6: string; action: 'drop' | 'translate' }[] };
  checksum_neutral_prefixes: { prefix: string; neutral: boolean }[];
}>('rfc6052_embeddings');

const ports = { sourcePort: 40_000, destinationPort: 53 };
const anyAddress = { ...stateless, allowNonGlobal: true } as const;

const ids = {
  32: 'SIIT-ADDR-03',
  40: 'SIIT-ADDR-04',
  48: 'SIIT-ADDR-05',
  56: 'SIIT-ADDR-06',
  64: 'SIIT-ADDR-07',
  96: 'SIIT-ADDR-08',
} as const;
const named = <Row extends Embedding>(rows: Row[]) =>
  rows.map((row) => ({ ...row, id: ids[Number(row.prefix.split('/')[1]) as keyof typeof ids] }));

/** A quoted packet may have any address, also those that no packet may come from. */
function exchange(prefix: string) {
  const nat = translator({ ...anyAddress, pool6: [prefixOf(prefix)] });
  const about = (ipv4: string) =>
    nat.pass(
      icmp({
        source: server,
        destination: '192.0.2.33',
        type: 3,
        code: 3,
        body: udp({ source: ipv4, destination: server, ...ports }),
      }),
    );
  const outer = about('192.0.2.33');
  return {
    embedded: (ipv4: string) => addressBytes(read(about(ipv4).data).source).toString('hex'),
    taken: (ipv6: string) => {
      const body = udp({ source: ipv6, destination: outer.source, ...ports });
      const error = icmp({ source: outer.source, destination: outer.destination, type: 1, code: 4, body });
      return read(nat.pass(error).data).source;
    },
  };
}

describe('embedding', () => {
  test.each(named(vectors))('$id, SIIT-ADDR-02, SIIT-ADDR-09 $ipv4 in $prefix is $ipv6', ({ prefix, ipv4, hex }) => {
    expect(exchange(prefix).embedded(ipv4)).toBe(hex);
  });

  test.each(named(vectors))('$id $ipv6 of $prefix is $ipv4', ({ prefix, ipv4, ipv6 }) => {
    expect(exchange(prefix).taken(ipv6)).toBe(ipv4);
  });

  test.each(extract_only)('SIIT-ADDR-10 $ipv6 of $prefix is $ipv4: $why', ({ prefix, ipv4, ipv6 }) => {
    expect(exchange(prefix).taken(ipv6)).toBe(ipv4);
  });
});

test.each(reject_prefix_config)('SIIT-ADDR-01, -02 $prefix is refused: $why', ({ prefix }) => {
  const config = { ...stateful, ...anyAddress, pool6: [prefixOf(prefix)] };
  expect(() => new addon.Simulator({ limits: small, config })).toThrow(/pool6/);
});

describe('the well-known prefix', () => {
  const nat = () => translator({ ...stateless, pool6: [prefixOf('64:ff9b::/96')] });
  const global6 = '64:ff9b::8.8.8.8';
  const versions = (sent: { version: number }[]) => sent.map(({ version }) => version);

  test.each(wkp_non_global.cases)('SIIT-ADDR-13 6to4 destination $ipv6: $action', ({ ipv6, action }) => {
    const sent = nat().send(udp({ source: global6, destination: ipv6, ...ports }));
    expect(versions(sent).includes(4)).toBe(action === 'translate');
  });

  test.each(wkp_non_global.cases)('SIIT-ADDR-13 6to4 source $ipv6: $action', ({ ipv6, action }) => {
    const sent = nat().send(udp({ source: ipv6, destination: global6, ...ports }));
    expect(versions(sent).includes(4)).toBe(action === 'translate');
  });

  test.each(wkp_non_global.cases)('SIIT-ADDR-13 4to6 destination $ipv4: $action', ({ ipv4, action }) => {
    const sent = nat().send(udp({ source: '8.8.8.8', destination: ipv4, ...ports }));
    expect(versions(sent).includes(6)).toBe(action === 'translate');
  });

  test.each(wkp_non_global.cases)('SIIT-ADDR-13 4to6 source $ipv4: $action', ({ ipv4, action }) => {
    const sent = nat().send(udp({ source: ipv4, destination: '8.8.8.8', ...ports }));
    expect(versions(sent).includes(6)).toBe(action === 'translate');
  });
});

test.each(checksum_neutral_prefixes)('SIIT-ADDR-21 $prefix is checksum-neutral: $neutral', ({ prefix, neutral }) => {
  const nat = translator({ ...anyAddress, pool6: [prefixOf(prefix)] });
  const packet = udp({ source: '192.0.2.33', destination: server, ...ports });
  expect(nat.pass(packet).checksum === read(packet).checksum).toBe(neutral);
});

test('SIIT-ADDR-20 the core takes both forms of the same prefix', () => {
  const dotted = translator({ ...anyAddress, pool6: [{ address: '2001:db8:64::0.0.0.0', length: 96 }] });
  expect(dotted.pass(udp({ source: '192.0.2.33', destination: server, ...ports })).source).toBe(
    '2001:db8:64::c000:221',
  );
});

test.each(['2001:db8:64::/96', '64:ff9b:1::/96', '64:ff9b:1:fffe::/96'])(
  'SIIT-ADDR-14 %s may carry private addresses, both ways',
  (prefix) => {
    const nat = translator({ ...stateless, pool6: [prefixOf(prefix)] });
    const there = nat.pass(udp({ source: '192.168.1.1', destination: '10.0.0.1', ...ports }));
    const back = { source: there.destination, destination: there.source, ...ports };
    expect(nat.pass(udp(back))).toMatchObject({ source: '10.0.0.1', destination: '192.168.1.1' });
  },
);

describe('64:ff9b:1::/48', () => {
  const to = (destination: string) => udp({ source: '2001:db8:64::c000:221', destination, ...ports });

  test.each(['64:ff9b:1::1', '64:ff9b:1::c000:221', '64:ff9b:1:c000:2:2100::'])(
    'SIIT-ADDR-16 unconfigured, %s is an address like others',
    (address) => {
      const nat = translator(stateless);
      expect(nat.refuse(to(address))).toMatchObject({ type: 1, code: 1 });
      expect(nat.counter('drop.not_pool6')).toBe(1);
    },
  );

  test('SIIT-ADDR-16 an entry of the EAM table may give any of it any IPv4 address', async () => {
    const nat = translator({ ...stateless, ...siit({ eamt: await eamTable(['203.0.113.5', '64:ff9b:1::c000:221']) }) });
    expect(nat.pass(to('64:ff9b:1::c000:221')).destination).toBe('203.0.113.5');
  });

  test.each([
    ['64:ff9b:1::/48', '64:ff9b:1:c000:2:2100::'],
    ['64:ff9b:1::/96', '64:ff9b:1::c000:221'],
  ])('SIIT-ADDR-16 as pool6 %s it holds 192.0.2.33 in %s', (prefix, address) => {
    const nat = translator({ ...stateless, pool6: [prefixOf(prefix), prefixOf('2001:db8:64::/96')] });
    expect(nat.pass(to(address)).destination).toBe('192.0.2.33');
  });
});

test('SIIT-ADDR-23 a configuration that says nothing but its prefix maps by RFC 6052', () => {
  const { config } = parseConfig('siit: { pool6: "2001:db8:122::/48" }', 'siit.yaml');
  if (config.siit === undefined) throw new Error('no siit section');
  const nat = translator(toSiitCoreConfig(config.siit, null, null));
  const there = nat.pass(udp({ source: '192.0.2.33', destination: '198.51.100.2', ...ports }));
  expect(there).toMatchObject({ source: '2001:db8:122:c000:2:2100::', destination: '2001:db8:122:c633:64:200::' });
  const back = { source: there.destination, destination: there.source, ...ports };
  expect(nat.pass(udp(back))).toMatchObject({ source: '198.51.100.2', destination: '192.0.2.33' });
});

test('SIIT-ADDR-11 an address of the prefix whose octet u is set is not of the prefix', () => {
  const nat = translator({ ...stateless, pool6: [prefixOf('2001:db8::/32')] });
  const at = { source: '2001:db8:c000:221::', ...ports };
  expect(nat.pass(udp({ ...at, destination: '2001:db8:c633:6407::' })).destination).toBe(server);
  expect(nat.refuse(udp({ ...at, destination: '2001:db8:c633:6407:ff00::' }))).toMatchObject({ type: 1, code: 1 });
  expect(nat.counter('drop.not_pool6')).toBe(1);
});
