/** UPDATEs as they are received: what is understood, and what RFC 7606 makes of the rest. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeNotification } from '../../../src/bgp-lite/bgp/notification.js';
import { decodeUpdate, type Update, type UpdateContext } from '../../../src/bgp-lite/bgp/update.js';
import { body, bytes, toHex, vectors } from './rig.js';

const EXTERNAL: UpdateContext = { internal: false, as4: true, families: [4, 6] };
const INTERNAL: UpdateContext = { ...EXTERNAL, internal: true };
const AS2: UpdateContext = { ...EXTERNAL, as4: false };

const NLRI = '18c63364';
const ORIGIN = '40010100';
const PATH = '40020602010000fde9';
const HOP = '400304c0000201';

/** Body of an UPDATE from the hex of its attributes and NLRI. */
function updateOf(attributes: string, nlri = NLRI, withdrawn = ''): Uint8Array {
  const part = (hex: string) => (hex.replaceAll(' ', '').length / 2).toString(16).padStart(4, '0') + hex;
  return bytes(part(withdrawn) + part(attributes) + nlri);
}

function read(octets: Uint8Array, context = EXTERNAL): Update {
  const result = decodeUpdate(octets, context);
  if ('reset' in result) throw new Error(result.reason);
  return result.update;
}

/** `reset CODE…`, `withdraw`, `discard` or `fine`. */
function verdict(octets: Uint8Array, context = EXTERNAL): string {
  const result = decodeUpdate(octets, context);
  if ('reset' in result) return `reset ${toHex(encodeNotification(result.reset)).slice(38)}`;
  if (result.update.treatAsWithdraw !== null) return 'withdraw';
  return result.update.discarded.length > 0 ? 'discard' : 'fine';
}

const classic = (extra: string) => updateOf(ORIGIN + PATH + HOP + extra);

describe('understood', () => {
  test('BGP-UPD-01, -03 origin, path, next hop and prefix', () => {
    const update = read(body('update-ipv4-ebgp'));
    expect(update.reachable).toEqual([{ family: 4, nextHop: bytes('c0000201'), nlri: ['\x18\xc6\x33\x64'] }]);
    expect(update.attributes.origin).toBe(0);
    expect(update.attributes.asPath).toEqual([{ type: 2, asns: [65001] }]);
    expect(update.treatAsWithdraw).toBeNull();
  });

  test('BGP-COM-01, -02 MED and communities of both kinds', () => {
    const { attributes, reachable } = read(body('update-ipv4-med-comms'));
    expect(attributes.med).toBe(50);
    expect(attributes.communities).toEqual([0xfde90064, 0xffffff01]);
    expect(attributes.largeCommunities).toEqual([[4200000001, 1, 2]]);
    expect(reachable[0]?.nlri).toEqual(['\x19\xc6\x33\x64\x00', '\x20\xcb\x00\x71\x07']);
  });

  test('BGP-MP-02, -05 MP_REACH_NLRI with a global next hop, and with a link-local one beside it', () => {
    const nlri = ['\x60\x20\x01\x0d\xb8\x00\x64\x00\x00\x00\x00\x00\x00'];
    const nextHop = bytes('20010db8000100000000000000000001');
    expect(read(body('update-ipv6-nsp')).reachable).toEqual([{ family: 6, nextHop, nlri }]);
    expect(read(body('update-ipv6-wkp-ll')).reachable[0]?.nextHop).toHaveLength(32);
  });

  test('BGP-MP-09 the length tells the family of the next hop of IPv4 routes', () => {
    const [reach] = read(body('update-ipv4-over-ipv6-nexthop')).reachable;
    expect(reach).toEqual({
      family: 4,
      nextHop: bytes('20010db8000100000000000000000001'),
      nlri: ['\x18\xc6\x33\x64'],
    });
    const hop4 = '800e0d 0001 01 04 c0000201 00 18c63364'.replaceAll(' ', '');
    expect(read(updateOf(hop4 + ORIGIN + PATH, '')).reachable[0]?.nextHop).toEqual(bytes('c0000201'));
  });

  test('BGP-UPD-12 withdrawals of both families', () => {
    expect(read(body('withdraw-ipv4')).withdrawn).toEqual([{ family: 4, nlri: ['\x18\xc6\x33\x64'] }]);
    expect(read(body('withdraw-ipv6')).withdrawn).toEqual([
      { family: 6, nlri: ['\x60\x20\x01\x0d\xb8\x00\x64\x00\x00\x00\x00\x00\x00'] },
    ]);
  });

  test('BGP-GR-02 End-of-RIB in its three forms', () => {
    expect(read(body('end-of-rib-ipv4')).endOfRib).toBe(4);
    expect(read(body('end-of-rib-ipv6')).endOfRib).toBe(6);
    expect(read(updateOf('800f03000101', '')).endOfRib).toBe(4);
    expect(read(body('update-ipv4-ebgp')).endOfRib).toBeNull();
    expect(read(updateOf(`800f03000201${ORIGIN}`, '')).endOfRib).toBeNull();
  });

  test('BGP-UPD-01 spare bits of a prefix are irrelevant', () => {
    expect(read(classicWith('14c6336f')).reachable[0]?.nlri).toEqual(['\x14\xc6\x33\x60']);
    expect(read(classicWith('00')).reachable[0]?.nlri).toEqual(['\x00']);
  });

  test('BGP-UPD-02 extended length for a short value, and the low four bits', () => {
    expect(verdict(updateOf(`5001000100${PATH}${HOP}`))).toBe('fine');
    expect(verdict(updateOf(`4f01 0100${PATH}${HOP}`.replace('4f01 0100', '4f010100')))).toBe('fine');
  });

  test('BGP-UPD-11 a prefix both withdrawn and announced is announced', () => {
    const update = read(updateOf(ORIGIN + PATH + HOP, NLRI, `${NLRI}18c63365`));
    expect(update.reachable[0]?.nlri).toEqual(['\x18\xc6\x33\x64']);
    expect(update.withdrawn).toEqual([{ family: 4, nlri: ['\x18\xc6\x33\x65'] }]);
  });

  test('BGP-MP-04 NEXT_HOP without classic NLRI is ignored', () => {
    const update = read(bytes(toHex(body('update-ipv6-nsp')).replace('00000032', '00000039') + HOP));
    expect(update.reachable).toHaveLength(1);
    expect(update.treatAsWithdraw).toBeNull();
  });

  test('BGP-ROLE-05 OTC is read', () => {
    expect(read(body('update-ipv6-otc')).attributes.otc).toBe(65001);
  });
});

