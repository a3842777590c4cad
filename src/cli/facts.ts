/** What the announcer's readiness gate is told of the services beside it. */
import type { Fact, Facts } from '../bgp-lite/announcer.js';
import type { Dns64Service } from '../dns64/service.js';
import type { Dataplane, Pool4Row } from '../native/addon.js';
import type { PlatService } from '../plat/service.js';
import type { SiitService } from '../siit/service.js';

export interface Watched {
  service: PlatService | SiitService | null;
  dns64: Dns64Service | null;
}

/** Which facts there will be. */
export function factsOf({ service, dns64 }: Watched): Fact[] {
  const facts: Fact[] = service === null ? [] : ['workers'];
  if (service?.mode === 'plat') facts.push('pool4');
  if (dns64 !== null) facts.push('dns64');
  return facts;
}

/** A service that does not answer for so long is not ready, milliseconds. */
const ANSWER_MS = 2000;

/** Returns how to ask them all. That never rejects, and asks nobody who still owes an answer. */
export function createLook({ service, dns64 }: Watched): () => Promise<Facts> {
  const late = `no answer within ${ANSWER_MS / 1000} s`;
  const translator =
    service === null
      ? null
      : once(() => lookAtTranslator(service.mode, service.dataplane), { workers: { ok: false, detail: late } });
  const names = dns64 === null ? null : once(() => lookAtDns64(dns64), { dns64: { ok: false, detail: late } });
  return async () => {
    const found = await Promise.all([translator?.(), names?.()]);
    return { ...found[0], ...found[1] };
  };
}

/** `ask`, or `otherwise` where the answer takes too long; that answer is waited for before it is asked again. */
function once(ask: () => Promise<Facts>, otherwise: Facts): () => Promise<Facts> {
  let pending: Promise<Facts> | null = null;
  return async () => {
    pending ??= ask().finally(() => {
      pending = null;
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Facts>((resolve) => {
      timer = setTimeout(resolve, ANSWER_MS, otherwise);
    });
    const facts = await Promise.race([pending, late]);
    clearTimeout(timer);
    return facts;
  };
}

async function lookAtTranslator(mode: 'plat' | 'siit', dataplane: Dataplane): Promise<Facts> {
  if (!dataplane.alive()) return { workers: { ok: false, detail: 'one has ended' } };
  try {
    const { sessions } = await dataplane.sizes();
    const facts: Facts = { workers: { ok: true, detail: 'all run' }, sessions };
    if (mode === 'plat') facts.pool4Percent = percentOf(await dataplane.pool4());
    return facts;
  } catch (error) {
    return { workers: { ok: false, detail: error instanceof Error ? error.message : 'no answer' } };
  }
}

/** Use of the fullest protocol. */
export function percentOf(rows: readonly Pool4Row[]): number {
  let ports = 0;
  const used = { tcp: 0, udp: 0, icmp: 0 };
  for (const row of rows) {
    ports += row.portMax - row.portMin + 1;
    for (const protocol of ['tcp', 'udp', 'icmp'] as const) used[protocol] += row.used[protocol];
  }
  return ports === 0 ? 100 : (Math.max(...Object.values(used)) / ports) * 100;
}

async function lookAtDns64(dns64: Dns64Service): Promise<Facts> {
  if (!dns64.alive()) return { dns64: { ok: false, detail: 'a thread of it has ended' } };
  try {
    const { usable } = await dns64.report();
    // A bad result would count: neighbours that kept the routes over a restart would drop them.
    if (usable === null) return {};
    return { dns64: { ok: usable, detail: usable ? 'answers' : 'no upstream answers' } };
  } catch {
    return { dns64: { ok: false, detail: 'none of its threads answers' } };
  }
}
