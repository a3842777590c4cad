// The OSPF announcer alone: `node announcer.mjs` with { routerId, config } as the first line of standard input. Further
// lines are `announce PREFIX …`, `lower PREFIX …`, `neighbors`, `database`, `block MS` (the event loop) and `stop`; each
// is answered by one line of JSON, after `ready`.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { createOspfSpeaker } from '../../../dist/bgp-lite/ospf/speaker.js';
import { createOspfSockets } from '../../../dist/bgp-lite/ospf-sockets.js';
import { knownPrefix } from '../../../dist/config/address.js';

const addon = createRequire(import.meta.url)('../../../build/Release/platypus.node');
const netlink = new addon.Netlink();
const tell = (what) => console.log(JSON.stringify(what));
const log = (level) => (text) => console.error(`${level}: ${text}`);

const host = {
  device(name) {
    const link = netlink.links().find((one) => one.name === name);
    if (link === undefined) return null;
    const own = netlink.addresses().filter(({ index, tentative }) => index === link.index && !tentative);
    const rows = own.map(({ address, length }) => ({ address, length }));
    return {
      index: link.index,
      mtu: link.mtu,
      up: link.up,
      address4: rows.find(({ address }) => !address.includes(':')) ?? null,
      addresses6: rows.filter(({ address }) => address.includes(':')),
    };
  },
  watch: () => () => undefined,
};

let speaker;
createInterface(process.stdin).on('line', async (line) => {
  if (speaker === undefined) {
    const parts = { sockets: createOspfSockets(addon), host, bfd: null, now: Date.now };
    const logs = { info: log('info'), warn: log('warn'), error: log('error') };
    speaker = createOspfSpeaker(JSON.parse(line), { ...parts, log: logs });
    return console.log('ready');
  }
  const [word, ...rest] = line.split(' ');
  const preference = word === 'lower' ? 'lowered' : 'normal';
  if (word === 'announce' || word === 'lower') {
    speaker.announce(rest.map((text) => ({ prefix: knownPrefix(text), preference })));
    return tell(word);
  }
  if (word === 'neighbors') return tell(speaker.neighbors());
  if (word === 'database') return tell(speaker.database());
  if (word === 'block') {
    const end = performance.now() + Number(rest[0]);
    while (performance.now() < end);
    return tell('unblocked');
  }
  await speaker.stop();
  tell('stopped');
  process.exit(0);
});
