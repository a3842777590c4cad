/** All checks, what they say of a survey, and what follows from it. */
import { type Check, type Finding, skipped, type Verdict } from './check.js';
import { clatChecks } from './checks/clat.js';
import { discoveryChecks } from './checks/discovery.js';
import { nativeWay } from './checks/ipv4.js';
import { lanChecks } from './checks/lan.js';
import { natChecks } from './checks/nat.js';
import { pathChecks } from './checks/path.js';
import { platChecks } from './checks/plat.js';
import { reachChecks } from './checks/reach.js';
import { trapChecks } from './checks/traps.js';
import { toCode } from './code.js';
import type { Survey } from './survey/survey.js';

/** In the order of their numbers, which is that of a packet's way. */
export const checks: readonly Check<Survey>[] = [
  ...discoveryChecks,
  ...clatChecks,
  ...trapChecks,
  ...lanChecks,
  ...[...reachChecks, ...pathChecks, ...natChecks].map(fromCustomers),
  ...platChecks,
].sort((a, b) => Number(a.number) - Number(b.number));

/** For those behind the NAT64: not a PLAT itself, nor who has IPv4 without it and so is a stranger to the responder. */
function fromCustomers(check: Check<Survey>): Check<Survey> {
  return {
    ...check,
    examine(survey) {
      if (survey.role === 'plat') return [];
      const found = check.examine(survey);
      if (nativeWay(survey) === null || survey.reach?.icmp.answered !== true) return found;
      return found.map((finding) =>
        isWrong(finding)
          ? skipped(`IPv4 is native here, and the responder is for those behind the NAT64: ${finding.words}`)
          : finding,
      );
    },
  };
}

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
    const cause = after.map((before) => causeOf(before, said)).find((finding) => finding !== null);
    const found = cause == null ? examine(survey) : consequence(examine(survey), cause);
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

/** What a check before found, where that is nothing but faults: enough to explain what comes after. */
function causeOf(before: string, said: ReadonlyMap<string, readonly NumberedFinding[]>): NumberedFinding | null {
  const found = said.get(before) ?? [];
  return (found.every(({ verdict }) => verdict === 'fault') && found[0]) || null;
}

const isWrong = ({ verdict }: Finding) => verdict === 'fault' || verdict === 'warning';

/** What is wrong because of something else is told once; what is right nevertheless stays. */
function consequence(findings: readonly Finding[], cause: NumberedFinding): Finding[] {
  const wrong = findings.find(isWrong);
  if (wrong === undefined) return [...findings];
  return [skipped(`because of ${cause.number} ${cause.name}: ${wrong.words}`)];
}
