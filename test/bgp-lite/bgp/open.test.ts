/** OPEN, its capabilities, and what two of them agree on. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Capabilities, describeCapabilities, noCapabilities } from '../../../src/bgp-lite/bgp/capability.js';
import { negotiate, ownCapabilities } from '../../../src/bgp-lite/bgp/negotiation.js';
import { encodeNotification, type Notification } from '../../../src/bgp-lite/bgp/notification.js';
import { decodeOpen, encodeOpen, encodeParameters, type OpenMessage } from '../../../src/bgp-lite/bgp/open.js';
import type { BgpNeighborConfig } from '../../../src/config/announce.js';
import { AS4, body, bytes, MP4, MP6, neighbor, openOf, toHex, vector, vectors } from './rig.js';

const OWN_ID = 0xc0000202;
const NO_RESTART = { restarted: false, listFamilies: false, restartTimeSeconds: 90 };
const notice = (found: Notification) => toHex(encodeNotification(found)).slice(38);

function decode(hex: string): OpenMessage {
  const open = decodeOpen(bytes(hex).subarray(19));
  if ('code' in open) throw new Error(notice(open));
  return open;
}

/** The NOTIFICATION for an OPEN, or null. */
function refusal(hex: string, config: Partial<BgpNeighborConfig> = {}, identifier = OWN_ID): string | null {
  const open = decodeOpen(bytes(hex).subarray(19));
  if ('code' in open) return notice(open);
  const settings = neighbor(config);
  const result = negotiate(open, settings, identifier, ownCapabilities(settings, NO_RESTART));
  return 'code' in result ? notice(result) : null;
}

function agreed(hex: string, config: Partial<BgpNeighborConfig> = {}) {
  const settings = neighbor(config);
  const result = negotiate(decode(hex), settings, OWN_ID, ownCapabilities(settings, NO_RESTART));
  if ('code' in result) throw new Error(notice(result));
  return result;
}

describe('fields', () => {
  test('BGP-OPEN-01 version, AS, hold time, identifier, no parameters', () => {
    expect(decode(vector('open-minimal-as65001'))).toEqual({
      as2: 65001,
      holdTimeSeconds: 90,
      identifier: 0xc0000201,
      capabilities: noCapabilities(),
    });
    const own = { localAs: 65001, holdTimeSeconds: 90, identifier: 0xc0000201, capabilities: null };
    expect(toHex(encodeOpen(own))).toBe(vector('open-minimal-as65001'));
  });

  test('BGP-OPEN-02 the lower hold time counts', () => {
    expect(agreed(openOf(AS4, { hold: '001e' })).holdTimeSeconds).toBe(30);
    expect(agreed(openOf(AS4, { hold: '00b4' })).holdTimeSeconds).toBe(90);
    expect(agreed(openOf(AS4, { hold: '0003' })).holdTimeSeconds).toBe(3);
    expect(agreed(openOf(AS4, { hold: '0000' })).holdTimeSeconds).toBe(0);
  });

  test.each(vectors.messages.filter(({ expect_notification }) => expect_notification !== undefined))(
    'BGP-OPEN-03, -07, -08, -09 $name → $expect_notification',
    ({ hex, expect_notification }) => {
      expect(refusal(hex)).toBe(expect_notification);
    },
  );

  test('BGP-OPEN-08 another AS than the configured one → 2/2', () => {
    expect(refusal(openOf('4104 0000fdea'))).toBe('0202');
    expect(refusal(openOf('', { as: 'fdea' }))).toBe('0202');
  });

  test('BGP-OPEN-09 the own identifier from an internal neighbour → 2/3, from an external one it is accepted', () => {
    const open = openOf(AS4, { id: 'c0000202' });
    expect(refusal(open, { localAs: 65001 })).toBe('0203');
    expect(refusal(open)).toBeNull();
  });

  test('BGP-OPEN-09 an identifier that is no address is legal', () => {
    expect(refusal(openOf(AS4, { id: 'ffffffff' }))).toBeNull();
  });

  test('BGP-AS4-02, BGP-OPEN-20, BGP-AS4-01, BGP-MP-01, BGP-MP-07, BGP-ROLE-01 an OPEN with all that is offered', () => {
    const capabilities: Capabilities = {
      families: [4, 6],
      routeRefresh: true,
      enhancedRefresh: true,
      extendedNextHop: true,
      gracefulRestart: { restarted: false, notification: true, restartTimeSeconds: 120, families: [] },
      as4: 4200000001,
      roles: [3],
      unknown: [],
    };
    const own = { localAs: 4200000001, holdTimeSeconds: 90, identifier: 0xc0000201, capabilities };
    expect(toHex(encodeOpen(own))).toBe(vector('open-full-as4200000001'));
    expect(decode(vector('open-full-as4200000001')).capabilities).toEqual(capabilities);
  });

  test('BGP-OPEN-20 capabilities of a neighbour with everything configured', () => {
    const config = neighbor({ extendedNextHop: true, role: 'customer', restartTimeSeconds: 90 });
    expect(ownCapabilities(config, NO_RESTART)).toEqual({
      families: [4, 6],
      routeRefresh: true,
      enhancedRefresh: true,
      extendedNextHop: true,
      gracefulRestart: { restarted: false, notification: true, restartTimeSeconds: 90, families: [] },
      as4: 65002,
      roles: [3],
      unknown: [],
    });
  });
});

