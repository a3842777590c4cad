/** Hosts for tests of the announcer, and what is asked of the routers beside it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { type Host, missing, openHost } from '../../lab/host.js';
import { type Plat, startPlat } from '../../lab/plat.js';
import type { Router } from '../../lab/routers.js';
import { eventually } from './network.js';

export interface Place<Name extends string> {
  hosts: Record<Name, Host>;
  /** For files and sockets; gone at the end. */
  folder: string;
}

/** A group of tests with bare hosts of these names, which `body` cables in its own `beforeAll`. */
export function onHosts<const Name extends string>(
  title: string,
  names: readonly Name[],
  body: (at: () => Place<Name>) => void,
): void {
  describe.skipIf(missing() !== null)(title, () => {
    let place: Place<Name> | undefined;
    beforeAll(async () => {
      const folder = await mkdtemp(join(tmpdir(), 'platypus-announce-'));
      const hosts: Partial<Record<Name, Host>> = {};
      place = { hosts: hosts as Record<Name, Host>, folder };
      for (const name of names) hosts[name] = await openHost(name);
    });
    afterAll(async () => {
      if (place === undefined) return;
      await Promise.all(Object.values<Host>(place.hosts).map((host) => host.close()));
      await rm(place.folder, { recursive: true, force: true });
    });
    body(() => {
      if (place === undefined) throw new Error('the hosts are not up yet');
      return place;
    });
  });
}

/** `platypus announce` on a host; `announce` are the lines of the section, indented by two. */
export function startAnnouncer(host: Host, folder: string, announce: string): Promise<Plat> {
  return startPlat({ plat: host, folder }, { config: `announce:\n${announce}`, command: 'announce', name: host.name });
}

/** Waits until what a router says has `pattern` in it, or has it no more. Returns what it said, and how long that took. */
export async function says(
  router: Router,
  words: readonly string[],
  pattern: RegExp,
  { not = false, timeoutMs = 20_000 } = {},
): Promise<{ text: string; tookMs: number }> {
  const fromMs = performance.now();
  // A router that does not know a prefix may say so by failing.
  const ask = () => router.ask(...words).catch((error: Error) => error.message);
  const text = await eventually(ask, (answer) => pattern.test(answer) !== not, timeoutMs);
  return { text, tookMs: performance.now() - fromMs };
}

/**
 * A readiness check that a test can make fail: whether a file is there. One is under way at any time, also at a stop.
 * `slowLines` is the same with a program that takes its time.
 */
export async function createSwitch(folder: string, name: string) {
  const file = join(folder, `${name}.ready`);
  await writeFile(file, '');
  const lines = (seconds: number) => `  ready:
    checks: { name: switch, command: [ sh, -c, "sleep ${seconds}; test -e '${file}'" ], every: 100ms, down: 1, up: 1 }
  hold: 0
`;
  return {
    lines: lines(0.1),
    slowLines: lines(1.5),
    off: () => rm(file, { force: true }),
    on: () => writeFile(file, ''),
  };
}

/** One line of a test's report. No test fails by a time. */
export function report(what: string, ms: number): void {
  console.log(`${what}: ${ms.toFixed(0)} ms`);
}
