/** Figures for people and for programs, and in what the measurement was not as the RFCs have it. */
import type { BenchOptions, Ceiling, Figure, Measurement } from './bench.js';
import { LIMITED_SHARE } from './bench.js';

/** Everything that was found, as `--json` prints it. */
export interface Report {
  version: string;
  translator: 'siit' | 'nat64';
  /** Of the tester itself, measured first. */
  ceilings: Ceiling[];
  /** In what this is not as RFC 8219, RFC 9693 and RFC 2544 have it. */
  deviations: string[];
  figures: Figure[];
}

/** Sizes of RFC 8219 §5.1 on the IPv6 side; 84 bytes are the 64 of the IPv4 side. */
export const RFC_SIZES = [84, 128, 256, 512, 768, 1024, 1280, 1518];
const RFC_SECONDS = 60;
const RFC_RUNS = 20;

/** What a reader must know before comparing these figures with others. */
export function deviationsOf(options: BenchOptions, measurements: readonly Measurement[]): string[] {
  const seconds = options.durationMs / 1000;
  const missing = RFC_SIZES.filter((size) => !options.frameBytes.includes(size));
  return [
    ...(seconds < RFC_SECONDS ? [`trials of ${seconds} s, not ${RFC_SECONDS} s`] : []),
    ...(options.runs < RFC_RUNS ? [`${options.runs} runs of each measurement, not ${RFC_RUNS}`] : []),
    ...(missing.length > 0 ? [`frame sizes ${options.frameBytes.join(', ')} without ${missing.join(', ')}`] : []),
    ...(options.direction === 'both' ? [] : [`${options.direction} only, not both directions at once`]),
    ...(options.lossTolerance > 0 ? [`a trial passes with ${options.lossTolerance * 100} % lost, not 0`] : []),
    ...(measurements.includes('latency')
      ? ['latency of every frame after a warm-up trial, not of 500 tagged frames in the second minute']
      : []),
  ];
}

/** `84 bytes, both: 512345 frames/s` */
export function ceilingText({ frameBytes, direction, framesPerSecond }: Ceiling): string {
  const each = direction === 'both' ? ' in each direction' : '';
  return `tester's ceiling: ${frameBytes} bytes, ${direction}: ${framesPerSecond} frames/s${each}`;
}

/** Whole numbers as they are, others to three significant digits. */
export function numberText(value: number): string {
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

/** Columns of the table for people. */
export const FIGURE_COLUMNS = [
  { title: 'MEASUREMENT', text: (row: Figure) => row.measurement },
  { title: 'BYTES', text: (row: Figure) => String(row.frameBytes), align: 'right' as const },
  { title: 'DIRECTION', text: (row: Figure) => row.direction },
  { title: 'RATE', text: (row: Figure) => (row.rate === null ? '-' : String(row.rate)), align: 'right' as const },
  { title: 'MEDIAN', text: (row: Figure) => numberText(row.median), align: 'right' as const },
  { title: 'P1', text: (row: Figure) => numberText(row.p1), align: 'right' as const },
  { title: 'P99', text: (row: Figure) => numberText(row.p99), align: 'right' as const },
  { title: 'UNIT', text: (row: Figure) => row.unit },
  { title: 'RUNS', text: (row: Figure) => String(row.values.length), align: 'right' as const },
  { title: 'NOTES', text: notesText },
];

function notesText(row: Figure): string {
  const limited = row.limitedByTester
    ? [`limited by the tester (above ${LIMITED_SHARE * 100} % of its ceiling, or it failed)`]
    : [];
  return [...limited, ...row.notes].join('; ');
}
