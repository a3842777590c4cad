import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  askValue,
  changeValue,
  endpointValue,
  errorValue,
  readAsk,
  readChange,
  readEndpoint,
  readError,
  readPort,
  readSeen,
  readXorEndpoint,
  seenValue,
  unknownValue,
  xorEndpointValue,
} from '../../src/stun/attributes.js';
import { createFrames } from '../../src/stun/frames.js';
import { attributeOf, readStun, type StunMessage, writeStun } from '../../src/stun/message.js';
import { Attribute, BINDING } from '../../src/stun/numbers.js';

const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));

// RFC 5769 §2.1 and §2.2.
const SAMPLE_REQUEST = hex(`
  00010058 2112a442 b7e7a701 bc34d686 fa87dfae
  80220010 5354554e 20746573 7420636c 69656e74
  00240004 6e0001ff
  80290008 932ff9b1 51263b36
  00060009 6576746a 3a683676 59202020
  00080014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2
  80280004 e57a3bcf`);
const SAMPLE_RESPONSE = hex(`
  0101003c 2112a442 b7e7a701 bc34d686 fa87dfae
  8022000b 74657374 20766563 746f7220
  00200008 0001a147 e112a643
  00080014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7
  80280004 c07d4c96`);
const TRANSACTION = hex('b7e7a701 bc34d686 fa87dfae');

const messageOf = (octets: Uint8Array): StunMessage => {
  const reading = readStun(octets);
  if ('refused' in reading) throw new Error(reading.refused);
  return reading.message;
};

const request = (attributes: StunMessage['attributes'] = [], fingerprint = false): StunMessage => ({
  kind: 'request',
  method: BINDING,
  transaction: TRANSACTION,
  attributes,
  fingerprint,
});

describe('a message that is read', () => {
  test('RFC 5769 §2.1: a request with its attributes; none behind MESSAGE-INTEGRITY but FINGERPRINT', () => {
    const message = messageOf(SAMPLE_REQUEST);
    expect(message).toMatchObject({ kind: 'request', method: BINDING, fingerprint: true });
    expect([...message.transaction]).toEqual([...TRANSACTION]);
    expect(message.attributes.map(({ type }) => type)).toEqual([0x8022, 0x0024, 0x8029, 0x0006]);
    expect(Buffer.from(attributeOf(message, Attribute.USERNAME) ?? []).toString()).toBe('evtj:h6vY');
  });

  test('RFC 5769 §2.2: a response whose XOR-MAPPED-ADDRESS is 192.0.2.1#32853', () => {
    const message = messageOf(SAMPLE_RESPONSE);
    expect(message).toMatchObject({ kind: 'success', method: BINDING, fingerprint: true });
    const value = attributeOf(message, Attribute.XOR_MAPPED_ADDRESS) as Uint8Array;
    expect(readXorEndpoint(value, message.transaction)).toEqual({ address: '192.0.2.1', port: 32_853 });
  });

  test('RFC 5769 §2.3: an XOR-MAPPED-ADDRESS of IPv6', () => {
    const value = hex('0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9');
    const endpoint = { address: '2001:db8:1234:5678:11:2233:4455:6677', port: 32_853 };
    expect(readXorEndpoint(value, TRANSACTION)).toEqual(endpoint);
    expect([...xorEndpointValue(endpoint, TRANSACTION)]).toEqual([...value]);
  });

  test.each([
    ['a wrong FINGERPRINT', [...SAMPLE_RESPONSE.slice(0, -1), 0x97], 'fingerprint'],
    ['no cookie', [...hex('00010000 00000000 00000000 00000000 00000000')], 'foreign'],
    ['the bits of another protocol', [...hex('80010000 2112a442 00000000 00000000 00000000')], 'foreign'],
    ['less than a header', [...hex('00010000 2112a442')], 'foreign'],
    ['more than its length', [...hex('00010000 2112a442 00000000 00000000 00000000 00000000')], 'length'],
    ['a length that is no multiple of four', [...hex('00010002 2112a442 00000000 00000000 00000000 0000')], 'length'],
    [
      'an attribute that reaches past the end',
      [...hex('00010004 2112a442 00000000 00000000 00000000 80220001')],
      'attribute',
    ],
  ])('%s is refused', (_, octets, refused) => {
    expect(readStun(Uint8Array.from(octets))).toEqual({ refused });
  });

  test('an attribute behind FINGERPRINT is refused', () => {
    const octets = Buffer.concat([writeStun(request([], true)), hex('80220000')]);
    octets.writeUInt16BE(octets.length - 20, 2);
    expect(readStun(new Uint8Array(octets))).toEqual({ refused: 'fingerprint' });
  });

  test('33 attributes are refused', () => {
    const many = Array.from({ length: 33 }, () => ({ type: 0x8022, value: new Uint8Array(0) }));
    expect(readStun(writeStun(request(many)))).toEqual({ refused: 'attributes' });
    expect(readStun(writeStun(request(many.slice(1))))).toHaveProperty('message');
  });

  test('anything at all is read or refused, and what is read is written the same', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (tail) => {
        const octets = new Uint8Array(Buffer.concat([hex('0001 0000 2112a442 b7e7a701 bc34d686 fa87dfae'), tail]));
        new DataView(octets.buffer).setUint16(2, tail.length);
        const reading = readStun(octets);
        if ('message' in reading) readStun(writeStun(reading.message));
      }),
    );
  });

  test('a mutated sample never throws', () => {
    fc.assert(
      fc.property(fc.nat(SAMPLE_REQUEST.length - 1), fc.nat(255), fc.nat(SAMPLE_REQUEST.length), (at, octet, cut) => {
        const octets = SAMPLE_REQUEST.slice(0, cut);
        if (at < cut) octets[at] = octet;
        readStun(octets);
      }),
    );
  });
});