const classicWith = (nlri: string) => updateOf(ORIGIN + PATH + HOP, nlri);

describe('malformed', () => {
  const EXPECTED: Record<string, string> = {
    'treat-as-withdraw': 'withdraw',
    'attribute-discard': 'discard',
    'discard-all-but-first': 'discard',
    'session-reset 3/1': 'reset 0301',
    'session-reset 3/10': 'reset 030a',
  };
  const IDS: Record<string, string> = {
    'origin-value-3': '-06',
    'origin-length-2': '-06',
    'missing-next-hop': '-05',
    'as-path-segment-len-0': '-08',
    'as-path-overrun': '-08',
    'med-length-3': '-06',
    'local-pref-from-ebgp': '-07',
    'atomic-aggregate-length-1': '-10',
    'aggregator-length-6-on-as4-session': '-10',
    'community-length-5': '-11',
    'large-community-length-8': '-11',
    'otc-length-2': '-18, BGP-ROLE-07',
    'origin-flags-optional': '-04',
    'duplicate-origin': '-13',
    'duplicate-mp-reach': '-13',
    'mp-reach-bad-nh-len': '-16',
    'ipv4-nlri-len-33': '-15',
    'total-attr-len-too-big': '-02',
    'attribute-overruns-total': '-03',
  };
  test.each(vectors.malformed_updates.map((one) => ({ ...one, id: `BGP-ERR${IDS[one.name]}` })))(
    '$id $name → $handling',
    ({ name, handling }) => {
      const found = verdict(body(name));
      if (name === 'mp-reach-bad-nh-len') expect(found).toMatch(/^reset 0309800e17/);
      else expect(found).toBe(EXPECTED[handling]);
    },
  );

  test('BGP-ERR-13 of two ORIGINs the first counts', () => {
    expect(read(body('duplicate-origin')).attributes.origin).toBe(0);
  });

  test('BGP-ERR-02 withdrawn routes that overrun the message → 3/1', () => {
    expect(verdict(bytes('0010 0000'))).toBe('reset 0301');
  });

  test('BGP-ERR-03 fewer than three octets left → treat-as-withdraw', () => {
    expect(verdict(classic('4005'))).toBe('withdraw');
    expect(verdict(classic('500500'))).toBe('withdraw');
  });

  test.each([
    ['ORIGIN', PATH + HOP],
    ['AS_PATH', ORIGIN + HOP],
    ['NEXT_HOP', ORIGIN + PATH],
  ])('BGP-ERR-05 without %s → treat-as-withdraw', (_, attributes) => {
    expect(verdict(updateOf(attributes))).toBe('withdraw');
  });

  test('BGP-ERR-05, BGP-MP-03 MP_REACH_NLRI without AS_PATH → treat-as-withdraw', () => {
    const reach = '800e14 0002 01 10 20010db8000000000000000000000001 00 00'
      .replace(/ /g, '')
      .replace('800e14', '800e16');
    expect(verdict(updateOf(reach + ORIGIN, ''))).toBe('withdraw');
    expect(verdict(updateOf(reach + ORIGIN + PATH, ''))).toBe('fine');
  });

  test('BGP-ERR-05 an internal UPDATE without LOCAL_PREF → treat-as-withdraw', () => {
    expect(verdict(updateOf(ORIGIN + PATH + HOP), INTERNAL)).toBe('withdraw');
    expect(verdict(body('update-ipv4-ibgp'), INTERNAL)).toBe('fine');
  });

  test('BGP-ERR-06 LOCAL_PREF of 3 octets from an internal neighbour → treat-as-withdraw', () => {
    expect(verdict(classic('400503000064'), INTERNAL)).toBe('withdraw');
  });

  test('BGP-ERR-06 NEXT_HOP of 5 octets → treat-as-withdraw', () => {
    expect(verdict(updateOf(`${ORIGIN}${PATH}400305c000020100`))).toBe('withdraw');
  });

  test('BGP-ERR-07 LOCAL_PREF from an external neighbour, whatever is in it', () => {
    expect(verdict(classic('4005020064'))).toBe('discard');
    expect(read(classic('40050400000064')).attributes.localPref).toBeNull();
  });

  test.each([
    ['an unknown segment', '400206 0501 0000fde9'],
    ['a confederation segment', '400206 0301 0000fde9'],
    ['a single octet left', '400207 0201 0000fde9 02'],
    ['AS 0', '400206 0201 00000000'],
  ])('BGP-ERR-08 AS_PATH with %s → treat-as-withdraw', (_, path) => {
    expect(verdict(updateOf(ORIGIN + path.replaceAll(' ', '') + HOP))).toBe('withdraw');
  });

  test('BGP-ERR-08 the width of AS numbers is the negotiated one', () => {
    expect(verdict(updateOf(`${ORIGIN}4002040201fde9${HOP}`), AS2)).toBe('fine');
    expect(verdict(updateOf(`${ORIGIN}4002040201fde9${HOP}`))).toBe('withdraw');
  });

  test('BGP-ERR-10 AGGREGATOR of 6 octets where one side has 2-octet numbers', () => {
    const path = `${ORIGIN}4002040201fde9${HOP}`;
    expect(verdict(updateOf(`${path}c00706fde9c0000201`), AS2)).toBe('fine');
    expect(verdict(updateOf(`${path}c007080000fde9c0000201`), AS2)).toBe('discard');
  });

  test('BGP-ERR-11, -19 communities of no or odd length → treat-as-withdraw', () => {
    for (const attribute of ['c00800', 'c0100400000000', 'c01000', 'c02000']) {
      expect(verdict(classic(attribute))).toBe('withdraw');
    }
    expect(verdict(classic('c010080000000000000000'))).toBe('fine');
  });

  test('BGP-ERR-12 ORIGINATOR_ID and CLUSTER_LIST: discarded from outside, judged from inside', () => {
    expect(verdict(classic('800904c0000201'))).toBe('discard');
    expect(verdict(classic('800a00'))).toBe('discard');
    const inside = (extra: string) => verdict(classic(`40050400000064${extra}`), INTERNAL);
    expect(inside('800904c0000201')).toBe('fine');
    expect(inside('800903c00002')).toBe('withdraw');
    expect(inside('800a00')).toBe('withdraw');
    expect(inside('800a04c0000201')).toBe('fine');
  });

  test('BGP-ERR-13 MP_UNREACH_NLRI twice → 3/1', () => {
    expect(verdict(updateOf('800f03000201800f03000201', ''))).toBe('reset 0301');
  });

  test('BGP-ERR-14 the strongest of several faults counts', () => {
    expect(verdict(updateOf(`40010103${PATH}${HOP}40060101`))).toBe('withdraw');
    expect(verdict(updateOf(`40010103${PATH}${HOP}`, '21c633640000'))).toBe('reset 030a');
    expect(verdict(updateOf(`40010103${PATH}${HOP}40c80100`))).toBe('reset 030240c80100');
  });

  test('BGP-ERR-15 prefixes that cannot be read: 3/10 for classic fields, 3/9 for the others', () => {
    expect(verdict(updateOf('', '', '21c633640000'))).toBe('reset 030a');
    expect(verdict(updateOf('', '', '18c633'))).toBe('reset 030a');
    expect(verdict(updateOf('800f0500020181ff', ''))).toBe('reset 0309800f0500020181ff');
    expect(verdict(updateOf('800f05000201 10ff'.replace(' ', ''), ''))).toBe('reset 0309800f0500020110ff');
  });

  test('BGP-ERR-16 multiprotocol attributes that are too short or have wrong flags', () => {
    expect(verdict(updateOf('800e0400020100', ''))).toBe('reset 0309800e0400020100');
    expect(verdict(updateOf('800f020002', ''))).toBe('reset 0309800f020002');
    expect(verdict(updateOf('c00f03000201', ''))).toBe('reset 0304c00f03000201');
  });

  test('BGP-ERR-17 a fault stronger than discard without any prefix → session reset', () => {
    expect(verdict(updateOf('40010103', ''))).toBe('reset 0306');
    expect(verdict(updateOf('40060101', ''))).toBe('discard');
  });

  test('BGP-ERR-20 unknown attributes: optional ones are passed over, others → 3/2 with the attribute', () => {
    expect(verdict(classic('c0c80100'))).toBe('fine');
    expect(verdict(classic('80c80100'))).toBe('fine');
    expect(verdict(classic('40c80100'))).toBe('reset 030240c80100');
  });

  test('BGP-ERR-24 a family that was not agreed on is ignored', () => {
    expect(verdict(updateOf(`800e0a00194604c00002010001${ORIGIN}${PATH}`, ''))).toBe('discard');
    const only4: UpdateContext = { ...EXTERNAL, families: [4] };
    expect(verdict(body('update-ipv6-nsp'), only4)).toBe('discard');
    const result = decodeUpdate(body('update-ipv6-nsp'), only4);
    expect('update' in result && result.update.reachable).toEqual([]);
  });
});

