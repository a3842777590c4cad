/** siit.md section 1 on the vectors of rfc6052_embeddings: embedding and taking out, RFC 6052. */
import { describe, expect, test } from 'vitest';
import { readVectors } from '../config/vectors.js';
import { addressBytes, icmp, read, udp } from './packets.js';
import { addon, server, small, stateful, translator } from './translator.js';

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

function pool6Of(prefix: string) {
  const [address = '', length] = prefix.split('/');
  return [{ address, length: Number(length) }];
}

const ports = { sourcePort: 40_000, destinationPort: 53 };
const stateless = { mode: 'siit', pool4: [], allowNonGlobal: true } as const;

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
  const nat = translator({ ...stateless, pool6: pool6Of(prefix) });
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
  const config = { ...stateful, ...stateless, pool6: pool6Of(prefix) };
  expect(() => new addon.Simulator({ limits: small, config })).toThrow(/pool6/);
});

describe('the well-known prefix', () => {
  const nat = () => translator({ mode: 'siit', pool4: [], pool6: pool6Of('64:ff9b::/96') });
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
  const nat = translator({ ...stateless, pool6: pool6Of(prefix) });
  const packet = udp({ source: '192.0.2.33', destination: server, ...ports });
  expect(nat.pass(packet).checksum === read(packet).checksum).toBe(neutral);
});

test('SIIT-ADDR-20 the core takes both forms of the same prefix', () => {
  const dotted = translator({ ...stateless, pool6: [{ address: '2001:db8:64::0.0.0.0', length: 96 }] });
  expect(dotted.pass(udp({ source: '192.0.2.33', destination: server, ...ports })).source).toBe(
    '2001:db8:64::c000:221',
  );
});
