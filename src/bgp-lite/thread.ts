/** What the announcer's worker thread runs; `service.ts` starts it and speaks to it by messages. */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf, PlatypusError } from '../errors.js';
import { loadAddon } from '../native/addon.js';
import type { Failure } from '../thread/thread.js';
import {
  type Announcer,
  type AnnouncerOptions,
  type AnnouncerStatus,
  createAnnouncer,
  type Facts,
  type NeighborAction,
  type RouteReport,
} from './announcer.js';
import type { DrainOptions } from './drain.js';

/** From the service. `id` comes back with the answer; `facts` has none. */
export type ThreadRequest =
  | { id: number; kind: 'facts'; facts: Facts }
  | { id: number; kind: 'use'; options: AnnouncerOptions }
  | { id: number; kind: 'status' }
  | { id: number; kind: 'routes' }
  | { id: number; kind: 'drain'; options: Partial<DrainOptions> }
  | { id: number; kind: 'undrain' }
  | { id: number; kind: 'neighbor'; name: string; action: NeighborAction; text: string | null }
  | { id: number; kind: 'close'; planned: boolean };

/** To the service; the first message has the id 0. */
export type ThreadAnswer =
  | { id: number; done: true }
  | { id: number; changes: string[] }
  | { id: number; status: AnnouncerStatus }
  | { id: number; routes: RouteReport }
  /** What the operator asked for cannot be; `error` is for what went wrong. */
  | { id: number; refused: { code: PlatypusError['code']; message: string; status: number } }
  | { id: -1; level: 'info' | 'warn' | 'error'; message: string };

const port = parentPort;
if (port !== null) serve(port, workerData as AnnouncerOptions);

function serve(service: NonNullable<typeof parentPort>, options: AnnouncerOptions): void {
  const say = (answer: ThreadAnswer | Failure) => service.postMessage(answer);
  const logAs = (level: 'info' | 'warn' | 'error') => (message: string) => say({ id: -1, level, message });
  const log = { info: logAs('info'), warn: logAs('warn'), error: logAs('error') };
  let announcer: Announcer;
  try {
    announcer = createAnnouncer(options, { addon: loadAddon(), log });
  } catch (error) {
    say({ id: 0, error: messageOf(error) });
    return;
  }

  async function answer(request: ThreadRequest): Promise<ThreadAnswer> {
    const { id } = request;
    switch (request.kind) {
      case 'facts':
        announcer.learn(request.facts);
        break;
      case 'use':
        return { id, changes: await announcer.use(request.options) };
      case 'status':
        return { id, status: announcer.status() };
      case 'routes':
        return { id, routes: announcer.routes() };
      case 'drain':
        announcer.drain(request.options);
        break;
      case 'undrain':
        announcer.undrain();
        break;
      case 'neighbor':
        announcer.neighbor(request.name, request.action, request.text);
        break;
      case 'close':
        await announcer.stop({ planned: request.planned, text: null });
        service.unref();
        break;
    }
    return { id, done: true };
  }

  service.on('message', (request: ThreadRequest) => {
    answer(request).then(
      (found) => {
        if (request.kind !== 'facts') say(found);
      },
      (error: unknown) => {
        const { id } = request;
        if (!(error instanceof PlatypusError)) return say({ id, error: messageOf(error) });
        const { code, message, status } = error;
        say({ id, refused: { code, message, status } });
      },
    );
  });
  say({ id: 0, done: true });
}
