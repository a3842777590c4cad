/** TCP as the speaker sees it. `tcp.ts` is the real one; tests bring one in memory. */

export interface SocketOptions {
  /** Interface or VRF device that the socket is bound to. */
  device: string | null;
  /** TTL or hop limit sent; null is the kernel's default. */
  hopLimit: number | null;
  /** Least TTL or hop limit that is taken (RFC 5082), null for any. */
  minHopLimit: number | null;
}

export interface ConnectOptions extends SocketOptions {
  remote: Endpoint;
  /** Own address, null for the kernel's choice. */
  local: string | null;
  /** RFC 2385, null for none. */
  md5Key: string | null;
}

export interface ListenOptions {
  family: 4 | 6;
  /** Null is any. */
  address: string | null;
  port: number;
  device: string | null;
  hopLimit: number | null;
  md5: readonly { address: string; key: string }[];
}

export interface Endpoint {
  address: string;
  port: number;
}

export interface ConnectionEvents {
  /** At most one chunk for each turn of the event loop; what is not read yet stays in the kernel. */
  data(chunk: Uint8Array): void;
  /** Some of what was written has gone to the kernel. */
  progress(): void;
  /** Once, also after an error; not after `close` or `reset`. `error` null: the other side closed. */
  closed(error: string | null): void;
}

export interface Connection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Octets that the kernel has not taken yet. */
  queuedBytes(): number;
  /** Called once; nothing is told before. */
  start(events: ConnectionEvents): void;
  write(octets: Uint8Array): void;
  /** After what was written; without waiting for more than `graceMs`. */
  close(graceMs: number): Promise<void>;
  /** At once. */
  reset(): void;
  /** For a connection that came in: what the listener could not know. */
  restrict(options: { hopLimit: number | null; minHopLimit: number | null }): void;
}

export interface Listener {
  /** Null takes the key away. */
  setMd5(address: string, key: string | null): void;
  close(): void;
}

/** The network devices of the host. */
export interface Devices {
  /** `index` is the ifIndex. Null when there is no such device. */
  device(name: string): { index: number } | null;
  /** `changed` is called after any device may have changed; the function returned ends that. */
  watch(changed: () => void): () => void;
}

export interface Transport {
  /** Calls `done` once, later, unless cancelled. */
  connect(options: ConnectOptions, done: (result: Connection | string) => void): { cancel(): void };
  /** Throws an Error whose message says why. */
  listen(options: ListenOptions, accept: (connection: Connection) => void): Listener;
}
