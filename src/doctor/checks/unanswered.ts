/** What the checks of a translator say where none answers here. */
import { type Finding, fault } from '../check.js';
import type { Survey } from '../survey/survey.js';

/** A fault, with a hint that fits why it did not answer. */
export function unanswered({ statusFailure, statusDenied }: Survey): Finding {
  const hint = statusDenied
    ? 'look as root, or as a member of the socket’s group'
    : 'start it: systemctl start platypus, or platypus run -c FILE';
  return fault(`no Platypus answers here: ${statusFailure ?? ''}`, hint);
}
