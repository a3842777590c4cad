/**
 * The report as one page: no network, no script. Each figure is a bar to the median with a line from least to most, and
 * stands beside it in words, so that nothing hangs on colour or on the plot.
 */
import type { Peer } from '../peers/peer.js';
import type { Results } from './record.js';
import { type Block, figure, peerText, type Row, type Section, spreadText } from './sections.js';
import { glanceTable, headText } from './text.js';

/** Safe in text and in attributes. */
export function escapeHtml(text: string): string {
  return text.replace(
    /[&<>"']/g,
    (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' })[sign] ?? sign,
  );
}

const style = `
:root { color-scheme: light dark; --paper: #fbfbfa; --ink: #1d2327; --soft: #5d6871; --line: #dcdfe1; --card: #fff;
  --other: #9aa6ae; --ours: #14746f; --whisker: #1d2327; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181b; --ink: #e8ebed; --soft: #9aa6ae; --line: #2d353a;
  --card: #1b2125; --other: #596670; --ours: #3bb5ab; --whisker: #e8ebed; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 0; } h3 { font-size: .95rem; margin: 1.25rem 0 .5rem; }
p, pre { margin: .5rem 0; } pre { white-space: pre-wrap; font: inherit; color: var(--soft); font-size: .9rem; }
.soft { color: var(--soft); font-size: .85rem; font-weight: normal; }
section { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; margin: 1rem 0; }
.row { display: grid; grid-template-columns: 9rem 1fr 12rem; gap: .15rem .75rem; align-items: center; margin: .3rem 0; }
.value { font-variant-numeric: tabular-nums; font-size: .9rem; white-space: nowrap; }
.row svg { width: 100%; height: 1.1rem; display: block; overflow: visible; }
.bar { fill: var(--other); } .ours .bar { fill: var(--ours); } .ours .name { font-weight: 600; }
.spread { stroke: var(--whisker); stroke-width: 1.5; } .base { stroke: var(--line); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; margin-top: .75rem; width: 100%; }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); white-space: nowrap;
  font-variant-numeric: tabular-nums; } td.why { white-space: normal; min-width: 14rem; }
.warn { border-left: .25rem solid #c4632b; padding-left: .75rem; }
@media (max-width: 40rem) { .row { grid-template-columns: 1fr auto; } .row svg { grid-column: 1 / -1; grid-row: 2; } }
`;

/** Where a value lies on an axis from 0 to `most`, in percent. */
function place(value: number, most: number): string {
  return `${most > 0 ? ((Math.max(0, value) / most) * 100).toFixed(2) : 0}%`;
}

function plotRow(row: Row, most: number, isOurs: boolean): string {
  const { least, median, most: top } = row.spread;
  const name = escapeHtml(peerText(row));
  return `<div class="row${isOurs ? ' ours' : ''}"><span class="name">${name}</span>
<svg role="img" aria-label="${name}: ${escapeHtml(spreadText(row.spread))}"><line class="base" x1="0" x2="0" y1="0" y2="100%"/>
<rect class="bar" x="0" y="15%" height="70%" rx="2" width="${place(median, most)}"/>
<line class="spread" x1="${place(least, most)}" x2="${place(top, most)}" y1="50%" y2="50%"/>
<line class="spread" x1="${place(least, most)}" x2="${place(least, most)}" y1="30%" y2="70%"/>
<line class="spread" x1="${place(top, most)}" x2="${place(top, most)}" y1="30%" y2="70%"/></svg>
<span class="value">${escapeHtml(spreadText(row.spread))}</span></div>`;
}

function ratioTable({ yardsticks, rows }: Block): string {
  const line = (row: Row) => {
    const cells = yardsticks.map((name) => {
      const times = row.ratios[name];
      return `<td>${times === undefined ? '' : escapeHtml(spreadText(times))}</td>`;
    });
    const said = [...row.beside, ...(row.note === undefined ? [] : [row.note])].join('; ');
    return `<tr><td>${escapeHtml(peerText(row))}</td>${cells.join('')}<td>${row.way}</td><td>${row.spread.runs}</td><td class="why">${escapeHtml(said)}</td></tr>`;
  };
  const headings = ['', ...yardsticks.map((name) => `× ${name}`), 'way', 'runs', ''];
  return `<div class="scroll"><table><thead><tr>${headings.map((text) => `<th>${escapeHtml(text)}</th>`).join('')}</tr></thead>
<tbody>${rows.map(line).join('\n')}</tbody></table></div>`;
}

function blockHtml(block: Block, ours: readonly string[]): string {
  const most = Math.max(...block.rows.map(({ spread }) => spread.most));
  const rows = block.rows.map((row) => plotRow(row, most, ours.includes(row.peer)));
  return `<h3>${escapeHtml(block.direction)} <span class="soft">${escapeHtml(`${block.metric} in ${block.unit}, ${block.better} is better, axis from 0 to ${figure(most)}`)}</span></h3>
${rows.join('\n')}
${ratioTable(block)}`;
}

function glanceHtml(sections: readonly Section[], ours: readonly string[]): string {
  const { headings, rows } = glanceTable(sections, ours);
  if (rows.length === 0) return '';
  const line = (cells: readonly string[], tag: 'th' | 'td') =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  return `<section><h2>At a glance <span class="soft">medians of the ratios</span></h2><div class="scroll"><table><thead>${line(headings, 'th')}</thead>
<tbody>${rows.map((row) => line(row, 'td')).join('\n')}</tbody></table></div></section>`;
}

/** The whole page. `ours` are drawn in the accent colour. */
export function toPage(
  results: Results,
  sections: readonly Section[],
  about: readonly Pick<Peer, 'name' | 'about'>[],
  ours: readonly string[],
): string {
  const peers = about.map(
    ({ name, about: what }) =>
      `<tr><td>${escapeHtml(name)}</td><td class="why">${escapeHtml(what)}</td><td>${escapeHtml(results.versions[name] ?? 'not measured')}</td></tr>`,
  );
  const absences = results.absences.map(
    ({ peer, way, unavailable }) =>
      `<tr><td>${escapeHtml(peer)}</td><td>${way}</td><td class="why">${escapeHtml(unavailable)}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Platypus beside its peers</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>Platypus beside its peers</h1>
<pre>${escapeHtml(headText(results))}</pre>
${results.incomplete ? '<p class="warn">Incomplete: the run was interrupted, or something failed. See the end.</p>' : ''}
<p class="soft">A bar ends at the median; the line over it runs from the least to the most of all runs. Ratios are taken round by round against a peer of the same run and way, and are medians with least and most. Figures of other runs or machines are not to be put beside these.</p>
${glanceHtml(sections, ours)}
<section><h2>Who</h2><div class="scroll"><table><tbody>${peers.join('\n')}</tbody></table></div></section>
${sections
  .map(
    ({ title, scenario, blocks }) =>
      `<section id="${escapeHtml(scenario)}"><h2>${escapeHtml(title)} <span class="soft">${escapeHtml(scenario)}</span></h2>
${blocks.map((block) => blockHtml(block, ours)).join('\n')}</section>`,
  )
  .join('\n')}
${absences.length > 0 ? `<section><h2>Not measured</h2><div class="scroll"><table><thead><tr><th>peer</th><th>way</th><th>why</th></tr></thead><tbody>${absences.join('\n')}</tbody></table></div></section>` : ''}
</main>
</body>
</html>
`;
}
