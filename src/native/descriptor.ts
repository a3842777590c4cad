/** The descriptor of a socket of Node's, for what only the addon can ask of it. */
import type { Socket } from 'node:net';

/** Null when it is closed. Node has no public name for it. */
export function descriptorOf(socket: Socket): number | null {
  const handle = (socket as unknown as { _handle?: { fd?: number } | null })._handle;
  return handle?.fd !== undefined && handle.fd >= 0 ? handle.fd : null;
}
