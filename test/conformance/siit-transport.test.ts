/** siit.md section 4: checksums, and UDP without one. */
import { describe, expect, test } from 'vitest';
import { type DropEvent, loadAddon } from '../../src/native/addon.js';
import { checksum, echo, fragments, ip, pseudoHeader, read, tcp, udp } from './packets.js';
import { server, stateless, through, translator } from './translator.js';

const host4 = '192.0.2.33';
const ports = { sourcePort: 40_000, destinationPort: 53 };
const at4 = { source: host4, destination: server, ...ports };
const at6 = { source: through(host4), destination: through(server), ...ports };

describe('SIIT-CSUM-02 a damaged packet stays damaged by as much as it was', () => {
  /** By how much the transport checksum is off; zero for a packet as it should be. */
  function damage(packet: Buffer): number {
    const { version, source, destination, protocol, payload } = read(packet);
    const whole = version === 4 && protocol === 1;
    return whole ? checksum(payload) : checksum(pseudoHeader(source, destination, protocol, payload.length), payload);
  }
  const data = 'a payload of some length';

  test.each([
    ['TCP 4to6', tcp({ ...at4, flags: 'A', data })],
    ['UDP 4to6', udp({ ...at4, data })],
    ['echo 4to6', echo({ ...at4, identifier: 7, data })],
    ['TCP 6to4', tcp({ ...at6, flags: 'A', data })],
    ['UDP 6to4', udp({ ...at6, data })],
    ['echo 6to4', echo({ ...at6, identifier: 7, data })],
  ])('%s', (_, packet) => {
    packet.writeUInt8(packet.readUInt8(packet.length - 3) ^ 0x10, packet.length - 3);
    const [sent] = translator(stateless).send(packet);
    expect(damage(packet)).not.toBe(0);
    expect(damage(sent?.bytes ?? Buffer.alloc(20))).toBe(damage(packet));
  });
});

describe('other transports', () => {
  const payload = Buffer.from('4500001c00010000401100007f0000017f000001', 'hex');

  test.each([
    ['SIIT-CSUM-07, SIIT-4to6-06', 'DCCP', 33],
    ['SIIT-CSUM-07, SIIT-4to6-06', 'SCTP', 132],
    ['SIIT-CSUM-07, SIIT-4to6-06', 'GRE', 47],
    ['SIIT-CSUM-08, SIIT-4to6-06', 'ESP', 50],
    ['SIIT-CSUM-08, SIIT-6to4-08', 'AH', 51],
  ])('%s %s passes with every byte, both ways', (_id, _name, protocol) => {
    const nat = translator(stateless);
    for (const at of [at4, at6]) {
      const out = nat.pass(ip({ source: at.source, destination: at.destination, protocol, payload }));
      expect(out).toMatchObject({ protocol, version: at === at4 ? 6 : 4 });
      expect(out.payload.equals(payload)).toBe(true);
    }
  });
});

describe('UDP without checksum', () => {
  const none = udp({ ...at4, checksum: 0, data: Buffer.alloc(100, 'xyz') });
  const event = (at: typeof at4): DropEvent => ({
    timeMs: expect.any(Number) as number,
    reason: 'drop.udp_checksum_zero',
    protocol: 17,
    source: at.source,
    destination: at.destination,
    sourcePort: 40_000,
    destinationPort: 53,
  });

  test('SIIT-CSUM-05 drop: a management event holds addresses and ports', () => {
    const nat = translator({ ...stateless, udpZeroChecksum: 'drop' });
    expect(nat.drop(none)).toEqual(['drop.udp_checksum_zero']);
    expect(nat.simulator.readEvents()).toEqual({ events: [event(at4)], lost: 0 });
    expect(nat.simulator.readEvents()).toEqual({ events: [], lost: 0 });
  });

  test('SIIT-CSUM-05 drop: what has a checksum passes, and nothing is told', () => {
    const nat = translator({ ...stateless, udpZeroChecksum: 'drop' });
    nat.pass(udp(at4));
    expect(nat.simulator.readEvents().events).toEqual([]);
  });

  test('SIIT-CSUM-05 compute: it leaves with the right one', () => {
    const nat = translator({ ...stateless, udpZeroChecksum: 'compute' });
    expect(nat.pass(none)).toMatchObject({ ...at6, valid: true });
    expect(nat.simulator.readEvents().events).toEqual([]);
  });

  test.each(['drop', 'compute'] as const)(
    'SIIT-CSUM-06 %s: a first fragment is dropped and told about, what follows it is translated',
    (udpZeroChecksum) => {
      const nat = translator({ ...stateless, udpZeroChecksum });
      const [first = none, last = none] = fragments(none, 7, 64);
      expect(nat.drop(first)).toEqual(['drop.udp_checksum_zero']);
      expect(nat.simulator.readEvents()).toEqual({ events: [event(at4)], lost: 0 });
      const out = nat.pass(last);
      expect(out).toMatchObject({ offset: 64, more: false });
      expect(out.payload.equals(read(last).payload)).toBe(true);
      expect(nat.simulator.readEvents().events).toEqual([]);
    },
  );

  test('SIIT-CSUM-06 reassemble: the fragments leave as one datagram with the right checksum', () => {
    const nat = translator({ ...stateless, udpZeroChecksum: 'reassemble' });
    const [first = none, last = none] = fragments(none, 7, 64);
    expect(nat.send(last)).toEqual([]);
    const out = nat.pass(first);
    expect(out).toMatchObject({ ...at6, valid: true });
    expect(out.data.equals(read(none).data)).toBe(true);
    expect(nat.simulator.readEvents().events).toEqual([]);
  });

  test('SIIT-CSUM-09 IPv6 UDP without checksum is dropped and told about', () => {
    const nat = translator(stateless);
    expect(nat.drop(udp({ ...at6, checksum: 0 }))).toEqual(['drop.udp_checksum_zero']);
    expect(nat.simulator.readEvents()).toEqual({ events: [event(at6)], lost: 0 });
  });

  test('the reason of an event is a counter that explains itself', () => {
    const { explain } = loadAddon().counters.find(({ name }) => name === 'drop.udp_checksum_zero') ?? {};
    expect(explain).toMatch(/RFC 7915 §4\.5/);
  });

  test('SIIT-CSUM-05 events nobody reads are counted as lost, not kept', () => {
    const nat = translator({ ...stateless, udpZeroChecksum: 'drop' });
    for (let i = 0; i < 1000; i += 1) nat.drop(none);
    const { events, lost } = nat.simulator.readEvents();
    expect(events).toHaveLength(64);
    expect(lost).toBe(936);
  });
});
