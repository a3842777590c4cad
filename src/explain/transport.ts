/** Ports, checksums and MSS; ICMP messages with what they quote. */
import { addressSteps } from './addresses.js';
import { icmpName, protocolName } from './names.js';
import { bytes, isHairpin, type Observation, rfc7915, type Step, step, type Translated } from './observation.js';
import type { Icmp, IcmpError, Packet, Tcp, Udp } from './packet.js';

const hex16 = (value: number): string => `0x${value.toString(16).padStart(4, '0')}`;

/** How what stands behind the network header came about. */
export function transportSteps(seen: Translated): Step[] {
  const { before, after } = seen;
  const [from, to] = [before.transport, after.transport];
  if (from === null || to === null || from.kind !== to.kind) return payloadSteps(before, after);
  if (from.kind === 'icmp') return icmpSteps(seen, from, to as Icmp);
  const steps = [checksumStep(seen, from, to as Tcp | Udp)];
  if (from.kind === 'tcp' && from.mss !== null) steps.push(...mssSteps(seen, from.mss, (to as Tcp).mss));
  return steps;
}

function payloadSteps(before: Packet, after: Packet): Step[] {
  if (before.fragment !== null && before.fragment.offset > 0) {
    return [step('payload', 'a later fragment: its bytes are not looked at', rfc7915(before, '1'))];
  }
  if (before.protocol !== after.protocol) return [];
  const text = `${protocolName(before.protocol)} is passed on as it is, its checksum included`;
  return [step('payload', text, rfc7915(before, '5'))];
}

function checksumStep({ before, after }: Translated, from: Tcp | Udp, to: Tcp | Udp): Step {
  const rule = rfc7915(before, '5');
  const [old, now] = [hex16(from.checksum), hex16(to.checksum)];
  if (from.kind === 'udp' && from.checksum === 0) {
    return step('checksum', `${now} is computed over the datagram: IPv6 has no UDP without one`, rule);
  }
  if (from.checksum === to.checksum) {
    return step('checksum', `${old} stays: addresses and ports add up to the same sum`, rule);
  }
  // A capture on the host that sends shows checksums that its card has yet to finish.
  const wrong = before.transportValid === false ? '; it was wrong, or not finished yet, and stays so' : '';
  const seen = after.transportValid === true ? ' and holds' : '';
  const text = `${old} becomes ${now}${seen}: changed by the difference of addresses and ports (RFC 1624)${wrong}`;
  return step('checksum', text, rule);
}

function mssSteps({ config }: Translated, before: number, after: number | null): Step[] {
  const { mssClamp } = config;
  if (after !== before) return [step('mss', `${before} is lowered to ${after ?? 'none'} (mssClamp ${mssClamp})`, null)];
  if (mssClamp === 0) return [];
  return [step('mss', `${before} stays: no more than mssClamp, ${mssClamp}`, null)];
}

function icmpSteps(seen: Translated, from: Icmp, to: Icmp): Step[] {
  const { before, after } = seen;
  const text = `${icmpName(before.family, from.type, from.code)} becomes ${icmpName(after.family, to.type, to.code)}`;
  const steps = isHairpin(seen) ? [] : [step('icmp', text, rfc7915(before, '2'))];
  if (from.error !== null && to.error !== null) steps.push(...errorSteps(seen, from.error, to.error));
  if (from.checksum !== to.checksum) {
    const why =
      before.family === after.family
        ? ''
        : before.family === 6
          ? ': it no longer covers a pseudo-header'
          : ': it now covers a pseudo-header';
    steps.push(step('checksum', `${hex16(from.checksum)} becomes ${hex16(to.checksum)}${why}`, rfc7915(before, '2')));
  }
  return steps;
}

function errorSteps(seen: Translated, from: IcmpError, to: IcmpError): Step[] {
  const { before } = seen;
  const steps: Step[] = [];
  if (from.mtu !== null && to.mtu !== null) steps.push(mtuStep(seen, from, to.mtu));
  if (to.pointer !== null) {
    const was = from.pointer === null ? '' : `${from.pointer} becomes `;
    const text = `${was}${to.pointer}, the field's place in an IPv${seen.after.family} header`;
    steps.push(step('pointer', text, rfc7915(before, '2')));
  }
  if (from.quoted !== null && to.quoted !== null) {
    steps.push(...addressSteps(seen, from.quoted, to.quoted, 'quoted '));
    const text = `its hop limit ${to.quoted.hopLimit} is not lowered; ${bytes(to.quotedLength)} of it are quoted, ${from.quotedLength} before`;
    steps.push(step('quoted packet', text, rfc7915(before, '3')));
  }
  if (from.extensionLength > 0) {
    const unit = (family: 4 | 6) => (family === 4 ? 32 : 64);
    const text =
      to.extensionLength === 0
        ? `${bytes(from.extensionLength)} are left out: the new message has no room for their place`
        : `${bytes(to.extensionLength)} are kept; their place is told in ${unit(seen.after.family)}-bit words`;
    steps.push(step('extension', text, 'RFC 4884 §4'));
  } else if (to.extensionLength > 0) {
    const text = `${bytes(to.extensionLength)} are added, which say who really sent the error`;
    steps.push(step('extension', text, 'RFC 6791 §4'));
  }
  return steps;
}

/** The told MTU with the terms of RFC 7915's minimum, and which of them it was. */
function mtuStep({ before, config }: Translated, from: IcmpError, mtu: number): Step {
  const told = from.mtu ?? 0;
  const { mtu6, mtu4 } = config;
  const fragment = from.quoted?.family === 6 && from.quoted.fragment !== null ? 28 : 20;
  const terms: [string, number][] =
    before.family === 4
      ? [
          [`${told} + 20`, told === 0 ? 0 : told + 20],
          [`mtu6 ${mtu6}`, mtu6],
          [`mtu4 ${mtu4} + 20`, mtu4 + 20],
          ['the least of IPv6', 1280],
        ]
      : [
          [`${told} − ${fragment}`, told - fragment],
          [`mtu4 ${mtu4}`, mtu4],
          [`mtu6 ${mtu6} − 20`, mtu6 - 20],
          ['the least of IPv4', 68],
        ];
  const plateau = before.family === 4 && told === 0 ? config.plateaus.find((one) => one + 20 === mtu) : undefined;
  const why =
    plateau === undefined
      ? terms.find(([, value]) => value === mtu)?.[0]
      : `the router told none; plateau ${plateau} + 20 (RFC 1191 §7)`;
  return step('mtu', `${told} becomes ${mtu}${why === undefined ? '' : `: ${why}`}`, rfc7915(before, '2'));
}

/** What a dropped packet's transport says about the reason. */
export function refusedSteps({ before }: Observation): Step[] {
  const { transport } = before;
  if (transport?.kind === 'icmp') {
    return [step('icmp', `the message is ${icmpName(before.family, transport.type, transport.code)}`, null)];
  }
  return [];
}
