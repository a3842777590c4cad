import { describe, expect, test } from 'vitest';
import { type Answer, type Arrival, answerRequest, type Layout } from '../../src/responder/answer.js';
import {
  askValue,
  changeValue,
  readEndpoint,
  readError,
  readPort,
  readSeen,
  readXorEndpoint,
} from '../../src/stun/attributes.js';
import { attributeOf, readStun, type StunAttribute, type StunMessage, writeStun } from '../../src/stun/message.js';
import { Attribute, BINDING } from '../../src/stun/numbers.js';

const TWO: Layout = { addresses: ['203.0.113.5', '203.0.113.6'], ports: [3478, 3479] };
const ONE: Layout = { addresses: ['203.0.113.5'], ports: [3478, 3479] };
const source = { address: '192.0.2.1', port: 40_000 };
const transaction = Uint8Array.from({ length: 12 }, (_, index) => index);
const seen = { datagramBytes: 128, pathMtu: 1500, sendMss: 0, announcedMss: 0 };
const plain = { noChecksum: false, dontFragment: false, report: false, answerBytes: 0 };

function octetsOf(attributes: StunAttribute[], message: Partial<StunMessage> = {}): Uint8Array {
  return writeStun({ kind: 'request', method: BINDING, transaction, attributes, fingerprint: false, ...message });
}

function ask(attributes: StunAttribute[], layout = TWO, arrival: Partial<Arrival> = {}) {
  return answerRequest(
    {
      octets: octetsOf(attributes),
      source,
      at: { address: 0, port: 0 },
      transport: 'udp',
      seen: () => seen,
      allowLong: () => true,
      ...arrival,
    },
    layout,
  );
}

function answered(outcome: ReturnType<typeof answerRequest>): Answer & { message: StunMessage } {
  if ('drop' in outcome) throw new Error(outcome.drop);
  const reading = readStun(outcome.octets);
  if ('refused' in reading) throw new Error(reading.refused);
  return { ...outcome, message: reading.message };
}

const asking = (what: Partial<typeof plain>, bytes = 4) => ({
  type: Attribute.ASK,
  value: askValue({ ...plain, ...what }, bytes),
});
const changing = (address: boolean, port: boolean) => ({
  type: Attribute.CHANGE_REQUEST,
  value: changeValue({ address, port }),
});

describe('a plain request', () => {
  test('is answered with the mapped address, the origin and the other address, octet by octet', () => {
    const { octets, from } = answered(ask([]));
    expect(Buffer.from(octets).toString('hex')).toBe(
      [
        '010100302112a442000102030405060708090a0b',
        '002000080001bd52e112a643',
        '0001000800019c40c0000201',
        '802b000800010d96cb007105',
        '802c000800010d97cb007106',
      ].join(''),
    );
    expect(from).toEqual({ address: 0, port: 0 });
  });

  test('with FINGERPRINT gets one', () => {
    const { message } = answered(ask([], TWO, { octets: octetsOf([], { fingerprint: true }) }));
    expect(message.fingerprint).toBe(true);
  });

  test('has no OTHER-ADDRESS where there is one address (RFC 5780 §7.4)', () => {
    const { message } = answered(ask([asking({ report: true }, 96)], ONE));
    expect(attributeOf(message, Attribute.OTHER_ADDRESS)).toBeNull();
    expect(readPort(attributeOf(message, Attribute.OTHER_PORT) as Uint8Array)).toBe(3479);
  });
});

describe('CHANGE-REQUEST', () => {
  test.each([
    [true, true, { address: 1, port: 1 }, { address: '203.0.113.6', port: 3479 }],
    [true, false, { address: 1, port: 0 }, { address: '203.0.113.6', port: 3478 }],
    [false, true, { address: 0, port: 1 }, { address: '203.0.113.5', port: 3479 }],
  ])('address %s, port %s', (address, port, from, origin) => {
    const answer = answered(ask([changing(address, port)]));
    expect(answer.from).toEqual(from);
    expect(readEndpoint(attributeOf(answer.message, Attribute.RESPONSE_ORIGIN) as Uint8Array)).toEqual(origin);
    expect(answer.counters).toContain('responder.answers.changed');
  });

  test('is refused with 420 for an address that there is not, and over TCP', () => {
    for (const outcome of [
      ask([changing(true, false)], ONE),
      ask([changing(false, true)], TWO, { transport: 'tcp' }),
    ]) {
      const { message } = answered(outcome);
      expect(message.kind).toBe('error');
      expect(readError(attributeOf(message, Attribute.ERROR_CODE) as Uint8Array)).toBe(420);
      expect([...(attributeOf(message, Attribute.UNKNOWN_ATTRIBUTES) ?? [])]).toEqual([0, 3]);
    }
  });

  test('with one address the port changes all the same', () => {
    expect(answered(ask([changing(false, true)], ONE)).from).toEqual({ address: 0, port: 1 });
  });

  test('of another length is a bad request', () => {
    const { message } = answered(ask([{ type: Attribute.CHANGE_REQUEST, value: new Uint8Array(8) }]));
    expect(readError(attributeOf(message, Attribute.ERROR_CODE) as Uint8Array)).toBe(400);
  });
});

