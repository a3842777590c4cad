/** Counters of the upstream side. They only grow, also over a reconfiguration. */

export interface ServerCounters {
  /** Questions put to it, a probe included; retries of the same question count once. */
  queries: number;
  /** Answers taken, whatever their RCODE. */
  answers: number;
  /** Attempts that had no answer in their time. */
  timeouts: number;
  /** Packets that could not be sent, connections that could not be made or broke. */
  errors: number;
  /** Questions that went over TCP or TLS. */
  tcp: number;
  /** Replies with TC. */
  truncated: number;
  /** Replies that fit no open question. */
  mismatches: number;
  /** Questions taken from UDP to TCP because of so many mismatches: somebody may be guessing (RFC 5452 §9.3). */
  flooded: number;
  /** Replies that could not be read. */
  malformed: number;
  /** Replies with a wrong cookie, or without one though expected. */
  badCookies: number;
}

export interface ServerStats extends ServerCounters {
  /** Address and port, as in `Outcome.upstream`. */
  server: string;
  transport: 'udp' | 'tls';
  /** Smoothed round-trip time; null before the first answer. */
  srttMs: number | null;
  dead: boolean;
}

export interface UpstreamStats {
  servers: ServerStats[];
  /** Questions open now. */
  open: number;
  /** Questions that waited for the answer to one already open. */
  joined: number;
  /** Questions refused because too many were open. */
  overload: number;
  /** Questions that ended without an answer, those refused left out. */
  failed: number;
  /** Times of answered questions. `counts` has one bucket more than `boundsMs`, for the slower ones. */
  latency: { boundsMs: readonly number[]; counts: readonly number[]; sumMs: number };
}

export function createCounters(): ServerCounters {
  return {
    queries: 0,
    answers: 0,
    timeouts: 0,
    errors: 0,
    tcp: 0,
    truncated: 0,
    mismatches: 0,
    flooded: 0,
    malformed: 0,
    badCookies: 0,
  };
}
