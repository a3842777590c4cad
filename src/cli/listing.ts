/** Prints a listing page by page, as a table or as a JSON array, without ever holding more than one page. */
import type { ControlClient } from '../control/client.js';
import type { Page } from '../native/addon.js';
import type { Output } from './io.js';
import { type Column, createTable } from './table.js';

/** Rows asked for at once: a page's answer is a few hundred KiB, and a worker's slice stays short. */
const PAGE_ROWS = 1024;

export interface Listing<Row> {
  path: string;
  /** Filters of the query. */
  query: Record<string, string | undefined>;
  columns: readonly Column<Row>[];
  json: boolean;
  /** Most rows printed; undefined for all. */
  limit: number | undefined;
}

/** Fetches pages and prints them until the end, the limit, or a reader that went away. */
export async function printListing<Row>(client: ControlClient, output: Output, listing: Listing<Row>): Promise<void> {
  const print = listing.json ? jsonPrinter<Row>(output) : tablePrinter(output, listing.columns);
  let left = listing.limit ?? Number.POSITIVE_INFINITY;
  let cursor: number | null = 0;
  while (cursor !== null && left > 0) {
    const page: Page<Row> = await client.request('GET', listing.path, {
      query: { ...listing.query, cursor, limit: Math.min(PAGE_ROWS, left) },
    });
    left -= page.rows.length;
    if (!(await print.rows(page.rows))) return;
    cursor = page.next;
  }
  await print.end();
}

/** Prints rows that are all at hand. */
export async function printRows<Row>(
  output: Output,
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  json: boolean,
): Promise<void> {
  const print = json ? jsonPrinter<Row>(output) : tablePrinter(output, columns);
  if (await print.rows(rows)) await print.end();
}

interface Printer<Row> {
  rows(rows: readonly Row[]): Promise<boolean>;
  end(): Promise<unknown>;
}

function tablePrinter<Row>(output: Output, columns: readonly Column<Row>[]): Printer<Row> {
  const table = createTable(columns);
  const write = (rows: readonly Row[]) => {
    const lines = table.lines(rows);
    return lines.length === 0 ? Promise.resolve(true) : output.line(lines.join('\n'));
  };
  let empty = true;
  return {
    rows(rows) {
      // An empty page in the middle of a filtered listing must not fix the widths of the titles.
      if (rows.length === 0) return Promise.resolve(true);
      empty = false;
      return write(rows);
    },
    end: () => (empty ? write([]) : Promise.resolve()),
  };
}

function jsonPrinter<Row>(output: Output): Printer<Row> {
  let before = '[\n  ';
  return {
    rows(rows) {
      if (rows.length === 0) return Promise.resolve(true);
      const text = before + rows.map((row) => JSON.stringify(row)).join(',\n  ');
      before = ',\n  ';
      return output.write(text);
    },
    end: () => output.line(before.startsWith('[') ? '[]' : '\n]'),
  };
}
