/** The records as a reader meets them: a section for each scenario, a block for each direction and figure. */
import { beside, type Record, type Results, type Way } from './record.js';
import { ratio, type Spread, spread } from './statistics.js';

/** Peers beside which all others are put, where they ran in the same way. */
export const yardsticks = ['forwarding', 'tun-loop', 'tayga', 'jool', 'unbound', 'bind'] as const;

/** Figures that explain others: shown beside them, without a plot. */
const explaining = new Set(['retransmits', 'failed', 'lost', 'wrong', 'sent', 'cpu-all']);

export interface Row {
  peer: string;
  way: Way;
  spread: Spread;
  /** How many times the yardstick of that name; none for the yardstick itself. */
  ratios: { [yardstick: string]: Spread };
  /** `retransmits 12 (0–40)` */
  beside: string[];
  note?: string;
}

export interface Block {
  direction: string;
  metric: string;
  unit: string;
  better: 'higher' | 'lower';
  /** Yardsticks that some row has a ratio to. */
  yardsticks: string[];
  rows: Row[];
}

export interface Section {
  scenario: string;
  title: string;
  blocks: Block[];
}

/** Three significant figures, and no exponent. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const magnitude = Math.abs(value);
  if (magnitude >= 100) return Math.round(value).toLocaleString('en-US').replaceAll(',', ' ');
  return value.toFixed(magnitude >= 10 ? 1 : 2);
}

/** `9.81 (9.10–10.2)`, or the figure alone where all runs agree. */
export function spreadText({ least, median, most }: Spread): string {
  const [low, middle, high] = [figure(least), figure(median), figure(most)];
  return low === high ? middle : `${middle} (${low}–${high})`;
}

/** The peer's name, and how its figures came about where that is not the rule. */
export function peerText({ peer, way }: Pick<Row, 'peer' | 'way'>): string {
  return way === 'host' || way === 'module' ? peer : `${peer} (${way})`;
}

/** Sections in the order of the records. `titles` are by scenario; one that is not there is its own. */
export function toSections(results: Pick<Results, 'records'>, titles: ReadonlyMap<string, string>): Section[] {
  const { records } = results;
  return unique(records.map(({ scenario }) => scenario)).map((scenario) => {
    const mine = records.filter((record) => record.scenario === scenario);
    const keys = unique(
      mine
        // Ratios are taken here, of what was measured.
        .filter(({ metric, unit }) => !explaining.has(metric) && unit !== 'x')
        .map(({ direction, metric, unit, better }) => JSON.stringify([direction, metric, unit, better])),
    );
    const blocks = keys.map((key) => {
      const [direction = '', metric = '', unit = '', better] = JSON.parse(key) as string[];
      const rows = mine
        .filter((record) => record.direction === direction && record.metric === metric && record.unit === unit)
        .flatMap((record) => toRow(record, records) ?? []);
      return {
        direction,
        metric,
        unit,
        better: better === 'lower' ? ('lower' as const) : ('higher' as const),
        yardsticks: yardsticks.filter((name) => rows.some(({ ratios }) => name in ratios)),
        rows,
      };
    });
    return { scenario, title: titles.get(scenario) ?? scenario, blocks };
  });
}

/** One line of the summary: a figure of `peer` beside the yardsticks, the medians of its ratios. */
export interface Glance {
  scenario: string;
  direction: string;
  metric: string;
  better: 'higher' | 'lower';
  peer: string;
  ratios: { [yardstick: string]: number };
}

/** What a reader looks for first: the ratios of some peers, a line for each figure that has any. */
export function glance(sections: readonly Section[], peers: readonly string[]): Glance[] {
  return sections.flatMap(({ scenario, blocks }) =>
    blocks.flatMap(({ direction, metric, better, rows }) =>
      rows
        .filter(({ peer, ratios }) => peers.includes(peer) && Object.keys(ratios).length > 0)
        .map((row) => ({
          scenario,
          direction,
          metric,
          better,
          peer: peerText(row),
          ratios: Object.fromEntries(Object.entries(row.ratios).map(([name, { median }]) => [name, median])),
        })),
    ),
  );
}

function toRow(record: Record, records: readonly Record[]): Row | undefined {
  const own = spread(record.runs);
  if (own === undefined) return undefined;
  const ratios: Row['ratios'] = {};
  for (const name of yardsticks) {
    const other = name === record.peer ? undefined : beside(records, record, name);
    const times = other === undefined ? undefined : ratio(record.runs, other.runs);
    if (times !== undefined) ratios[name] = times;
  }
  const explained = records.filter(
    (other) =>
      explaining.has(other.metric) &&
      other.scenario === record.scenario &&
      other.direction === record.direction &&
      other.peer === record.peer &&
      other.way === record.way,
  );
  return {
    peer: record.peer,
    way: record.way,
    spread: own,
    ratios,
    beside: explained.flatMap(({ metric, unit, runs }) => {
      const its = spread(runs);
      if (its === undefined || its.most === 0) return [];
      return `${metric} ${spreadText(its)}${unit === '%' ? ' %' : ''}`;
    }),
    ...(record.note === undefined ? {} : { note: record.note }),
  };
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}
