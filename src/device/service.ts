/** What every translator service is to the program that starts it. */
import type { Config } from '../config/schema.js';
import type { Dataplane } from '../native/addon.js';
import type { Plan } from './device.js';

export interface Service<Configuration extends Config> {
  readonly dataplane: Dataplane;
  /** The configuration in force; edits made over the control socket are in it. */
  config(): Configuration;
  /** What of it the packet path has, and what is routed to it. */
  plan(): Plan;
  /** Applies a configuration while running. Returns what changed, as sentences. Throws and changes nothing otherwise. */
  reload(next: Config): Promise<string[]>;
  /** Takes away routes and device. Never throws; a second call waits for the first. */
  stop(): Promise<void>;
}
