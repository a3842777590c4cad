/** All checks, what they say of a survey, and what follows from it. */
import { type Check, type Finding, skipped, type Verdict } from './check.js';
import { clatChecks } from './checks/clat.js';
import { discoveryChecks } from './checks/discovery.js';
import { lanChecks } from './checks/lan.js';
import { platChecks } from './checks/plat.js';
import { trapChecks } from './checks/traps.js';
import { toCode } from './code.js';
import type { Survey } from './survey/survey.js';

/** In the order of their numbers, which is that of a packet's way. */
export const checks: readonly Check<Survey>[] = [
  ...discoveryChecks,
  ...clatChecks,
  ...trapChecks,
  ...lanChecks,
  ...platChecks,
].sort((a, b) => Number(a.number) - Number(b.number));

export interface NumberedFinding extends Finding {
  number: string;
  name: string;
}

export interface Report {
  findings: NumberedFinding[];
  counts: Record<Verdict, number>;
  /** For the phone: the faults, or the warnings where there is no fault. */
  code: string;
}

/** Judges a survey, by the named checks or by all. */
export function examine(survey: Survey, only: readonly string[] = []): Report {
  const said = new Map<string, NumberedFinding[]>();
  for (const { number, name, after = [], examine } of checks) {
    const cause = after.find((before) => hopeless(said.get(before)));
    const found = cause === undefined ? examine(survey) : consequence(examine(survey), said.get(cause));
    said.set(
      name,
      found.map((finding) => ({ number, name, ...finding })),
    );
  }
  const all = [...said.values()].flat();
  const findings = all.filter(({ name, number }) => only.length === 0 || only.includes(name) || only.includes(number));
  const of = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict);
  const [faults, warnings] = [of('fault'), of('warning')];
  return {
    findings,
    counts: { ok: of('ok').length, skipped: of('skipped').length, warning: warnings.length, fault: faults.length },
    code: toCode((faults.length > 0 ? faults : warnings).map(({ number }) => number)),
  };
}

function hopeless(findings: readonly Finding[] = []): boolean {
  return findings.length > 0 && findings.every(({ verdict }) => verdict === 'fault');
}

/** What is wrong because of something else is told once; what is right nevertheless stays. */
function consequence(findings: readonly Finding[], [cause]: readonly NumberedFinding[] = []): Finding[] {
  const [wrong] = findings.filter(({ verdict }) => verdict === 'fault' || verdict === 'warning');
  if (wrong === undefined || cause === undefined) return [...findings];
  return [skipped(`because of ${cause.number} ${cause.name}: ${wrong.words}`)];
}