describe('4-octet AS numbers', () => {
  const path = (as2: string, extra: string) => updateOf(`${ORIGIN}${as2}${HOP}${extra}`);
  const asns = (octets: Uint8Array, context = AS2) =>
    read(octets, context).attributes.asPath?.flatMap((one) => one.asns);

  test('BGP-AS4-04 AS4_PATH between two that have them is discarded', () => {
    const octets = classic('c011060201fa56ea01');
    expect(verdict(octets)).toBe('discard');
    expect(asns(octets, EXTERNAL)).toEqual([65001]);
    expect(verdict(classic('c012080000fde9c0000201'))).toBe('discard');
  });

  test('BGP-AS4-06 the surplus of AS_PATH stands before AS4_PATH', () => {
    expect(asns(path('4002080203000100025ba0', 'c011060201 00011170'.replace(' ', '')))).toEqual([1, 2, 70000]);
    expect(asns(body('update-ipv4-ebgp-2octet-peer'))).toEqual([4200000001]);
  });

  test('BGP-AS4-06 AS_PATH shorter than AS4_PATH → AS4_PATH is ignored', () => {
    expect(asns(path('40020402015ba0', 'c0110a02020001117000011171'))).toEqual([23456]);
  });

  test('BGP-AS4-06 an AGGREGATOR that is not AS_TRANS → AS4_PATH is ignored', () => {
    const as4Path = 'c0110602010001 1170'.replace(' ', '');
    expect(asns(path('40020402015ba0', `c00706fde9c0000201${as4Path}`))).toEqual([23456]);
    expect(asns(path('40020402015ba0', `c007065ba0c0000201${as4Path}`))).toEqual([70000]);
  });

  test('BGP-AS4-07 a malformed AS4_PATH or AS4_AGGREGATOR is discarded', () => {
    const octets = path('40020402015ba0', 'c011050201000111');
    expect(verdict(octets, AS2)).toBe('discard');
    expect(asns(octets)).toEqual([23456]);
    expect(verdict(path('40020402015ba0', 'c0110602020001 1170'.replace(' ', '')), AS2)).toBe('discard');
    expect(verdict(path('40020402015ba0', 'c0120400000001'), AS2)).toBe('discard');
  });
});

test('no UPDATE makes the decoder throw, and none yields more than it has room for', () => {
  const seeds = [
    ...vectors.messages.filter(({ name }) => /update|withdraw|rib/.test(name)),
    ...vectors.malformed_updates,
  ];
  const mutated = fc
    .tuple(fc.constantFrom(...seeds.map(({ name }) => body(name))), fc.array(fc.tuple(fc.nat(120), fc.nat(255))))
    .map(([seed, edits]) => {
      const octets = Uint8Array.from(seed);
      for (const [at, value] of edits) octets[at % octets.length] = value;
      return octets;
    });
  const context = fc.constantFrom(EXTERNAL, INTERNAL, AS2);
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ minLength: 4, maxLength: 500 })), context, (octets, given) => {
      const result = decodeUpdate(octets, given);
      if ('reset' in result) {
        expect(result.reset.code).toBe(3);
        return;
      }
      const { reachable, withdrawn } = result.update;
      const count = [...reachable, ...withdrawn].reduce((sum, { nlri }) => sum + nlri.length, 0);
      expect(count).toBeLessThanOrEqual(octets.length);
    }),
    { numRuns: 5000 },
  );
});
