/** Whether IPv4 works through the network's translators at all, with what is rare as well: 40 to 45. */
import { type Check, fault, ok, skipped, warning } from '../check.js';
import { type ReachSurvey, reachCheck, SILENT } from './reach-check.js';

const literalIcmp = reachCheck('40', 'literal-icmp', 'an IPv4 address answers to ping', ({ icmp, responder }) => {
  const { address } = responder;
  if (icmp.answered === null) return skipped(`${address} could not be pinged: ${icmp.error}`);
  if (icmp.answered) return ok(`${address} answers to ping after ${milliseconds(icmp.milliseconds)}`);
  const why = icmp.error === null ? '' : ` (${icmp.error})`;
  return fault(
    `${address} does not answer to ping${why}`,
    'where findings 41 and 42 are well, something drops ICMP alone, which path MTU discovery needs; where not, the way to the PLAT or back is broken',
  );
});

const literalTcp = reachCheck('41', 'literal-tcp', 'TCP to an IPv4 address', ({ tcp, responder }) => {
  const where = `${responder.address}#${responder.port}`;
  if (tcp.answered) return ok(`${where} answers over TCP, connected in ${milliseconds(tcp.milliseconds)}`);
  if (tcp.connected) {
    return fault(
      `${where} takes the connection and does not answer: ${ERRORS[tcp.error ?? ''] ?? tcp.error}`,
      'data does not get through where the handshake does: see findings 46 to 48',
    );
  }
  return fault(
    `${where} cannot be reached over TCP: ${ERRORS[tcp.error ?? ''] ?? tcp.error}`,
    tcp.error === 'ECONNREFUSED'
      ? 'the way is whole and nobody listens there: is the responder running, and is this its port?'
      : 'where finding 42 is well, a firewall on the way drops TCP; where 40 is not, the way to the PLAT or back is broken',
  );
});

const literalUdp = reachCheck('42', 'literal-udp', 'UDP to an IPv4 address', ({ udp, tcp, icmp, responder }) => {
  const where = `${responder.address}#${responder.port}`;
  if (!udp.answered) {
    return fault(
      `${where} does not answer over UDP`,
      tcp.connected || icmp.answered === true
        ? 'something on the way drops UDP, or the responder does not take this PLAT’s addresses: see its counter responder.drop.stranger'
        : 'the way to the PLAT or back is broken: see findings 03 to 19',
    );
  }
  const seen = udp.mapped === null ? '' : `, which sees ${udp.mapped.address}#${udp.mapped.port}`;
  if (udp.rewritten) {
    return warning(
      `${where} answers over UDP, and something on the way rewrites addresses inside packets`,
      'an application gateway (ALG) of a router is at work: switch it off',
    );
  }
  return ok(`${where} answers over UDP after ${milliseconds(udp.milliseconds)}${seen}`);
});

const fragmentsUp = reachCheck('43', 'fragments-up', 'UDP in fragments towards the network', ({ udp, fragments }) => {
  if (!udp.answered || fragments === null) return SILENT;
  const what = `UDP of ${fragments.bytes} bytes in fragments`;
  if (fragments.up) return ok(`${what} arrives at the responder`);
  return fault(
    `${what} is lost on the way up`,
    'something between here and the PLAT drops fragments: see its rules for IPv6 fragment headers, and the PLAT’s counters drop.*fragment*',
  );
});

const fragmentsDown = reachCheck('44', 'fragments-down', 'UDP in fragments from the network', ({ udp, fragments }) => {
  if (!udp.answered || fragments === null) return SILENT;
  const what = `UDP of ${fragments.bytes} bytes in fragments`;
  if (fragments.down === null) {
    return skipped(fragments.up ? UNABLE : 'what is lost on the way up is not answered, see finding 43');
  }
  if (fragments.down) return ok(`${what} arrives from the responder`);
  return fault(
    `${what} is lost on the way down`,
    'something between the PLAT and here drops fragments: see its rules for IPv6 fragment headers; long DNS answers are lost as well',
  );
});

const zeroChecksum = reachCheck('45', 'zero-checksum', 'IPv4 UDP without checksum', ({ udp, zeroChecksum: ways }) => {
  if (!udp.answered || ways === null) return SILENT;
  if (!ways.up) {
    return fault(
      'UDP without checksum is lost on the way up',
      'the CLAT has to compute the checksum (RFC 7915 §4.5): look for another CLAT (finding 13), and for firewall rules about UDP',
    );
  }
  if (ways.down === null) return ok('UDP without checksum arrives at the responder, which cannot send such packets');
  if (ways.down) return ok('UDP without checksum arrives both ways');
  return fault(
    'UDP without checksum is lost on the way down',
    'the PLAT has to compute the checksum (RFC 7915 §4.5): see its counters drop.v4.*checksum*; or something before it drops such packets',
  );
});

const UNABLE = 'this responder is no Platypus: it cannot send what this check needs';

const ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'it refuses the connection',
  ECONNRESET: 'the connection was reset',
  ETIMEDOUT: 'no answer',
  ENETUNREACH: 'this host has no IPv4 route',
  EHOSTUNREACH: 'a router says that there is no way',
  EACCES: 'a firewall of this host forbids it',
  EPERM: 'a firewall of this host forbids it',
};

function milliseconds(value: number | null): string {
  return value === null ? 'some time' : `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}

export const reachChecks: readonly Check<ReachSurvey>[] = [
  literalIcmp,
  literalTcp,
  literalUdp,
  fragmentsUp,
  fragmentsDown,
  zeroChecksum,
];
