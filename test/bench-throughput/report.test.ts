import { describe, expect, test } from 'vitest';
import { escapeHtml, toPage } from '../../bench/throughput/page.js';
import type { Record, Results } from '../../bench/throughput/record.js';
import { figure, spreadText, toSections } from '../../bench/throughput/sections.js';
import { headText, toText } from '../../bench/throughput/text.js';

const bulk = (peer: string, runs: number[], more: Partial<Record> = {}): Record => ({
  scenario: 'tcp-bulk-1',
  direction: 'up',
  peer,
  way: 'host',
  metric: 'throughput',
  unit: 'Gbit/s',
  better: 'higher',
  runs,
  ...more,
});

const results: Results = {
  date: '2026-01-02T03:04:05.000Z',
  commit: '0123456789ab',
  machine: {
    kernel: '6.1',
    cores: 2,
    model: 'A <fast> CPU',
    memoryBytes: 2 ** 33,
    loadavg: [0, 0, 0],
    idleBusyCoresAfter: 0.01,
    idleBusyCores: 0,
  },
  versions: { plat: '0123456789ab', tayga: 'tayga 0.9.2' },
  options: { rounds: 3, seconds: 2, packetsPerSecond: 150_000 },
  records: [
    bulk('plat', [9, 10, 11]),
    bulk('plat', [0, 4, 2], { metric: 'retransmits', unit: 'segments', better: 'lower' }),
    bulk('forwarding', [10, 10, 10]),
    bulk('tayga', [1, 2, 1]),
    bulk('jool', [4], { way: 'uml' }),
    bulk('forwarding', [8], { way: 'uml' }),
  ],
  absences: [{ peer: 'jool', way: 'qemu', unavailable: 'no <kernel>' }],
  incomplete: false,
};
const sections = toSections(results, new Map([['tcp-bulk-1', 'TCP bulk']]));

describe('figures', () => {
  test.each([
    [0.123, '0.12'],
    [9.876, '9.88'],
    [98.76, '98.8'],
    [987.6, '988'],
    [1234567, '1 234 567'],
    [Number.NaN, '–'],
  ])('%d is written %s', (value, text) => expect(figure(value)).toBe(text));

  test('a spread is told unless there is none', () => {
    expect(spreadText({ least: 1, median: 2, most: 3, runs: 3 })).toBe('2.00 (1.00–3.00)');
    expect(spreadText({ least: 2, median: 2, most: 2, runs: 1 })).toBe('2.00');
  });
});

describe('sections', () => {
  test('hold a block a direction and figure; what explains stands beside it', () => {
    expect(sections).toHaveLength(1);
    expect(sections[0]?.blocks).toHaveLength(1);
    expect(sections[0]?.blocks[0]?.rows[0]).toMatchObject({ peer: 'plat', beside: ['retransmits 2.00 (0.00–4.00)'] });
  });

  test('ratios are to peers of the same way', () => {
    const rows = sections[0]?.blocks[0]?.rows ?? [];
    const median = (peer: string, way: string, to: string) =>
      rows.find((row) => row.peer === peer && row.way === way)?.ratios[to]?.median;
    expect(median('plat', 'host', 'forwarding')).toBe(1);
    expect(median('plat', 'host', 'tayga')).toBe(9);
    expect(median('jool', 'uml', 'forwarding')).toBe(0.5);
    expect(median('plat', 'host', 'jool')).toBeUndefined();
    expect(median('forwarding', 'host', 'forwarding')).toBeUndefined();
  });
});

describe('the report', () => {
  test('in a terminal tells median, spread, ratio, runs, way and what is missing', () => {
    const text = toText(results, headText(results), sections, ['plat']);
    expect(text).toContain('TCP bulk: tcp-bulk-1 up, higher is better');
    expect(text).toMatch(/^plat +10\.0 \(9\.00–11\.0\) +1\.00 \(0\.90–1\.10\) +9\.00 \(5\.00–11\.0\) +3 +retransmits/m);
    expect(text).toMatch(/^jool \(uml\) +4\.00 +0\.50 +1$/m);
    expect(text).toMatch(/^tcp-bulk-1 up throughput +higher +plat +1\.00 +9\.00$/m);
    expect(text).toMatch(/^jool +qemu +no <kernel>$/m);
    expect(text).not.toContain('INCOMPLETE');
    expect(toText({ ...results, incomplete: true }, '', sections, ['plat'])).toContain('INCOMPLETE');
  });

  test('says when the machine was not quiet, before or after', () => {
    const told = (idleBusyCoresAfter: number) =>
      headText({ ...results, machine: { ...results.machine, idleBusyCoresAfter } });
    expect(told(0.02)).not.toContain('NOT QUIET');
    expect(told(0.5)).toContain('busy with something else: 0.00 cores before, 0.50 after: NOT QUIET');
  });

  const page = toPage(results, sections, [{ name: 'plat', about: 'platypus plat' }], ['plat']);

  test('as a page needs nothing from elsewhere', () => {
    expect(page).not.toMatch(/https?:|<script|<link|@import|url\(/);
  });

  test('as a page draws the bar to the median and the line from least to most', () => {
    // The axis ends at 11 Gbit/s.
    expect(page).toContain('width="90.91%"');
    expect(page).toContain('x1="81.82%" x2="100.00%"');
    expect(page).toContain('aria-label="plat: 10.0 (9.00–11.0)"');
  });

  test('as a page shows what is in the records as text', () => {
    expect(page).toContain('A &lt;fast&gt; CPU');
    expect(page).toContain('no &lt;kernel&gt;');
    expect(page).not.toContain('<fast>');
    expect(escapeHtml(`<a href="x">'&`)).toBe('&lt;a href=&quot;x&quot;&gt;&#39;&amp;');
  });
});
