/** The doctor as a test asks it, and one thing wrong at a time. */
import { expect, test } from 'vitest';
import type { Host } from '../../lab/host.js';
import { withResolver } from '../../lab/names.js';
import { program } from '../../lab/plat.js';
import type { Report } from '../../src/doctor/doctor.js';
import type { Survey } from '../../src/doctor/survey/survey.js';

export interface Said {
  code: number | null;
  report: Report & { survey: Survey };
  /** Names of the findings that are wrong, each once; a warning's with `?`. */
  wrong: string[];
}

export interface Patient {
  host: Host;
  folder: string;
  socket: string;
  /** In its resolv.conf. */
  resolver: string;
}

/** `platypus doctor --json` on a host. */
export async function askDoctor({ host, folder, socket, resolver }: Patient, ...args: string[]): Promise<Said> {
  const argv = [process.execPath, program, 'doctor', '--json', '--socket', socket, ...args];
  const outcome = await host.run(await withResolver(host, folder, resolver, argv), { timeoutMs: 90_000 });
  if (outcome.stdout === '') throw new Error(outcome.stderr);
  const report = JSON.parse(outcome.stdout) as Said['report'];
  const wrong = report.findings
    .filter(({ verdict }) => verdict === 'fault' || verdict === 'warning')
    .map(({ name, verdict }) => (verdict === 'fault' ? name : `${name}?`));
  return { code: outcome.code, report, wrong: [...new Set(wrong)] };
}

export interface Plant {
  /** What the doctor is to say of it, and nothing else. */
  wrong: string[];
  plant(): Promise<unknown>;
  repair(): Promise<unknown>;
}

/** A test for each: planted, found, repaired. */
export function findsEach(plants: Readonly<Record<string, Plant>>, ask: () => Promise<Said>): void {
  test.each(Object.entries(plants))('finds %s, and nothing else', async (_what, { wrong, plant, repair }) => {
    await plant();
    try {
      const { report, code, ...said } = await ask();
      const findings = report.findings.filter(({ verdict }) => verdict === 'fault' || verdict === 'warning');
      expect({ wrong: said.wrong, findings }).toEqual({ wrong, findings });
      expect(code).toBe(wrong.some((name) => !name.endsWith('?')) ? 4 : 3);
      // Each says what to do.
      expect(findings.filter(({ hint }) => hint === null)).toEqual([]);
    } finally {
      await repair();
    }
  });
}

/** Nothing wrong, exit code 0, and the code that says so. */
export async function expectHealthy(ask: () => Promise<Said>): Promise<Said> {
  const said = await ask();
  expect(said.report.findings.filter(({ verdict }) => verdict === 'fault' || verdict === 'warning')).toEqual([]);
  expect({ exit: said.code, phone: said.report.code }).toEqual({ exit: 0, phone: '00-98' });
  return said;
}
