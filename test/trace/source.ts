/** FAKE: a dataplane that traces what a test gives it, behind a real control socket. */
import { createControlApp } from '../../src/control/server.js';
import type { ControlTarget } from '../../src/control/target.js';
import { buildPacket } from '../../src/explain/build.js';
import { parseDescription } from '../../src/explain/description.js';
import type { TraceFilter, TraceRecord } from '../../src/native/addon.js';
import type { TraceSource } from '../../src/trace/stream.js';

export interface FakeTrace extends TraceSource {
  /** Filters it was started with, null for each end. */
  calls: (TraceFilter | null)[];
  records: TraceRecord[];
  lost: number;
  /** Thrown by the next reading. */
  failure: Error | null;
  /** Resolves when the trace was ended. */
  ended: Promise<void>;
}

export function createFakeTrace(): FakeTrace {
  let end = () => {};
  const source: FakeTrace = {
    calls: [],
    records: [],
    lost: 0,
    failure: null,
    ended: new Promise((resolve) => {
      end = resolve;
    }),
    async trace(filter) {
      source.calls.push(filter);
      if (filter === null) end();
    },
    async readTrace() {
      if (source.failure !== null) throw source.failure;
      const { records, lost } = source;
      source.records = [];
      source.lost = 0;
      return { records, lost };
    },
  };
  return source;
}

const COUNTERS = [{ name: 'drop.not_pool6', value: 1, explain: 'IPv6: the destination is not in pool6.' }];

/** A control socket at `path` that knows only of traces. */
export async function serveTrace(path: string, source: TraceSource): Promise<{ close(): Promise<unknown> }> {
  const target = {
    stats: () => Promise.resolve(COUNTERS),
    trace: (filter: TraceFilter | null) => source.trace(filter),
    readTrace: () => source.readTrace(),
  } as unknown as ControlTarget;
  const app = createControlApp(target, () => {});
  await app.listen({ path });
  return { close: () => app.close() };
}

export const packetOf = (text: string) => buildPacket(parseDescription(text));

/** A record of these packets, each described; the first came in. */
export function recordOf(reason: string | null, ...descriptions: string[]): TraceRecord {
  const packets = descriptions.map((text, index) => {
    const bytes = packetOf(text);
    return { direction: index === 0 ? ('in' as const) : ('out' as const), length: bytes.length, bytes };
  });
  return { timeMs: 1_700_000_000_000, reason, packets };
}

export const TRANSLATED = recordOf(
  null,
  'tcp 2001:db8::1#1234 > 64:ff9b::192.0.2.1#80 syn',
  'tcp 192.0.2.9#5000 > 192.0.2.1#80 syn ttl=63',
);
export const DROPPED = recordOf('drop.not_pool6', 'udp 2001:db8::1#1234 > 2001:db8::2#53');