describe('parameters', () => {
  test('BGP-OPEN-10 an unknown parameter → 2/4', () => {
    expect(refusal(`${'ff'.repeat(16)}0021 01 04 fde9 005a c0000201 04 0302 0000`)).toBe('0204');
  });

  test.each([
    ['a parameter that overruns', '04 0206 0104'],
    ['a capability that overruns', '04 0202 0104'],
    ['a total that disagrees', '05 0202 0200'],
    ['half a capability', '03 0201 02'],
    ['a multiprotocol capability of 3 octets', '07 0205 0103 000100'],
    ['AS numbers of 2 octets', '06 0204 4102 fde9'],
  ])('BGP-OPEN-10 %s → 2/0', (_, parameters) => {
    expect(refusal(`${'ff'.repeat(16)}0000 01 04 fde9 005a c0000201 ${parameters}`)).toBe('0200');
  });

  test('BGP-OPEN-11 capabilities in several parameters are one set', () => {
    expect(decode(vector('open-two-parameters')).capabilities).toEqual({
      ...noCapabilities(),
      families: [6],
      as4: 65001,
    });
  });

  test('BGP-OPEN-11 sent in one parameter', () => {
    expect(toHex(encodeParameters(bytes('0200 4600')))).toBe('06020402004600');
  });

  test('BGP-OPEN-12 unknown capabilities are no reason to close', () => {
    expect(refusal(openOf(`c803 010203 ${AS4}`))).toBeNull();
    expect(decode(openOf('c800')).capabilities.unknown).toEqual([200]);
  });

  test('BGP-OPEN-13 a capability twice counts once', () => {
    expect(refusal(openOf(`0200 0200 ${MP4} ${MP4} ${AS4} ${AS4}`))).toBeNull();
    expect(decode(openOf(`${MP4} ${MP4}`)).capabilities.families).toEqual([4]);
  });

  test('BGP-OPEN-15 no family in common → 2/7 with the capabilities wanted', () => {
    expect(refusal(openOf(`${MP4} ${AS4}`), { families: [6] })).toBe('0207010400020001');
    expect(refusal(openOf(AS4), { families: [6] })).toBe(vector('notify-unsupported-capability').slice(38));
  });

  test('BGP-OPEN-15 a missing capability that is optional is none', () => {
    expect(refusal(openOf(''), { extendedNextHop: true, role: 'customer' })).toBeNull();
  });

  test('BGP-OPEN-16, -17 the long form is read, also where the short one would do', () => {
    expect(decode(vector('open-extended-length')).capabilities.families).toEqual([6]);
    const short = `${'ff'.repeat(16)}0000 01 04 fde9 005a c0000201 11 ff 0009 02 0006 0104 0002 0001`;
    expect(decode(short).capabilities.families).toEqual([6]);
  });

  test('BGP-OPEN-16 the long form is sent for more than 255 octets', () => {
    expect(toHex(encodeParameters(new Uint8Array(254))).slice(0, 14)).toBe('ffff0101020' + '0fe');
  });

  test('BGP-OPEN-18 the short form is sent as long as it fits', () => {
    expect(toHex(encodeParameters(new Uint8Array(253))).slice(0, 6)).toBe('ff02fd');
    expect(vector('open-full-as4200000001').slice(56, 58)).toBe('27');
  });

  test('BGP-OPEN-19 type 255 as second parameter → 2/4', () => {
    expect(refusal(`${'ff'.repeat(16)}0000 01 04 fde9 005a c0000201 08 0202 0200 ff02 0000`)).toBe('0204');
  });
});

