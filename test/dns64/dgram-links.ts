/** Imported before the tests of the upstream side, this makes them go by node:dgram. */
import { openDgramLink } from '../../src/dns64/upstream/udp-link-dgram.js';
import { sockets } from './asking.js';

sockets.openLink = openDgramLink;
