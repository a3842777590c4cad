/** tayga, as Debian has it: stateless, one packet at a time, no offload. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addresses, pinned, setUpTun, untilAttached } from '../throughput/chain.js';
import { debianVersion, type Peer, which } from './peer.js';

export const tayga: Peer = {
  name: 'tayga',
  about: 'userspace, stateless',
  way: 'host',
  families: { client: 6, server: 4 },
  stateful: false,
  async available() {
    if (which('tayga') === null) return { unavailable: 'tayga is not installed: scripts/setup.sh bench' };
    return { version: `tayga ${debianVersion('tayga') ?? '(not from a package)'}` };
  },
  async start({ translator, folder }, { core }) {
    const file = join(folder, 'tayga.conf');
    await writeFile(
      file,
      `tun-device tayga
ipv4-addr 203.0.113.9
prefix ${addresses.pool6}
map ${addresses.hosts4} ${addresses.hosts6}
data-dir ${folder}
`,
    );
    // The device has to be there before tayga runs, so that it can be set up without racing it.
    await translator.script(`tayga --config ${file} --mktun >/dev/null\n${setUpTun('tayga')}`);
    const service = translator.start(pinned(['tayga', '--config', file, '--nodetach'], core));
    await untilAttached(translator, 'tayga', service);
  },
};