describe('agreement', () => {
  test('BGP-OPEN-21 a family that one side did not name is not used', () => {
    expect(agreed(openOf(`${MP4} ${AS4}`)).families).toEqual([4]);
    expect(agreed(openOf(AS4)).families).toEqual([4]);
    expect(agreed(openOf(`${MP6} ${AS4}`)).families).toEqual([6]);
  });

  test('BGP-AS4-03 the AS of the capability counts, not My AS', () => {
    const open = openOf('4104 fa56ea02', { as: '5ba0' });
    expect(refusal(open, { remoteAs: 4200000002 })).toBeNull();
    expect(refusal(open, { remoteAs: 23456 })).toBe('0202');
  });

  test('BGP-AS4-03 without the capability My AS counts', () => {
    expect(agreed(openOf('')).as4).toBe(false);
    expect(refusal(openOf('', { as: '5ba0' }), { remoteAs: 4200000002 })).toBe('0202');
  });

  test.each([
    ['provider', '03'],
    ['customer', '00'],
    ['rs', '02'],
    ['rs-client', '01'],
    ['peer', '04'],
  ] as const)('BGP-ROLE-02 %s fits its counterpart and nothing else', (role, fitting) => {
    for (const sent of ['00', '01', '02', '03', '04', '05']) {
      expect(refusal(openOf(`0901 ${sent} ${AS4}`), { role })).toBe(sent === fitting ? null : '020b');
    }
  });

  test('BGP-ROLE-03 a neighbour without role is refused only in strict mode', () => {
    expect(refusal(openOf(AS4), { role: 'customer' })).toBeNull();
    expect(refusal(openOf(AS4), { role: 'customer', roleStrict: true })).toBe('020b');
  });

  test('BGP-ROLE-04 equal roles count as one, unequal ones → 2/11', () => {
    expect(refusal(openOf(`090100 090100 ${AS4}`), { role: 'customer' })).toBeNull();
    expect(refusal(openOf(`090100 090103 ${AS4}`), { role: 'customer' })).toBe('020b');
  });

  test('BGP-ROLE-01 an internal session has no role', () => {
    expect(ownCapabilities(neighbor({ role: 'peer', localAs: 65001 }), NO_RESTART).roles).toEqual([]);
    expect(refusal(openOf(`090103 ${AS4}`), { role: 'peer', localAs: 65001 })).toBeNull();
  });

  test('BGP-GR-03 flags, time and families of graceful restart', () => {
    expect(decode(vector('open-gr-restarted')).capabilities.gracefulRestart).toEqual({
      restarted: true,
      notification: true,
      restartTimeSeconds: 120,
      families: [
        { family: 4, forwarding: true },
        { family: 6, forwarding: true },
      ],
    });
    const own = { restarted: true, listFamilies: true, restartTimeSeconds: 120 };
    const hex = toHex(encodeOpen({ ...decoded, capabilities: ownCapabilities(neighbor(), own) }));
    expect(hex).toContain('400ac0780001018000020180');
  });

  test('BGP-GR-03 unknown bits are ignored', () => {
    expect(decode(openOf('4006 3078 0001017f')).capabilities.gracefulRestart).toEqual({
      restarted: false,
      notification: false,
      restartTimeSeconds: 120,
      families: [{ family: 4, forwarding: false }],
    });
  });
});

const decoded = { localAs: 65002, holdTimeSeconds: 90, identifier: OWN_ID };

test('no OPEN makes the decoder throw', () => {
  const seeds = vectors.messages.filter(({ name }) => name.startsWith('open')).map(({ name }) => body(name));
  const mutated = fc
    .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(80), fc.nat(255))))
    .map(([seed, edits]) => {
      const octets = Uint8Array.from(seed);
      for (const [at, value] of edits) octets[at % octets.length] = value;
      return octets;
    });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ minLength: 10, maxLength: 300 })), (octets) => {
      const open = decodeOpen(octets);
      if ('code' in open) expect(open.code).toBe(2);
      else expect(describeCapabilities(open.capabilities).length).toBeLessThan(100);
    }),
    { numRuns: 2000 },
  );
});
