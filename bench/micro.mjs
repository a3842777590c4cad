// Microbenchmarks of what JavaScript can call. What a packet costs without JavaScript is measured by
// native/bench; `make bench` runs both. Nothing is tested here, figures are printed.
import Benchmark from 'benchmark';
import { toCoreConfig, toLimits, toSiitCoreConfig, toSiitLimits } from '../dist/config/core.js';
import { checkData } from '../dist/config/file.js';
import { loadAddon } from '../dist/native/addon.js';

const addon = loadAddon();
const refuse = (complaints) => new Error(JSON.stringify(complaints));
const limits = { sessions: 1 << 18, bib: 1 << 18, hosts: 1 << 16, reassembly: 16, storedSyns: 16, pathMtus: 64 };
const { plat } = checkData({ plat: { pool6: '64:ff9b::/96', pool4: '23.0.0.0/28', limits } }, refuse).config;
const { siit } = checkData({ siit: { pool6: '64:ff9b::/96' } }, refuse).config;
const nat64 = new addon.Simulator({ limits: toLimits(plat), config: toCoreConfig(plat, null) });
const siitCore = new addon.Simulator({ limits: toSiitLimits(siit), config: toSiitCoreConfig(siit, null, null) });

/** A 64-byte UDP packet over IPv6; the checksum is not zero, which is all that translation asks. */
function udp6(source, sourcePort) {
  const packet = Buffer.alloc(64);
  packet.writeUInt32BE(0x60000000, 0);
  packet.writeUInt16BE(24, 4);
  packet[6] = 17;
  packet[7] = 64;
  source.copy(packet, 8);
  Buffer.from('0064ff9b000000000000000008080808', 'hex').copy(packet, 24);
  packet.writeUInt16BE(sourcePort, 40);
  packet.writeUInt16BE(443, 42);
  packet.writeUInt16BE(24, 44);
  packet.writeUInt16BE(0x1234, 46);
  return packet;
}

const host = Buffer.from('20010db8000000000000000000000001', 'hex');
const mapped = Buffer.from('0064ff9b000000000000000001010101', 'hex');
for (let n = 0; n < 200_000; ++n) {
  host.writeUInt32BE(1 + (n >> 4), 12);
  nat64.inject(udp6(host, 1024 + (n & 15)), 1000);
}
const hit = udp6(host, 1024);
const stateless = udp6(mapped, 1024);
const sizes = nat64.sizes();
console.log(`calls from JavaScript, with ${sizes.sessions} sessions`);

new Benchmark.Suite()
  .add('Simulator.inject, NAT64 hit, 6 to 4', () => nat64.inject(hit, 1000))
  .add('Simulator.inject, SIIT, 6 to 4', () => siitCore.inject(stateless, 1000))
  .add('counters()', () => nat64.counters())
  .add('sessions(), a page of 1,000', () => nat64.sessions({ cursor: 0, limit: 1000 }))
  .add('sessions(), a page that a filter empties', () =>
    nat64.sessions({ cursor: 0, limit: 1000, v4: { address: '192.0.2.1', length: 32 } }),
  )
  .on('cycle', ({ target }) => {
    const micros = target.stats.mean * 1e6;
    const runs = target.stats.sample.length;
    console.log(
      `  ${target.name.padEnd(44)} ${micros.toFixed(2).padStart(9)} µs ± ${target.stats.rme.toFixed(1)} %, ${runs} runs`,
    );
  })
  .run();
