/** What the announcer needs of the machine: sockets, devices, BFD and a log. All of it is handed in. */

export interface OspfPacket {
  /** Without the IP header; as long as IP says the payload is. */
  bytes: Uint8Array;
  source: string;
  destination: string;
}

/** Raw protocol 89 on one device: TTL 1, TOS 0xc0, own multicast not looped back, 224.0.0.5 or ff02::5 not yet joined. */
export interface OspfSocket {
  /** The packet is complete with its checksum. Throws, or answers false, when the kernel does not take it. */
  send(packet: Uint8Array, destination: string): boolean | undefined;
  join(group: string): void;
  leave(group: string): void;
  close(): void;
}

export interface OspfSocketOptions {
  family: 4 | 6;
  device: string;
  /** Own address that packets are sent from; version 3's checksum covers it. */
  source: string;
}

export interface OspfSockets {
  /** `onPackets` gets what could be read at once, in order. Throws when the socket cannot be opened. */
  open(options: OspfSocketOptions, onPackets: (packets: readonly OspfPacket[]) => void): OspfSocket;
}

/** What the kernel says of a device. */
export interface OspfDevice {
  /** ifIndex. */
  index: number;
  mtu: number;
  up: boolean;
  address4: { address: string; length: number } | null;
  /** Link-local and global ones, none that is tentative. */
  addresses6: readonly { address: string; length: number }[];
}

export interface OspfHost {
  /** Null when there is no such device. */
  device(name: string): OspfDevice | null;
  /** `changed` is called after any device may have changed; the function returned ends that. */
  watch(changed: () => void): () => void;
}
