/** What the readiness gate has the routing protocols announce. */
import type { Prefix } from '../config/address.js';

/** One prefix of the full set that is announced now; `lowered` asks neighbours to prefer another way. */
export interface Announcement {
  prefix: Prefix;
  preference: 'normal' | 'lowered';
}
