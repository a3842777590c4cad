/** What the tests of the upstream side share: servers and clients that go with the test, and questions in short. */
import { afterEach, vi } from 'vitest';
import { createNativeLinks, type OpenLink } from '../../src/dns64/upstream/udp-link.js';
import {
  type Ask,
  createUpstreams,
  DEFAULT_UPSTREAM_OPTIONS,
  type Outcome,
  type UpstreamOptions,
  type Upstreams,
} from '../../src/dns64/upstream/upstreams.js';
import { knownName } from '../../src/dns64/wire/name.js';
import { Type } from '../../src/dns64/wire/numbers.js';
import { loadAddon } from '../../src/native/addon.js';
import { a, type FakeOptions, type FakeUpstream, type Script, startUpstream } from './fake-upstream.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** How UDP goes out; `upstream-dgram.test.ts` has the other one. */
export const sockets: { openLink: OpenLink } = { openLink: createNativeLinks(loadAddon()) };

export async function start(script: Script, options?: FakeOptions): Promise<FakeUpstream> {
  const upstream = await startUpstream(script, options);
  cleanups.push(() => upstream.close());
  return upstream;
}

export function use(
  upstreams: FakeUpstream[],
  options: Partial<UpstreamOptions> = {},
  surroundings?: Parameters<typeof createUpstreams>[1],
): Upstreams {
  const servers = upstreams.map(({ server }) => server);
  const made = createUpstreams({ ...PATIENT, servers, ...options }, { openLink: sockets.openLink, ...surroundings });
  cleanups.push(() => made.close());
  return made;
}

/** No second attempt while a loaded machine takes its time: the tests count questions. */
export const PATIENT: UpstreamOptions = { ...DEFAULT_UPSTREAM_OPTIONS, attemptMs: { least: 8_000, most: 8_000 } };
/** Short times, for what is to time out. */
export const SHORT = { attemptMs: { least: 60, most: 60 } };

export function about(name: string, more: Partial<Ask> = {}): Ask {
  return { name: knownName(name), type: Type.A, klass: 1, dnssecOk: false, checkingDisabled: false, ...more };
}

/** Addresses in an answer; the RCODE or the reason when there are none. */
export function told(outcome: Outcome): string {
  if (outcome.kind === 'failed') return outcome.reason;
  const { answer, rcode } = outcome.message;
  return answer.length > 0 ? answer.map(({ rdata }) => rdata.join('.')).join(' ') : `rcode ${rcode}`;
}

export const good: Script = (question) => ({ answers: [a('192.0.2.1', question)] });
/** Says TC over UDP, so that the rest is over TCP. */
export const overTcp =
  (script: Script): Script =>
  (question) =>
    question.transport === 'udp' ? { tc: true } : script(question);
export const onlyTcp = ({ asked }: FakeUpstream) => asked.filter(({ transport }) => transport !== 'udp');
