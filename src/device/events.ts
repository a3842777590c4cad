/** Writes down the drops that RFC 7915 wants an operator to know of (§4.5, §5.1.1), some each second. */
import { formatTransportAddress } from '../config/address.js';
import { messageOf } from '../errors.js';
import type { CounterInfo, Dataplane, DropEvent } from '../native/addon.js';
import type { Log } from './device.js';

const POLL_MS = 1000;
/** Most lines a second. */
const LINES = 10;

const PROTOCOLS: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [58, 'icmpv6'],
]);

/** Asks for events each second until the returned function is called. */
export function watchEvents(
  dataplane: Pick<Dataplane, 'readEvents'>,
  counters: readonly CounterInfo[],
  log: Log,
): () => void {
  const explanations = new Map(counters.map(({ name, explain }) => [name, explain]));
  let timer: NodeJS.Timeout | null = null;
  let ended = false;
  // The next look is planned when the last one is over, so that two never overlap.
  const plan = () => {
    if (!ended) timer = setTimeout(look, POLL_MS).unref();
  };
  const look = () => {
    dataplane.readEvents().then(
      ({ events, lost }) => {
        if (ended) return;
        for (const event of events.slice(0, LINES)) log.warn(sentence(event, explanations));
        const left = lost + Math.max(0, events.length - LINES);
        if (left > 0) log.warn(`${left} more drops within this second are not shown: \`platypus stats\` counts them`);
        plan();
      },
      (error: unknown) => {
        if (!ended) log.error(`cannot read the drops any more: ${messageOf(error)}`);
      },
    );
  };
  plan();
  return () => {
    ended = true;
    if (timer !== null) clearTimeout(timer);
  };
}

function sentence(event: DropEvent, explanations: ReadonlyMap<string, string>): string {
  const protocol = PROTOCOLS.get(event.protocol) ?? `protocol ${event.protocol}`;
  const end = (address: string, port: number | null) =>
    port === null ? address : formatTransportAddress(address, port);
  const from = end(event.source, event.sourcePort);
  const to = end(event.destination, event.destinationPort);
  const why = explanations.get(event.reason);
  return `${event.reason}: ${protocol} ${from} > ${to}${why === undefined ? '' : `: ${why}`}`;
}
