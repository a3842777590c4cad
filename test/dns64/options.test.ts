/** What the upstream side is told of the configuration. */
import { expect, test } from 'vitest';
import { upstreamOptions } from '../../src/dns64/engine-options.js';
import { section } from './rig.js';

test('DNS-SPOOF-03 ports to be avoided reach the sockets to upstream', () => {
  expect(upstreamOptions(section('pool6: 2001:db8:64::/96, avoidPorts: [5353, 6000-6999]')).avoidPorts).toEqual([
    { from: 5353, to: 5353 },
    { from: 6000, to: 6999 },
  ]);
});
