/**
 * `make soak-dns64`: dnsperf at full load for DURATION seconds (120 unless told) while the resolver behind the DNS64 server is
 * killed for the middle third. Names live for 20 s, so most answers are past their time by then. Prints what was asked,
 * answered and lost, and the server's memory before and after; exits 1 when a known name was not answered.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { missing } from './host.js';
import { labConfig, startUnbound } from './names.js';
import { startPlat } from './plat.js';
import { failure, rssKib } from './process.js';
import { buildNetwork, plat6 } from './topology.js';

const NAMES = 1000;
const seconds = Number(process.argv[2] ?? 120);
/** Unbound has every name below, with an A record only. */
const MORE = 'local-zone: "soak.test." redirect\n  local-data: "soak.test. 20 IN A 198.51.100.2"';

async function soak(): Promise<number> {
  const lacking = missing();
  if (lacking !== null) {
    console.log(`skipped: ${lacking}`);
    return 0;
  }
  const network = await buildNetwork();
  try {
    const { customer, folder } = network;
    let resolver = await startUnbound(network, MORE);
    const plat = await startPlat(network, { config: labConfig });
    const names = join(folder, 'names');
    await writeFile(names, Array.from({ length: NAMES }, (_, index) => `n${index}.soak.test AAAA\n`).join(''));
    const dnsperf = ['dnsperf', '-s', plat6, '-d', names, '-f', 'inet6', '-q', '100', '-t', '5'];
    const warm = await customer.run([...dnsperf, '-n', '1']);
    if (!warm.ok) throw new Error(failure(warm));
    const pid = plat.service.pid;
    const memory = [await rssKib(pid)];

    const third = (seconds * 1000) / 3;
    const load = customer.start([...dnsperf, '-l', String(seconds)]);
    await new Promise((resolve) => setTimeout(resolve, third));
    memory.push(await rssKib(pid));
    await resolver.stop();
    await new Promise((resolve) => setTimeout(resolve, third));
    memory.push(await rssKib(pid));
    resolver = await startUnbound(network, MORE);
    const { stdout, ok, stderr } = await load.exited;
    if (!ok) throw new Error(stderr);
    memory.push(await rssKib(pid));

    const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1]);
    const sent = number(/Queries sent:\s+(\d+)/);
    const lost = number(/Queries lost:\s+(\d+)/);
    const codes = /Response codes:\s+(.*)/.exec(stdout)?.[1] ?? '';
    const counters = await plat.counters();
    console.log(`${seconds} s, the resolver gone for the middle third
sent      ${sent}, ${Math.round(sent / seconds)} a second
lost      ${lost}
answers   ${codes}
stale     ${counters['dns64.cache.stale']} by patience; upstream failed ${counters['dns64.upstream.failed']} questions
memory    ${memory.map((kib) => (kib / 1024).toFixed(1)).join(', ')} MiB: before, after each third`);
    const answered = Number(/NOERROR (\d+)/.exec(codes)?.[1] ?? 0);
    return lost === 0 && answered === sent ? 0 : 1;
  } finally {
    await network.close();
  }
}

try {
  process.exitCode = await soak();
} catch (error) {
  console.error(`soak-dns64: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
