/** What the network's NAT does with ports (RFC 4787, RFC 5780): 50 to 53. */
import { type Check, fault, ok, skipped, warning } from '../check.js';
import { type ReachSurvey, reachCheck, SILENT } from './reach-check.js';

const ONE_ADDRESS = ', as far as the ports of one address show';
const UNABLE = 'this responder has one address and one port, and cannot show it';

const mapping = reachCheck('50', 'mapping', 'one socket is one address and port outside', ({ udp, mapping: facts }) => {
  if (!udp.answered) return SILENT;
  if (facts === null) return skipped(UNABLE);
  const { behaviour, addresses, mapped } = facts;
  if (behaviour === null) return skipped('an answer from the responder’s other address was missing');
  if (behaviour === 'endpoint-independent') {
    return ok(`mapping is endpoint-independent${addresses ? '' : ONE_ADDRESS} (RFC 4787 REQ-1)`);
  }
  const seen = mapped.map(({ address, port }) => `${address}#${port}`).join(', ');
  return fault(
    `mapping is ${behaviour}: one socket is seen as ${seen}`,
    'calls and games between customers need endpoint-independent mapping, which a Platypus PLAT has: look for another NAT on the way',
  );
});

const filtering = reachCheck('51', 'filtering', 'who may send to a mapped port', ({ udp, filtering: facts }) => {
  if (!udp.answered) return SILENT;
  if (facts === null) return skipped(UNABLE);
  const { behaviour, addresses } = facts;
  if (behaviour === null) return skipped('an answer of the responder was missing');
  if (behaviour === 'endpoint-independent') {
    return ok(`filtering is endpoint-independent${addresses ? '' : ONE_ADDRESS}`);
  }
  if (behaviour === 'address-dependent') {
    return ok('filtering is address-dependent: only hosts that were sent to may send (plat.filtering)');
  }
  return warning(
    'filtering is address-and-port-dependent: only the very port that was sent to may answer',
    'calls and games between customers go by relays then: look for a firewall with connection tracking on the way, this host’s own first',
  );
});

const hairpin = reachCheck(
  '52',
  'hairpin',
  'customers reach each other',
  ({ udp, hairpin: facts, filtering: filter }) => {
    if (!udp.answered) return SILENT;
    if (facts === null) return skipped('an answer of the responder was missing');
    if (facts.works) return ok('a packet to an own mapped address comes back (RFC 4787 REQ-9)');
    if (filter !== null && filter.behaviour !== null && filter.behaviour !== 'endpoint-independent') {
      return skipped('the filtering (finding 51) keeps such packets away, so that hairpinning does not show');
    }
    return warning(
      'a packet to an own mapped address does not come back: customers behind this PLAT cannot reach each other',
      'with 64:ff9b::/96, pool4 has to be of global addresses (RFC 6052 §3.1); otherwise look for a firewall before the PLAT that drops packets from pool4 to pool4',
    );
  },
);

const alone = reachCheck('53', 'one-nat', 'TCP and UDP leave by the same translator', ({ tcp, udp }) => {
  if (!udp.answered || !tcp.answered || udp.mapped === null || tcp.mapped === null) return null;
  const [udpAddress, tcpAddress] = [udp.mapped.address, tcp.mapped.address];
  if (udpAddress === tcpAddress) return ok(`this host is ${udpAddress} outside`);
  return warning(
    `this host is ${udpAddress} outside with UDP and ${tcpAddress} with TCP`,
    'where pool4 has several addresses, a customer should keep one (RFC 4787 REQ-2): look for two translators that share the traffic',
  );
});

export const natChecks: readonly Check<ReachSurvey>[] = [mapping, filtering, hairpin, alone];
