/** nat64.md section 10: filtering (RFC 6146 §1.2.3, §3.5). */
import { describe, expect, test } from 'vitest';
import { echo, tcp, udp } from './packets.js';
import { host, outward, pool, server, stranger, through, translator } from './translator.js';

type Kind = 'udp' | 'tcp' | 'icmp';

/** The host opens a mapping to the server; T's port or identifier. */
const opening = {
  udp: udp({ ...outward, sourcePort: 40_000, destinationPort: 53 }),
  tcp: tcp({ ...outward, sourcePort: 40_000, destinationPort: 53, flags: 'S' }),
  icmp: echo({ ...outward, identifier: 40_000 }),
};
/** Somebody sends to it from a port that was not written to. */
const arriving = (kind: Kind, source: string, t: number) =>
  kind === 'udp'
    ? udp({ source, destination: pool, sourcePort: 999, destinationPort: t })
    : kind === 'tcp'
      ? tcp({ source, destination: pool, sourcePort: 999, destinationPort: t, flags: 'A' })
      : echo({ source, destination: pool, identifier: t });

const off = { tcp: false, udp: false, icmp: false };

describe.each(['udp', 'tcp', 'icmp'] as const)('%s', (kind) => {
  test('N64-FILT-01, -02 by default anybody reaches a mapping', () => {
    const nat = translator();
    const { sourcePort } = nat.pass(opening[kind]);
    expect(nat.pass(arriving(kind, stranger, sourcePort))).toMatchObject({
      source: through(stranger),
      destination: host,
      destinationPort: 40_000,
    });
  });

  test('N64-FILT-01 address-dependent: who was not written to is dropped', () => {
    const nat = translator({ addressDependentFiltering: { ...off, [kind]: true } });
    const { sourcePort } = nat.pass(opening[kind]);
    expect(nat.drop(arriving(kind, stranger, sourcePort))).toEqual(['drop.filtered']);
  });

  test('N64-FILT-01 address-dependent: who was written to passes from any port', () => {
    const nat = translator({ addressDependentFiltering: { ...off, [kind]: true } });
    const { sourcePort } = nat.pass(opening[kind]);
    expect(nat.pass(arriving(kind, server, sourcePort))).toMatchObject({ source: through(server), destination: host });
  });

  test('N64-FILT-02 address-dependent filtering of the other protocols leaves this one open', () => {
    const nat = translator({ addressDependentFiltering: { tcp: true, udp: true, icmp: true, [kind]: false } });
    const { sourcePort } = nat.pass(opening[kind]);
    nat.pass(arriving(kind, stranger, sourcePort));
  });

  test('N64-FILT-01 address-dependent: a static entry without sessions lets nobody in', () => {
    const nat = translator({ addressDependentFiltering: { tcp: true, udp: true, icmp: true } });
    nat.simulator.addBib({ protocol: kind, v6: host, port6: 40_000, v4: pool, port4: 4000 });
    expect(nat.drop(arriving(kind, stranger, 4000))).toEqual(['drop.filtered']);
  });
});
