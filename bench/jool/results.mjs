// Reads what guest.sh wrote to a guest's console (lines that begin with @@) and makes of it, round by round, what a
// packet costs net of the generator, and the ratios that count. The table goes to stderr, with --json the records to
// stdout:
//
//   { scenario, direction: '6to4' | '4to6', peer: 'jool' | 'platypus' | 'forwarding', way: 'uml' | 'qemu',
//     metric, unit, better: 'lower' | 'higher', runs: number[] }     one number a round, in the order of the rounds
//
//   results.mjs --way uml|qemu [--json] [--records FILE] CONSOLE      a run; the records also to a file
//   results.mjs --compare UML.json QEMU.json                          whether the two ways agree on Jool
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const scenarioNames = {
  'nat64-1': 'NAT64, UDP 64 bytes, 1 flow',
  'nat64-10000': 'NAT64, UDP 64 bytes, 10,000 flows',
  siit: 'SIIT, UDP 64 bytes, 1 flow',
  'new-sessions': 'NAT64, new UDP sessions',
};
/** Where the generator and plain forwarding were measured for a scenario: translation or not is all the same to them. */
const baseOf = { 'nat64-1': 'nat64-1', 'nat64-10000': 'nat64-10000', siit: 'nat64-1', 'new-sessions': 'new-sessions' };
const directions = ['6to4', '4to6'];
const peers = ['forwarding', 'jool', 'platypus'];

const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/**
 * The guest's own lines.
 * @param {string} console all that the guest printed
 * @returns {{ runs: Map<string, number>, rounds: number, lost: string[], end: string | undefined, kernel: string }}
 *   `runs`: nanoseconds a packet, keyed `mode scenario direction round`; `end`: undefined when the guest did not end
 */
function read(console) {
  const found = { runs: new Map(), rounds: 0, lost: [], end: undefined, kernel: 'unknown' };
  for (const line of console.split(/\r?\n/)) {
    const [, word, rest] = /@@ (\w+) ?(.*)$/.exec(line) ?? [];
    if (word === 'end') found.end = rest;
    else if (word === 'kernel') found.kernel = rest;
    else if (word === 'lost') found.lost.push(rest);
    else if (word === 'run') {
      const { mode, scenario, direction, round, packets, busyNanos } = Object.fromEntries(
        rest.split(' ').map((pair) => pair.split('=')),
      );
      found.rounds = Math.max(found.rounds, Number(round));
      found.runs.set(`${mode} ${scenario} ${direction} ${round}`, Number(busyNanos) / Number(packets));
    }
  }
  return found;
}

/** The records of a run. A round in which a packet was lost, or the generator was not measured, is left out. */
function toRecords({ runs, rounds }, way) {
  const records = [];
  const cost = (peer, scenario, direction, round) => {
    const base = baseOf[scenario];
    const gross = runs.get(`${peer} ${peer === 'forwarding' ? base : scenario} ${direction} ${round}`);
    return gross - runs.get(`generator ${base} ${direction} ${round}`);
  };
  const record = (scenario, direction, peer, metric, unit, better, of) => {
    const figures = Array.from({ length: rounds }, (_, index) => of(index + 1)).filter(Number.isFinite);
    if (figures.length === 0) return;
    const digits = unit === 'x' ? 1000 : 1;
    const rounded = figures.map((figure) => Math.round(figure * digits) / digits);
    records.push({ scenario, direction, peer, way, metric, unit, better, runs: rounded });
  };

  for (const scenario of Object.keys(scenarioNames)) {
    for (const direction of directions) {
      const of = (peer) => (round) => cost(peer, scenario, direction, round);
      const wasTranslated = [...runs.keys()].some(
        (key) => /^(jool|platypus) /.test(key) && key.includes(` ${scenario} ${direction} `),
      );
      if (!wasTranslated) continue;
      for (const peer of peers) {
        if (scenario === 'new-sessions') {
          record(scenario, direction, peer, 'sessions-per-second', '1/s', 'higher', (round) => 1e9 / of(peer)(round));
          continue;
        }
        record(scenario, direction, peer, 'net-time-per-packet', 'ns', 'lower', of(peer));
        if (peer === 'forwarding') continue;
        const relative = (round) => of(peer)(round) / of('forwarding')(round);
        record(scenario, direction, peer, 'ratio-to-forwarding', 'x', 'lower', relative);
      }
      const ratio = (round) => of('platypus')(round) / of('jool')(round);
      record(scenario, direction, 'platypus', 'ratio-to-jool', 'x', 'lower', ratio);
    }
  }
  return records;
}

/** For people: a line for each scenario, direction and metric; the median, and the lowest and highest round. */
function table(records) {
  const rows = records.map(({ scenario, direction, peer, metric, unit, runs }) => {
    const show = (figure) => (unit === 'x' ? figure.toFixed(2) : Math.round(figure).toLocaleString('en'));
    const range = `${show(Math.min(...runs))}–${show(Math.max(...runs))}`;
    return [scenarioNames[scenario], direction, peer, metric, `${show(median(runs))} ${unit}`, range, `${runs.length}`];
  });
  const all = [['scenario', 'direction', 'peer', 'metric', 'median', 'range', 'rounds'], ...rows];
  const widths = all[0].map((_, column) => Math.max(...all.map((row) => row[column].length)));
  return all.map((row) => row.map((cell, column) => cell.padEnd(widths[column])).join('  ')).join('\n');
}

/** How far the two ways' medians of Jool's cost relative to forwarding may be apart before we say so. */
const tolerance = 1.3;

/** Both ways' ratios of Jool to forwarding, side by side, with a verdict each. */
function compare(uml, qemu) {
  const lines = [];
  for (const { scenario, direction, runs } of uml.filter(
    (r) => r.peer === 'jool' && r.metric === 'ratio-to-forwarding',
  )) {
    const other = qemu.find(
      (r) =>
        r.peer === 'jool' && r.metric === 'ratio-to-forwarding' && r.scenario === scenario && r.direction === direction,
    );
    if (other === undefined) continue;
    const [a, b] = [median(runs), median(other.runs)];
    const apart = Math.max(a / b, b / a);
    const verdict = apart > tolerance ? `they disagree by ${apart.toFixed(2)} x` : 'they agree';
    const what = `${scenarioNames[scenario]}, ${direction}: Jool relative to forwarding`;
    lines.push(`${what}: ${a.toFixed(2)} x in UML, ${b.toFixed(2)} x in QEMU; ${verdict}`);
  }
  return lines.length > 0 ? lines.join('\n') : 'the two ways have no scenario in common';
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    way: { type: 'string' },
    json: { type: 'boolean' },
    records: { type: 'string' },
    compare: { type: 'boolean' },
  },
});
if (options.compare) {
  const [uml, qemu] = positionals.map((file) => JSON.parse(readFileSync(file, 'utf8')));
  console.log(compare(uml, qemu));
} else {
  const found = read(readFileSync(positionals[0], 'utf8'));
  const records = toRecords(found, options.way);
  for (const lost of found.lost) console.error(`packets were lost, so this does not count: ${lost}`);
  if (records.length > 0) {
    console.error(`\nway ${options.way}, kernel ${found.kernel}; net of the generator\n${table(records)}\n`);
  }
  if (found.end === 'ok') {
    const text = `${JSON.stringify(records, null, 2)}\n`;
    if (options.records !== undefined) writeFileSync(options.records, text);
    if (options.json) process.stdout.write(text);
  } else {
    console.error(`not available: the guest ${found.end ?? 'did not reach its end'}`);
    process.exitCode = 3;
  }
}
