import { describe, expect, test } from 'vitest';
import { announceable } from '../../../src/bgp-lite/announce.js';
import { ospfProblems } from '../../../src/bgp-lite/ospf/check.js';
import { knownPrefix } from '../../../src/config/address.js';
import type { OspfConfig, OspfInterfaceConfig } from '../../../src/config/announce.js';
import { configOf } from './network.js';

const problems = (over: Partial<OspfConfig>, iface: Partial<OspfInterfaceConfig> = {}, routerId = '192.0.2.1') =>
  ospfProblems(routerId, configOf(1, over, iface));

describe('configurations', () => {
  test('OSPF-HELLO-02, OSPF-V3-13 one with the default timers can be used', () => {
    expect(problems({})).toEqual([]);
  });

  test('OSPF-HELLO-08 a priority that no octet holds is refused', () => {
    expect(problems({}, { priority: 256 })).toEqual(['interface eth0: priority: found 256, expected 0..255']);
    expect(problems({}, { priority: 255 })).toEqual([]);
  });

  test.each(['0.0.0.0', '', '2001:db8::1', '192.0.2.256'])(
    'OSPF-HELLO-13, OSPF-V3-14 the router ID "%s" is refused',
    (id) => {
      expect(problems({}, {}, id)).toEqual([`routerId: found "${id}", expected a dotted number other than 0.0.0.0`]);
    },
  );

  test.each([
    [{ as: 'external-2', metric: 0xffffff }, 'metric: found 16777215, expected 0..16777214'],
    [{ as: 'external-1', loweredMetric: 0xffffff }, 'loweredMetric: found 16777215, expected 0..16777214'],
    [{ as: 'stub', metric: 65_536 }, 'metric: found 65536, expected 0..65535'],
  ] as const)('OSPF-LSA-22, -19 %o', (over, problem) => {
    expect(problems(over)).toEqual([problem]);
  });

  test('OSPF-LSA-22, -19 the largest and smallest metrics can be used', () => {
    expect(problems({ as: 'external-2', metric: 0xfffffe })).toEqual([]);
    expect(problems({ as: 'stub', metric: 0 })).toEqual([]);
  });

  test('OSPF-LSA-24 externals and a stub area are refused', () => {
    const areas: OspfConfig['areas'] = [{ id: '0.0.0.1', type: 'stub' }];
    expect(problems({ areas, as: 'external-2' }, { area: '0.0.0.1' })).toEqual([
      'area 0.0.0.1 is a stub area, which takes no external routes: announce as "stub"',
    ]);
    expect(problems({ areas, as: 'stub' }, { area: '0.0.0.1' })).toEqual([]);
  });

  test.each([
    ['OSPF-LSA-19', { cost: 0 }, 'cost: found 0, expected 1..65535'],
    ['OSPF-HELLO-02', { transmitDelaySeconds: 0 }, 'transmitDelaySeconds: found 0, expected 1..3599'],
    ['OSPF-V3-06', { instanceId: 256 }, 'instanceId: found 256, expected 0..255'],
    ['dead not above hello', { deadSeconds: 10 }, 'deadSeconds must be above helloSeconds'],
  ])('%s %o is refused', (_, iface, problem) => {
    expect(problems({}, iface)).toEqual([`interface eth0: ${problem}`]);
  });

  test('passwords and keys that do not fit are refused', () => {
    const key = { id: 300, algorithm: 'md5', key: 'x'.repeat(17) } as const;
    const times = { sendFromMs: null, sendUntilMs: null, acceptFromMs: null, acceptUntilMs: null };
    const keys = { type: 'cryptographic', keys: [{ ...key, ...times }] } as const;
    expect(problems({}, { authentication2: { type: 'simple', password: 'ninechars' } })).toEqual([
      'interface eth0: a simple password has at most 8 octets',
    ]);
    expect(problems({}, { authentication2: keys as never })).toEqual([
      'interface eth0: key ID 300: expected 0..255',
      'interface eth0: MD5 key 300 has at most 16 octets',
    ]);
    expect(problems({}, { authentication3: keys as never })[0]).toContain('no MD5');
    expect(problems({}, { authentication3: { type: 'simple', password: 'x' } })[0]).toContain('no simple password');
  });

  test('OSPF-V3LSA-18 no part of the well-known prefix is announced', () => {
    expect(announceable([knownPrefix('64:ff9b::/96'), knownPrefix('64:ff9b::c000:200/120')])).toEqual(['64:ff9b::/96']);
  });
});