describe('a message that is written', () => {
  test('a request with FINGERPRINT, octet by octet', () => {
    const octets = writeStun(request([{ type: Attribute.CHANGE_REQUEST, value: hex('00000006') }], true));
    expect(Buffer.from(octets.subarray(0, 32)).toString('hex')).toBe(
      '000100102112a442b7e7a701bc34d686fa87dfae000300040000000680280004'.slice(0, 64),
    );
    expect(messageOf(octets).fingerprint).toBe(true);
  });

  test('kinds and methods survive (RFC 8489 §5)', () => {
    for (const kind of ['request', 'indication', 'success', 'error'] as const) {
      for (const method of [1, 0x0f, 0x70, 0xf80, 0xfff]) {
        expect(messageOf(writeStun({ ...request(), kind, method }))).toMatchObject({ kind, method });
      }
    }
    expect(writeStun({ ...request(), kind: 'error' })[0]).toBe(0x01);
    expect(writeStun({ ...request(), kind: 'error' })[1]).toBe(0x11);
  });
});

describe('values', () => {
  test('endpoints', () => {
    expect(Buffer.from(endpointValue({ address: '192.0.2.1', port: 80 })).toString('hex')).toBe('00010050c0000201');
    expect(readEndpoint(hex('00010050c0000201'))).toEqual({ address: '192.0.2.1', port: 80 });
    for (const wrong of ['', '0001', '00030050c0000201', '00010050c00002', '00020050c0000201']) {
      expect(readEndpoint(hex(wrong))).toBeNull();
      expect(readXorEndpoint(hex(wrong), TRANSACTION)).toBeNull();
    }
  });

  test('CHANGE-REQUEST, ASK and SEEN', () => {
    expect([...changeValue({ address: true, port: false })]).toEqual([0, 0, 0, 4]);
    expect(readChange(Uint8Array.of(0, 0, 0, 2))).toEqual({ address: false, port: true });
    expect(readChange(Uint8Array.of(2))).toBeNull();
    const ask = { noChecksum: true, dontFragment: false, report: true, answerBytes: 1480 };
    expect(Buffer.from(askValue(ask, 6)).toString('hex')).toBe('050005c80000');
    expect(readAsk(askValue(ask, 100))).toEqual(ask);
    expect(readAsk(Uint8Array.of(1, 0, 0))).toBeNull();
    const seen = { datagramBytes: 128, pathMtu: 1480, sendMss: 1440, announcedMss: 1460 };
    expect(Buffer.from(seenValue(seen)).toString('hex')).toBe('008005c805a005b4');
    expect(readSeen(seenValue(seen))).toEqual(seen);
    expect(readSeen(new Uint8Array(7))).toBeNull();
    expect(readPort(Uint8Array.of(0x0d, 0x97, 0, 0))).toBe(3479);
    expect(readPort(new Uint8Array(4))).toBeNull();
  });

  test('ERROR-CODE and UNKNOWN-ATTRIBUTES', () => {
    expect(Buffer.from(errorValue(420, '')).toString('hex')).toBe('00000414');
    expect(readError(errorValue(420, 'Unknown Attribute'))).toBe(420);
    expect(readError(Uint8Array.of(0, 0, 7, 0))).toBeNull();
    expect([...unknownValue([0x0027, 0x0003])]).toEqual([0, 0x27, 0, 3]);
  });
});

describe('a stream', () => {
  const first = writeStun(request());
  const second = writeStun(request([{ type: 0x8022, value: new Uint8Array(8) }]));

  test('is parted however it is cut', () => {
    const all = Buffer.concat([first, second, first]);
    for (const step of [1, 7, 19, 20, 21, 64, 200]) {
      const frames = createFrames(100);
      const lengths: (number | undefined)[] = [];
      for (let at = 0; at < all.length; at += step) {
        for (const message of frames.take(all.subarray(at, at + step)) ?? [undefined]) lengths.push(message?.length);
      }
      expect(lengths).toEqual([20, 32, 20]);
    }
  });

  test('ends at what is no STUN, and at what is too long', () => {
    expect(createFrames(100).take(Buffer.from('GET / HTTP/1.1\r\n\r\n....'))).toBeNull();
    expect(createFrames(31).take(second)).toBeNull();
  });
});
