/** All checks, what they say of a survey, and what follows from it. */
import type { Check, Finding, Verdict } from './check.js';
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
  const findings = checks
    .filter(({ name, number }) => only.length === 0 || only.includes(name) || only.includes(number))
    .flatMap(({ number, name, examine }) => examine(survey).map((finding) => ({ number, name, ...finding })));
  const of = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict);
  const [faults, warnings] = [of('fault'), of('warning')];
  return {
    findings,
    counts: { ok: of('ok').length, skipped: of('skipped').length, warning: warnings.length, fault: faults.length },
    code: toCode((faults.length > 0 ? faults : warnings).map(({ number }) => number)),
  };
}