describe('what is not answered', () => {
  test('no STUN, and messages that are no Binding request', () => {
    expect(ask([], TWO, { octets: new Uint8Array(40) })).toEqual({ drop: 'responder.drop.malformed' });
    for (const message of [{ kind: 'success' }, { kind: 'indication' }, { method: 3 }] as const) {
      const octets = octetsOf([], message);
      expect(ask([], TWO, { octets })).toEqual({ drop: 'responder.drop.not_a_request' });
    }
  });

  test('an unknown attribute that must be understood: 420, which names it', () => {
    const { message } = answered(ask([{ type: Attribute.RESPONSE_PORT, value: new Uint8Array(4) }]));
    expect(Buffer.from(attributeOf(message, Attribute.UNKNOWN_ATTRIBUTES) ?? []).toString('hex')).toBe('0027');
  });
});

describe('length', () => {
  const bytes = (outcome: ReturnType<typeof answerRequest>) => answered(outcome).octets.length;

  test('PADDING is answered with as much of it as makes the answer no longer than the request (RFC 5780 §7.6)', () => {
    const { message, octets } = answered(ask([{ type: Attribute.PADDING, value: new Uint8Array(1200) }]));
    expect(attributeOf(message, Attribute.PADDING)).toHaveLength(1152);
    expect(octets).toHaveLength(1224);
  });

  test('an answer of N bytes to a request as long', () => {
    expect(bytes(ask([asking({ answerBytes: 4028 }, 3976)]))).toBe(4000);
  });

  test('a longer one is not given', () => {
    const outcome = ask([asking({ answerBytes: 1400 }, 4)]);
    expect(bytes(outcome)).toBe(68);
    expect(answered(outcome).counters).toContain('responder.shortened');
  });

  test('but with DF, up to 1500 bytes and within its rate', () => {
    const outcome = ask([asking({ answerBytes: 1500, dontFragment: true }, 4)]);
    expect(bytes(outcome)).toBe(1472);
    expect(answered(outcome)).toMatchObject({ dontFragment: true });
    expect(bytes(ask([asking({ answerBytes: 1504, dontFragment: true }, 4)]))).toBe(68);
    const limited = ask([asking({ answerBytes: 1500, dontFragment: true }, 4)], TWO, { allowLong: () => false });
    expect(bytes(limited)).toBe(68);
  });

  test('SEEN comes where the request is long enough', () => {
    const report = answered(ask([asking({ report: true }, 60)]));
    expect(readSeen(attributeOf(report.message, Attribute.SEEN) as Uint8Array)).toEqual(seen);
    expect(attributeOf(answered(ask([asking({ report: true })])).message, Attribute.SEEN)).toBeNull();
  });

  test('no answer without a rate of its own is longer than the request, or than what every client needs', () => {
    for (const size of [0, 4, 40, 80, 200, 1400]) {
      for (const type of [Attribute.ASK, Attribute.PADDING, 0x8022]) {
        for (const fingerprint of [false, true]) {
          const octets = octetsOf([{ type, value: new Uint8Array(size).fill(255) }], { fingerprint });
          const outcome = ask([], TWO, { octets, allowLong: () => false });
          expect(bytes(outcome)).toBeLessThanOrEqual(Math.max(76, octets.length));
        }
      }
    }
  });

  test('over TCP nothing is lengthened', () => {
    const { octets, noChecksum, dontFragment } = answered(
      ask([asking({ answerBytes: 1500, dontFragment: true, noChecksum: true }, 4)], TWO, { transport: 'tcp' }),
    );
    expect(octets).toHaveLength(68);
    expect({ noChecksum, dontFragment }).toEqual({ noChecksum: false, dontFragment: false });
  });
});

test('an answer without checksum is one', () => {
  expect(answered(ask([asking({ noChecksum: true })]))).toMatchObject({ noChecksum: true, dontFragment: false });
});

test('the mapped address is the source', () => {
  const { message } = answered(ask([]));
  const value = attributeOf(message, Attribute.XOR_MAPPED_ADDRESS) as Uint8Array;
  expect(readXorEndpoint(value, transaction)).toEqual(source);
});
