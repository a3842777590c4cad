/** A report of the responder as counters with their meaning, and as the few lines of a status. */
import type { ServerReport } from './server.js';
import { counterMeaning, counterNames } from './statistics.js';

export interface ResponderStatus {
  /** `udp 203.0.113.5#3478`. */
  listening: string[];
  alive: boolean;
  /** Requests answered since the start; null while the thread does not answer. */
  answers: number | null;
}

const TRANSPORT_MEANING = 'of the UDP sockets';

/** Every counter. */
export function responderReadings({ statistics, transport }: ServerReport) {
  return [
    ...counterNames.map((name) => ({ name: name as string, value: statistics[name], explain: counterMeaning[name] })),
    ...Object.entries(transport).map(([key, value]) => ({
      name: `responder.transport.${key}`,
      value,
      explain: TRANSPORT_MEANING,
    })),
  ];
}

/** What a status says. */
export function responderStatusOf(
  listening: readonly string[],
  alive: boolean,
  report: ServerReport | null,
): ResponderStatus {
  return { listening: [...listening], alive, answers: report?.statistics['responder.answers'] ?? null };
}
