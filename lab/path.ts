/** The way that packets took, as the translators' counters tell it. */
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Xlat464 } from './xlat464.js';

/** Where packets can be translated: the CLAT of the customer's router, the neighbour's, the PLAT. */
export type Translator = 'home' | 'neighbour' | 'plat';

/** Packets that left each translator, and those of the PLAT's that came from its IPv6 side and went back there. */
export interface Passed extends Record<Translator, number> {
  hairpin: number;
  /** Super-packets (TSO) that the customer's CLAT and the PLAT translated whole. */
  supers: { home: number; plat: number };
}

/** All counters of a translator by name, asked at its control socket. */
function countersOf(socketPath: string): Promise<Map<string, number>> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/v1/stats', timeout: 5_000 }, (response) => {
      text(response).then((body) => {
        const { counters } = JSON.parse(body) as { counters: { name: string; value: number }[] };
        resolve(new Map(counters.map(({ name, value }) => [name, value])));
      }, reject);
    });
    asked.on('timeout', () => asked.destroy(new Error(`${socketPath} does not answer`)));
    asked.on('error', reject).end();
  });
}

async function reading(network: Xlat464): Promise<Passed> {
  const [home, neighbour, plat] = await Promise.all(
    [network.home, network.neighbour, network.plat].map(({ socket }) => countersOf(socket)),
  );
  const of = (counters: Map<string, number> | undefined, ...names: string[]) =>
    names.reduce((sum, name) => sum + (counters?.get(name) ?? 0), 0);
  const sent = ['sent.v4.packets', 'sent.v6.packets'];
  const supers = ['offload.tcp_super.v6_to_v4', 'offload.tcp_super.v4_to_v6'];
  return {
    home: of(home, ...sent),
    neighbour: of(neighbour, ...sent),
    plat: of(plat, ...sent),
    hairpin: of(plat, 'hairpin.packets'),
    supers: { home: of(home, ...supers), plat: of(plat, ...supers) },
  };
}

/** A reading while nothing passes: the end of a TCP connection may still be on its way when its program has ended. */
async function settled(network: Xlat464): Promise<Passed> {
  let last = await reading(network);
  for (let tries = 0; tries < 50; tries += 1) {
    await sleep(20);
    const next = await reading(network);
    if (JSON.stringify(next) === JSON.stringify(last)) return next;
    last = next;
  }
  throw new Error('packets go on passing the translators');
}

/** Does something and tells what passed the translators meanwhile. Rejects as `act` does. */
export async function observe<T>(network: Xlat464, act: () => Promise<T>): Promise<{ result: T; passed: Passed }> {
  const before = await settled(network);
  const result = await act();
  const after = await settled(network);
  return {
    result,
    passed: {
      home: after.home - before.home,
      neighbour: after.neighbour - before.neighbour,
      plat: after.plat - before.plat,
      hairpin: after.hairpin - before.hairpin,
      supers: { home: after.supers.home - before.supers.home, plat: after.supers.plat - before.supers.plat },
    },
  };
}

/** The translators that anything passed. */
export function translators(passed: Passed): Translator[] {
  return (['home', 'neighbour', 'plat'] as const).filter((name) => passed[name] > 0);
}
