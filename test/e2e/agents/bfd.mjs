// BFD sessions of the addon: `node bfd.mjs SESSION...`, each as JSON. Prints `change JSON` for each change. Lines of
// standard input: `rows` prints `rows JSON`, `block MS` keeps the event loop busy for so long and prints `blocked`, `remove`
// removes all sessions, `close` ends.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const addon = createRequire(import.meta.url)('../../../build/Release/platypus.node');
const bfd = new addon.Bfd((change) => console.log(`change ${JSON.stringify({ ...change, atMs: Date.now() })}`));
const ids = process.argv.slice(2).map((text) => bfd.add(JSON.parse(text)));
console.log('ready');
createInterface(process.stdin).on('line', (line) => {
  const [word, argument] = line.split(' ');
  if (word === 'rows') console.log(`rows ${JSON.stringify({ rows: bfd.sessions(), counters: bfd.counters() })}`);
  if (word === 'block') {
    const end = performance.now() + Number(argument);
    while (performance.now() < end);
    console.log('blocked');
  }
  if (word === 'remove') for (const id of ids) bfd.remove(id);
  if (word === 'close') {
    bfd.close();
    process.stdin.destroy();
  }
});
