/** Tables for people: columns aligned by spaces, numbers to the right. */

export interface Column<Row> {
  title: string;
  text(row: Row): string;
  align?: 'left' | 'right';
}

export interface Table<Row> {
  /** The lines for more rows, the titles first. Columns widen as rows need it and never narrow. */
  lines(rows: readonly Row[]): string[];
}

/** For pairs of a name and what there is to say of it. */
export const ITEM_COLUMNS: readonly Column<[string, string]>[] = [
  { title: 'ITEM', text: ([name]) => name },
  { title: 'VALUE', text: ([, value]) => value },
];

const GAP = '  ';

/** A table that is fed page by page, so that a million rows need no memory. */
export function createTable<Row>(columns: readonly Column<Row>[]): Table<Row> {
  const widths = columns.map((column) => column.title.length);
  let titled = false;

  function line(cells: readonly string[]): string {
    return cells
      .map((cell, index) => {
        const width = widths[index] ?? 0;
        return columns[index]?.align === 'right' ? cell.padStart(width) : cell.padEnd(width);
      })
      .join(GAP)
      .trimEnd();
  }

  return {
    lines(rows) {
      const cells = rows.map((row) => columns.map((column) => column.text(row)));
      for (const row of cells) {
        for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
      }
      const lines = cells.map(line);
      if (titled) return lines;
      titled = true;
      return [line(columns.map((column) => column.title)), ...lines];
    },
  };
}
