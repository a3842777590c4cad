/** How long packets may be, and whether TCP knows it: 46 to 48. */
import { type Check, type Finding, fault, ok, skipped, warning } from '../check.js';
import type { PathMtuFacts } from '../probes/facts.js';
import { type ReachSurvey, reachCheck, SILENT } from './reach-check.js';

/** RFC 8200 §5 less the longer header: every IPv6 path takes so much of an IPv4 packet. */
const LEAST_IPV4_BYTES = 1260;
/** IPv4 and TCP headers. */
const HEADERS_BYTES = 40;
/** Sizes are found out to four bytes. */
const STEP_BYTES = 3;

const up = reachCheck('46', 'path-mtu-up', 'the longest packet towards the network', ({ udp, pathMtuUp }) => {
  if (!udp.answered || pathMtuUp === null) return SILENT;
  return judge(pathMtuUp, 'on the way up', 'from here to the PLAT');
});

const down = reachCheck('47', 'path-mtu-down', 'the longest packet from the network', ({ udp, pathMtuDown }) => {
  if (!udp.answered) return SILENT;
  if (pathMtuDown === null) return skipped('the responder sends no long packets now: it is no Platypus, or busy');
  return judge(pathMtuDown, 'on the way down', 'from the PLAT to here');
});

/** Packets vanish, and what ICMP tells, if anything, is not where. */
function isBlackHole({ bytes, toldBytes, triedBytes, own }: PathMtuFacts): boolean {
  if (bytes === null || own || bytes === triedBytes) return false;
  return toldBytes === null || bytes + STEP_BYTES < toldBytes;
}

function judge(facts: PathMtuFacts, way: string, where: string): Finding {
  const { bytes, toldBytes, own } = facts;
  if (bytes === null) {
    return fault(
      `no packet with DF arrives ${way}`,
      `something ${where} drops packets with DF: look for rules about it, and for an MTU below 1280 bytes`,
    );
  }
  if (isBlackHole(facts)) {
    const told = toldBytes === null ? 'nobody tells' : `ICMP tells ${toldBytes}`;
    return fault(
      `packets longer than ${bytes} bytes vanish ${way}, and ${told}: connections hang once they send much`,
      `something ${where} has a smaller MTU and drops ICMPv6 Packet Too Big: let that through everywhere (RFC 4890 §4.3.1); until then lower mtu6 there, or set mssClamp`,
    );
  }
  const told = own ? ', which is what the sender’s route takes' : toldBytes === null ? '' : ', as ICMP tells';
  const words = `packets of up to ${bytes} bytes arrive ${way}${told}`;
  if (bytes + STEP_BYTES >= LEAST_IPV4_BYTES) return ok(words);
  return warning(
    `${words}: less than every IPv6 path takes (1280 bytes)`,
    `look for a link ${where} with an MTU below 1280 bytes, and for tunnels inside tunnels`,
  );
}

const mss = reachCheck(
  '48',
  'mss',
  'the segments of TCP fit the path',
  ({ tcp, pathMtuUp, pathMtuDown }) => {
    if (!tcp.connected) return skipped('TCP does not connect, see finding 41');
    const ways = [
      ['up', tcp.sendMssUp, pathMtuUp],
      ['down', tcp.sendMssDown, pathMtuDown],
    ] as const;
    for (const [way, segment, path] of ways) {
      if (segment === null || path === null || path.bytes === null) continue;
      // Where ICMP gets through, TCP learns by itself.
      if (isBlackHole(path) && segment + HEADERS_BYTES > path.bytes + STEP_BYTES) {
        return fault(
          `TCP sends segments of ${segment} bytes on the way ${way}, and only ${path.bytes - HEADERS_BYTES} fit: connections hang once they send much`,
          'see findings 46 and 47; mssClamp at the PLAT helps TCP until the path is repaired',
        );
      }
    }
    const known = ways.filter(([, segment]) => segment !== null).map(([way, segment]) => `${segment} bytes ${way}`);
    if (known.length === 0) return skipped('the segments of TCP are not known');
    return ok(`segments of TCP: ${known.join(', ')}`);
  },
  ['path-mtu-up', 'path-mtu-down'],
);

export const pathChecks: readonly Check<ReachSurvey>[] = [up, down, mss];
