import { expect, test } from 'vitest';
import { customer6, router4, server4, through } from '../../lab/topology.js';
import { download, megabytes20, ping, udpPort, upload } from '../../lab/traffic.js';
import { onNetwork, sockets } from './network.js';

const there = through(server4);

onNetwork('icmp', {}, (at) => {
  test('N64-ERR-07, -12 a closed port reaches the sender: connected UDP gets ECONNREFUSED', async () => {
    const asked = await at().customer.run(sockets('udp-refused', there, 7));
    expect(asked.stdout).toBe('ECONNREFUSED\n');
  });

  test('N64-ERR-09 a closed port of the IPv6 host reaches the IPv4 sender, from the pool4 address', async () => {
    const { server, translator } = at();
    const added = await translator.platypus('bib', 'add', 'udp', `${customer6}#7777`, '192.0.2.1#7777');
    expect(added).toMatchObject({ ok: true });
    const asked = await server.run(sockets('udp-refused', '192.0.2.1', 7777));
    expect(asked.stdout).toBe('ECONNREFUSED\n');
  });

  test('SIIT-6to4-07 a hop limit that ends in the translator is answered', async () => {
    const { stdout } = await at().customer.run(['ping', '-6', '-n', '-c', '1', '-w', '5', '-t', '2', there]);
    expect(stdout).toMatch(/Time exceeded: Hop limit/);
  });

  test('N64-ERR-10 a TTL that ends at a router of the IPv4 side is told in ICMPv6', async () => {
    const { stdout } = await at().customer.run(['ping', '-6', '-n', '-c', '1', '-w', '5', '-t', '4', there]);
    expect(stdout).toMatch(new RegExp(`From ${through(router4)} .*Time exceeded: Hop limit`));
  });

  test('SIIT-4to6-07 a TTL that ends in the translator is answered from the pool4 address', async () => {
    const { server, translator } = at();
    await translator.platypus('bib', 'add', 'udp', `${customer6}#7778`, '192.0.2.1#7778');
    const traced = await server.run([
      'traceroute',
      '-4',
      '-n',
      '-q',
      '1',
      '-w',
      '2',
      '-m',
      '6',
      '-U',
      '-p',
      '7778',
      '192.0.2.1',
    ]);
    const hops = [...traced.stdout.matchAll(/^ *\d+ +(\S+)/gm)].map((match) => match[1]);
    expect(hops.slice(0, 3)).toEqual(['198.51.100.1', '203.0.113.1', '192.0.2.1']);
    expect(hops.at(-1)).toBe('192.0.2.1');
  });

  test('N64-ERR-10 no route on the IPv4 side is told in ICMPv6', async () => {
    const { customer, router } = at();
    await router.script('ip route add unreachable 198.51.100.77');
    const { stdout } = await customer.run(['ping', '-6', '-n', '-c', '1', '-w', '5', through('198.51.100.77')]);
    expect(stdout).toMatch(new RegExp(`From ${through('203.0.113.2')} .*Destination unreachable: No route`));
  });

  test('SIIT-4to6-16 too big for the IPv6 side with DF: the IPv4 server learns 1480 and its answer arrives', async () => {
    const { customer, server } = at();
    const reply = server.start(sockets('udp-reply', server4, 9_200, 1472));
    await reply.output(/^listening$/m);
    const asked = await customer.run([...sockets('udp-patient', there, 9_200)]);
    expect(asked.stdout).toBe('1472\n');
    const { stdout } = await server.run(['ip', 'route', 'show', 'cache']);
    expect(stdout).toMatch(/mtu 1480/);
  });
});

onNetwork('icmp with a narrow link to the IPv4 Internet', { internetMtuBytes: 1400 }, (at) => {
  test('N64-TCP-32, SIIT-MTU-01 the IPv6 sender learns 1420 and the upload goes through', async () => {
    const { customer, folder } = at();
    await upload(customer, folder, megabytes20);
    const { stdout } = await customer.run(['ip', '-6', 'route', 'get', there]);
    expect(stdout).toMatch(/mtu 1420/);
  });

  test('the IPv4 sender learns 1400 and the download comes through', async () => {
    const { customer, folder } = at();
    await download(customer, folder, megabytes20);
  });

  test('N64-TUP-03 a ping too big for the link is told, and gets through in fragments afterwards', async () => {
    const { customer } = at();
    await customer.script('ip -6 route flush cache');
    const { stdout } = await customer.run(['ping', '-6', '-n', '-c', '1', '-w', '2', '-M', 'do', '-s', '1440', there]);
    expect(stdout).toMatch(/Packet too big: mtu=1420/);
    await ping(customer, there, 1440);
  });

  test('a datagram of 1400 bytes still finds its way', async () => {
    const { customer, server } = at();
    const reply = server.start(sockets('udp-reply', server4, udpPort + 1, 1300));
    await reply.output(/^listening$/m);
    const asked = await customer.run(sockets('udp-patient', there, udpPort + 1, 1400));
    expect(asked.stdout).toBe('1300\n');
  });
});
