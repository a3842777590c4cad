/**
 * tundra-nat64: userspace, stateless, several threads. Debian has no package of it; measured where somebody installed
 * it. Its NAT64 mode translates one host and leaves the others to a NAT66 before it, which is not built here.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { addresses, pinned, setUpTun, untilAttached } from '../throughput/chain.js';
import { type Peer, which } from './peer.js';

const command = 'tundra-nat64';

export const tundra: Peer = {
  name: 'tundra',
  about: 'userspace, stateless, one host',
  way: 'host',
  families: { client: 6, server: 4 },
  stateful: false,
  oneHost: 'its NAT64 mode translates one host',
  async available() {
    return which(command) === null
      ? { unavailable: `${command} is not installed, and Debian has no package of it` }
      : { version: command };
  },
  async start({ translator, folder }, { core }) {
    const file = join(folder, 'tundra.conf');
    await writeFile(
      file,
      `program.translator_threads = 1
program.chroot_dir =
program.privilege_drop_user =
program.privilege_drop_group =
io.mode = tun
io.tun.device_path =
io.tun.interface_name = tundra
io.tun.owner_user =
io.tun.owner_group =
translator.mode = nat64
translator.nat64_clat.ipv4 = ${addresses.client4}
translator.nat64_clat.ipv6 = ${addresses.client6}
translator.nat64_clat_siit.prefix = ${addresses.pool6.replace(/\/.*/, '')}
translator.nat64_clat_siit.allow_translation_of_private_ips = yes
translator.ipv4.outbound_mtu = 1500
translator.ipv6.outbound_mtu = 1500
translator.6to4.copy_dscp_and_ecn = yes
translator.4to6.copy_dscp_and_ecn = yes
router.ipv4 = 203.0.113.9
router.ipv6 = 2001:db8:0:3::9
`,
    );
    await translator.script(`${command} --config-file=${file} mktun >/dev/null\n${setUpTun('tundra')}`);
    const service = translator.start(pinned([command, `--config-file=${file}`, 'translate'], core));
    await untilAttached(translator, 'tundra', service);
  },
};
