/** One trace of several dataplanes, such as those of a CLAT with several uplinks. */
import type { TraceFilter } from '../native/addon.js';
import type { TraceSource } from './stream.js';

/** `sources` are those of the moment: one that comes is traced from then on, one that goes ends nothing. */
export function joinSources(sources: () => readonly TraceSource[]): TraceSource {
  let filter: TraceFilter | null = null;
  const traced = new Set<TraceSource>();

  async function follow(): Promise<void> {
    const now = sources();
    for (const source of traced) if (!now.includes(source)) traced.delete(source);
    for (const source of now) {
      if (traced.has(source)) continue;
      await source.trace(filter);
      traced.add(source);
    }
  }

  return {
    async trace(next) {
      filter = next;
      traced.clear();
      await follow();
    },
    async readTrace() {
      await follow();
      const parts = await Promise.all(
        [...traced].map((source) =>
          source.readTrace().catch((error: unknown) => {
            if (sources().includes(source)) throw error;
            return { records: [], lost: 0 };
          }),
        ),
      );
      return {
        records: parts.flatMap(({ records }) => records).sort((a, b) => a.timeMs - b.timeMs),
        lost: parts.reduce((total, { lost }) => total + lost, 0),
      };
    },
  };
}
