/**
 * What the doctor is made of. A survey is taken first: probes ask the machine and the network, and write down what they
 * saw without judging it. Checks then judge the survey, and touch nothing: what they say can be said again from a
 * survey that somebody sent in.
 */

/** `skipped`: it could not be looked at, and the words say why. */
export type Verdict = 'ok' | 'skipped' | 'warning' | 'fault';

/** What a check says. */
export interface Finding {
  verdict: Verdict;
  /** One sentence: what was found, where. */
  words: string;
  /** What to do about it, for warnings and faults. */
  hint: string | null;
}

export interface Check<Survey> {
  /** Two digits, told over the phone: never given to another check. */
  number: string;
  /** In listings and `--only`: a noun, as `pref64`. */
  name: string;
  /** What is looked at, in a few words. */
  title: string;
  /** Names of checks before it: where one of them found nothing but faults, this one would only repeat them. */
  after?: readonly string[];
  /** Several findings for several things of a kind; none where it does not apply here. Pure. */
  examine(survey: Survey): Finding[];
}

export const ok = (words: string): Finding => ({ verdict: 'ok', words, hint: null });
export const skipped = (words: string): Finding => ({ verdict: 'skipped', words, hint: null });
export const warning = (words: string, hint: string): Finding => ({ verdict: 'warning', words, hint });
export const fault = (words: string, hint: string): Finding => ({ verdict: 'fault', words, hint });
