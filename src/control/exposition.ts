/** Metrics as text, in the format that Prometheus reads (version 0.0.4). */

export interface Sample {
  /** Behind the family's name: `_bucket`, `_sum`, `_count` of a histogram. */
  suffix?: string;
  labels?: Readonly<Record<string, string>>;
  value: number;
}

/** A metric with all its samples. */
export interface Family {
  /** Letters, digits and `_`. */
  name: string;
  /** One sentence. */
  help: string;
  type: 'counter' | 'gauge' | 'histogram';
  samples: readonly Sample[];
}

/** What `formatFamilies` is, for the header `Content-Type`. */
export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** The text; each family ends with a line feed. */
export function formatFamilies(families: readonly Family[]): string {
  return families.map(formatFamily).join('');
}

function formatFamily({ name, help, type, samples }: Family): string {
  const lines = [`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`];
  for (const { suffix = '', labels = {}, value } of samples) {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${escaped(text).replaceAll('"', '\\"')}"`);
    lines.push(`${name}${suffix}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}`);
  }
  return `${lines.join('\n')}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

/** A histogram out of counts: one for each bound, and one more for what is above all of them. */
export function histogram(
  name: string,
  help: string,
  { bounds, counts, sum }: { bounds: readonly number[]; counts: readonly number[]; sum: number },
): Family {
  let total = 0;
  const samples: Sample[] = counts.map((count, index) => {
    total += count;
    const bound = bounds[index];
    return { suffix: '_bucket', labels: { le: bound === undefined ? '+Inf' : String(bound) }, value: total };
  });
  samples.push({ suffix: '_sum', value: sum }, { suffix: '_count', value: total });
  return { name, help, type: 'histogram', samples };
}
