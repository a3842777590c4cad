/** Who can stand in the middle. A new one is a file in this folder and a line here. */
import { cable } from './cable.js';
import { forwarding, forwarding4 } from './forwarding.js';
import { jool } from './jool.js';
import type { Peer } from './peer.js';
import { plat, siit } from './platypus.js';
import { tayga } from './tayga.js';
import { tunLoop } from './tun-loop.js';
import { tundra } from './tundra.js';

export const peers: readonly Peer[] = [plat, siit, tunLoop, cable, forwarding, forwarding4, tayga, tundra, jool];

/** Measured whatever PEERS says, unless OURS says otherwise. */
export const ours: readonly string[] = ['plat', 'siit', 'tun-loop', 'cable'];

/** Who is drawn in the accent colour; bench/jool calls the PLAT `platypus`. */
export const accented: readonly string[] = ['plat', 'siit', 'platypus'];
