/** What of a configuration this announcer refuses, before anything is opened. */
import type { OspfAuthentication, OspfConfig, OspfInterfaceConfig } from '../../config/announce.js';
import { parseIdentifier } from './codec/identifier.js';
import { MAX_EXTERNAL_METRIC, MAX_LINK_METRIC } from './codec/numbers.js';

/** One sentence for each fault; none for a configuration that can be used. */
export function ospfProblems(routerId: string, config: OspfConfig): string[] {
  const problems: string[] = [];
  if ((parseIdentifier(routerId) ?? 0) === 0) {
    problems.push(`routerId: found "${routerId}", expected a dotted number other than 0.0.0.0`);
  }
  const areas = new Map(config.areas.map(({ id, type }) => [id, type]));
  for (const [id, type] of areas) {
    if (parseIdentifier(id) === null) problems.push(`area ${id}: expected a dotted number`);
    if (id === '0.0.0.0' && type !== 'normal')
      problems.push('area 0.0.0.0 is the backbone and cannot be of another type');
    if (type === 'stub' && config.as !== 'stub') {
      problems.push(`area ${id} is a stub area, which takes no external routes: announce as "stub"`);
    }
  }
  const most = config.as === 'stub' ? MAX_LINK_METRIC : MAX_EXTERNAL_METRIC;
  for (const key of ['metric', 'loweredMetric'] as const) {
    if (!isWithin(config[key], 0, most)) problems.push(`${key}: found ${config[key]}, expected 0..${most}`);
  }
  const names = new Set<string>();
  for (const one of config.interfaces) {
    if (names.has(one.name)) problems.push(`interface ${one.name} is there twice`);
    names.add(one.name);
    if (!areas.has(one.area)) problems.push(`interface ${one.name}: there is no area ${one.area}`);
    problems.push(...interfaceProblems(one).map((problem) => `interface ${one.name}: ${problem}`));
  }
  return problems;
}

const isWithin = (value: number, least: number, most: number): boolean =>
  Number.isInteger(value) && value >= least && value <= most;

function interfaceProblems(one: OspfInterfaceConfig): string[] {
  const problems: string[] = [];
  const expect = (key: keyof OspfInterfaceConfig, least: number, most: number) => {
    const value = one[key];
    if (typeof value === 'number' && !isWithin(value, least, most)) {
      problems.push(`${key}: found ${value}, expected ${least}..${most}`);
    }
  };
  expect('cost', 1, MAX_LINK_METRIC);
  expect('helloSeconds', 1, 65_535);
  expect('deadSeconds', 2, 65_535);
  expect('retransmitSeconds', 1, 3600);
  expect('transmitDelaySeconds', 1, 3599);
  expect('instanceId', 0, 255);
  expect('priority', 0, 255);
  if (one.deadSeconds <= one.helloSeconds) problems.push('deadSeconds must be above helloSeconds');
  problems.push(...authenticationProblems(one.authentication2, 2), ...authenticationProblems(one.authentication3, 3));
  return problems;
}

function authenticationProblems(authentication: OspfAuthentication, version: 2 | 3): string[] {
  if (authentication.type === 'none') return [];
  if (authentication.type === 'simple') {
    if (version === 3) return ['authentication of OSPFv3 has no simple password (RFC 7166)'];
    return Buffer.byteLength(authentication.password) > 8 ? ['a simple password has at most 8 octets'] : [];
  }
  if (authentication.keys.length === 0) return ['cryptographic authentication needs a key'];
  return authentication.keys.flatMap((key) => {
    const problems: string[] = [];
    const most = version === 2 ? 255 : 65_535;
    if (!isWithin(key.id, 0, most)) problems.push(`key ID ${key.id}: expected 0..${most}`);
    if (key.key === '') problems.push(`key ${key.id} is empty`);
    if (version === 3 && key.algorithm === 'md5') problems.push('authentication of OSPFv3 has no MD5 (RFC 7166)');
    if (key.algorithm === 'md5' && Buffer.byteLength(key.key) > 16)
      problems.push(`MD5 key ${key.id} has at most 16 octets`);
    return problems;
  });
}
