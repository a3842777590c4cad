/** What the file of the program asks for, as far as a check compares it with what is. */
import { networkOf } from '../../config/address.js';
import type { Config } from '../../config/schema.js';

export interface Expectations {
  /** How hosts behind a CLAT are served; null without one. */
  lan: { mode: 'nat44' | 'none' | 'prefix' | 'eamt'; networks: string[]; device: string } | null;
  pool4: string[];
  /** The file that questions are logged to. */
  queryLog: string | null;
}

/** Reads them off. */
export function expectationsOf({ clat, plat, dns64 }: Config): Expectations {
  return {
    lan:
      clat === undefined
        ? null
        : { mode: clat.lan.mode, networks: clat.lan.networks.map(networkOf), device: clat.device },
    pool4: (plat?.pool4 ?? []).map(({ prefix }) => networkOf(prefix)),
    queryLog: dns64?.queryLog?.file ?? null,
  };
}
