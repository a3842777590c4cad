/**
 * Hosts and the cables between them. A host is a network namespace held open by one process; nothing has a name in
 * the file system, so a host is gone when its process is. Works as root and inside `unshare --user --net` alike.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { bounded, failure, type Outcome, type RunOptions, type Service, type StartOptions, start } from './process.js';

export interface Host {
  readonly name: string;
  /** The process that holds the namespace: `nsenter --target PID --net`. */
  readonly pid: number;
  /** Runs a program on this host to its end. Never rejects. */
  run(argv: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Runs shell lines that must work; rejects with what went wrong. Returns the standard output. */
  script(lines: string): Promise<string>;
  /** Starts a program on this host; `close` stops it. */
  start(argv: readonly string[], options?: StartOptions): Service;
  /** Ends the host with everything that runs on it. */
  close(): Promise<void>;
}

/** The end of a cable at one host. */
export interface Port {
  host: Host;
  /** Interface name. */
  name: string;
  /** `address/length`, both families. */
  addresses: readonly string[];
  mtuBytes?: number;
}

/** Why no network can be built here, or null. One sentence, for people. */
export function missing(): string | null {
  const works = (...args: string[]) => spawnSync('unshare', [...args, 'true'], { stdio: 'ignore' }).status === 0;
  if (!works('--net')) {
    if (works('--user', '--map-root-user', '--net')) {
      return 'network namespaces need root or a user namespace: start this through scripts/in-namespaces.sh, as `make` does';
    }
    return process.getuid?.() === 0
      ? 'network namespaces cannot be made: this root has no CAP_SYS_ADMIN, and the kernel refuses `unshare -Urn` too'
      : 'network namespaces cannot be made: not root, and the kernel refuses `unshare -Urn` (see the sysctls user.max_user_namespaces, user.max_net_namespaces and kernel.unprivileged_userns_clone)';
  }
  try {
    closeSync(openSync('/dev/net/tun', 'r+'));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    const hint =
      code === 'EACCES' ? 'this user may not open it' : 'load the module `tun`, or give the container the device';
    return `/dev/net/tun cannot be opened (${code}): ${hint}`;
  }
  return null;
}

/** How a person enters a host from another terminal. */
export function enterCommand(host: Host): string {
  return process.env.PLATYPUS_USER_NAMESPACE === '1'
    ? `nsenter --target ${host.pid} --user --net --preserve-credentials`
    : `nsenter --target ${host.pid} --net`;
}

// No router advertisements, no waiting for duplicate address detection, no limit on the kernels' ICMP errors: what a
// test sees must not hang on time.
const quiet = `
for f in default all; do
  echo 0 >/proc/sys/net/ipv6/conf/$f/accept_dad
  echo 0 >/proc/sys/net/ipv6/conf/$f/accept_ra
  echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter
done
echo 0 >/proc/sys/net/ipv4/icmp_ratelimit
[ ! -w /proc/sys/net/ipv4/icmp_msgs_per_sec ] || echo 100000 >/proc/sys/net/ipv4/icmp_msgs_per_sec
echo 0 >/proc/sys/net/ipv6/icmp/ratelimit
ip link set lo up`;

/** Makes a host with its loopback up. */
export async function openHost(name: string): Promise<Host> {
  const holder = start(['unshare', '--net', '--', 'sh', '-c', 'echo open; exec cat']);
  await holder.output(/open/);
  const services = new Set<Service>();
  const enter = (argv: readonly string[]) => ['nsenter', '--target', String(holder.pid), '--net', '--', ...argv];
  const host: Host = {
    name,
    pid: holder.pid,
    async run(argv, options) {
      const outcome = await bounded(host.start(argv, { input: '', ...options }), options?.timeoutMs);
      return { ...outcome, argv };
    },
    async script(lines) {
      const outcome = await host.run(['sh', '-eu'], { input: lines });
      if (!outcome.ok) throw new Error(`${name}: ${failure(outcome)}`);
      return outcome.stdout;
    },
    start(argv, options) {
      const service = start(enter(argv), options);
      services.add(service);
      void service.exited.then(() => services.delete(service));
      return service;
    },
    async close() {
      await Promise.all([...services].map((service) => service.stop()));
      await holder.stop();
    },
  };
  await host.script(quiet);
  return host;
}

/** Puts a cable (veth) between two hosts and configures both ends. */
export async function cable(a: Port, b: Port): Promise<void> {
  await a.host.script(`ip link add ${a.name} type veth peer name ${b.name} netns ${b.host.pid}`);
  for (const port of [a, b]) {
    const mtu = port.mtuBytes === undefined ? '' : ` mtu ${port.mtuBytes}`;
    const addresses = port.addresses.map((address) => `ip address add ${address} dev ${port.name}`).join('\n');
    await port.host.script(`ip link set ${port.name}${mtu} up\n${addresses}`);
  }
}

/** Lets a host forward packets of both families. */
export async function forward(host: Host): Promise<void> {
  await host.script('echo 1 >/proc/sys/net/ipv6/conf/all/forwarding\necho 1 >/proc/sys/net/ipv4/ip_forward');
}
