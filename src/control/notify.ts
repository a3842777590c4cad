/**
 * Readiness for systemd (sd_notify, Type=notify). Node has no Unix datagram sockets, so where NOTIFY_SOCKET is set the
 * message goes through `systemd-notify`, which the unit must allow with NotifyAccess=all; elsewhere nothing is done.
 */
import { spawn } from 'node:child_process';

export type Notify = (...variables: string[]) => Promise<void>;

const NOTIFY_MS = 5000;

/** A sender of variables such as `READY=1` and `STATUS=…`. Failures are told to `onError` and never thrown. */
export function createNotify(environment: NodeJS.ProcessEnv, onError: (message: string) => void): Notify {
  if (!environment.NOTIFY_SOCKET) return async () => {};
  return (...variables) =>
    new Promise((resolve) => {
      const child = spawn('systemd-notify', ['--', ...variables], {
        env: environment,
        stdio: 'ignore',
        timeout: NOTIFY_MS,
      });
      child.once('error', (error) => {
        onError(`cannot tell systemd ${variables[0]}: ${error.message}`);
        resolve();
      });
      child.once('exit', (code) => {
        if (code !== 0) onError(`cannot tell systemd ${variables[0]}: systemd-notify ended with ${code ?? 'a signal'}`);
        resolve();
      });
    });
}
