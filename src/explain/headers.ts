/** Network header and size: traffic class, hop limit, extension headers, DF and fragments, MTU arithmetic. */
import type { CoreConfig } from '../native/addon.js';
import { EXTENSION_HEADERS } from './names.js';
import { bytes, isHairpin, type Observation, rfc7915, type Step, step, type Translated } from './observation.js';
import type { Packet } from './packet.js';

/** How the header of a translated packet came about. */
export function headerSteps(seen: Translated): Step[] {
  const steps = [...trafficClass(seen), ...hopLimit(seen), ...skipped(seen.before)];
  if (!isHairpin(seen)) steps.push(fragmentation(seen));
  return steps;
}

/** A field that has another name in IPv4. */
const named = (name4: string, family: 4 | 6, value: number): string =>
  family === 4 ? `${name4} ${value}` : `${value}`;

function trafficClass({ before, after, config }: Translated): Step[] {
  const set = after.family === 4 ? config.tos : config.trafficClass;
  const why = set === null ? 'copied' : 'as configured';
  const from = named('TOS', before.family, before.trafficClass);
  const text = `${from} becomes ${named('TOS', after.family, after.trafficClass)}, ${why}`;
  const steps = [step('traffic class', text, rfc7915(before, '1'))];
  if (before.flowLabel !== 0 && after.family === 4) {
    steps.push(step('flow label', `${before.flowLabel} is left out: IPv4 has none`, rfc7915(before, '1')));
  }
  return steps;
}

function hopLimit({ before, after }: Translated): Step[] {
  const text = `${named('TTL', before.family, before.hopLimit)} becomes ${named('TTL', after.family, after.hopLimit)}`;
  return [step('hop limit', text, rfc7915(before, '1'))];
}

/** Headers that the other family does not have. */
function skipped(before: Packet): Step[] {
  const steps = before.extensions.map(({ protocol, length }) => {
    const name = EXTENSION_HEADERS.get(protocol) ?? 'extension';
    return step('extension', `${name} header (${bytes(length)}) is left out: IPv4 has none`, rfc7915(before, '1'));
  });
  if (before.optionsLength > 0) {
    steps.push(step('options', `${bytes(before.optionsLength)} of IPv4 options are left out`, rfc7915(before, '1')));
  }
  return steps;
}

function fragmentation(seen: Translated): Step {
  const { before, after, pieces } = seen;
  if (before.family === 6) {
    if (before.fragment !== null) {
      const kept = after.identification === (before.identification & 0xffff);
      const identification = kept ? `its low 16 bits, ${after.identification},` : `${after.identification}`;
      const text = `the Fragment Header (identification ${before.identification}) becomes DF 0 with ${identification} as identification`;
      return step('fragments', text, 'RFC 7915 §5.1.1');
    }
    const of = `${bytes(totalLength(seen))} of IPv4`;
    const example = `identification ${after.identification} is an example`;
    if (after.dontFragment) return step('fragments', `${of}, more than 1260: DF is set`, 'RFC 7915 §5.1');
    const why = pieces.length > 1 ? 'cut here' : 'at most 1260';
    return step('fragments', `${of}, ${why}: DF is 0, ${example}`, 'RFC 7915 §5.1');
  }
  if (before.fragment !== null) {
    const text = `the fragment gets a Fragment Header, identification ${after.identification}, offset ${after.fragment?.offset ?? 0}`;
    return step('fragments', text, 'RFC 7915 §4.1');
  }
  if (pieces.length > 1) {
    return step(
      'fragments',
      `DF is not set: Fragment Headers, identification ${after.identification}`,
      'RFC 7915 §4.1',
    );
  }
  return step(
    'fragments',
    `DF is ${before.dontFragment ? '' : 'not '}set, no fragment: no Fragment Header`,
    'RFC 7915 §4.1',
  );
}

/** Length of the translated packet before it was cut, bytes. */
function totalLength({ after, pieces }: Translated): number {
  const header = pieces.length > 1 && after.family === 6 ? 40 : after.payloadOffset;
  return pieces.reduce((sum, { payloadLength }) => sum + payloadLength, header);
}

/** What the length became, what limits it, and what followed; also of a packet that was too long. */
export function sizeSteps(seen: Observation): Step[] {
  const { before, after, pieces, config } = seen;
  // ICMP errors are cut to a size of their own.
  if (before.transport?.kind === 'icmp' && before.transport.error !== null) return [];
  if (after !== null && after.family === before.family) return [];
  const rule = rfc7915(before, '1');
  const [text, limit] = before.family === 6 ? sizeAsV4(before, config) : sizeAsV6(before, config);
  if (after === null) return [step('size', `${text}; ${limit}`, rule)];
  if (pieces.length > 1) {
    const lengths = pieces.map(({ length }) => length).join(', ');
    const cut = before.family === 6 ? 'RFC 7915 §5.1.1' : 'RFC 7915 §4';
    return [step('size', `${text}; ${limit}: cut in ${pieces.length} fragments of ${lengths} bytes`, cut)];
  }
  return [step('size', `${text}; ${limit}: sent whole`, rule)];
}

function sizeAsV4(before: Packet, { mtu4 }: CoreConfig): [string, string] {
  const headers = before.payloadOffset;
  const length = before.length - headers + 20;
  return [
    `${before.length} − ${headers} (IPv6 headers) + 20 (IPv4 header) = ${bytes(length)}`,
    `the IPv4 side carries ${mtu4}`,
  ];
}

function sizeAsV6(before: Packet, { mtu6, lowestIpv6Mtu }: CoreConfig): [string, string] {
  const fragment = before.fragment === null ? '' : ' + 8 (Fragment Header)';
  const length = before.length - before.payloadOffset + 40 + (fragment === '' ? 0 : 8);
  const text = `${before.length} − ${before.payloadOffset} (IPv4 header) + 40 (IPv6 header)${fragment} = ${bytes(length)}`;
  if (before.dontFragment) return [text, `with DF the limit is mtu6, ${mtu6}`];
  return [text, `without DF the limit is lowestIpv6Mtu, ${Math.min(mtu6, lowestIpv6Mtu)}`];
}
