/** What the announcer's worker thread runs; `service.ts` starts it and speaks to it by messages. */
import { loadAddon } from '../native/addon.js';
import { serveThread } from '../thread/serve.js';
import {
  type AnnouncerOptions,
  type AnnouncerStatus,
  createAnnouncer,
  type Facts,
  type NeighborAction,
  type RouteReport,
} from './announcer.js';
import type { DrainOptions } from './drain.js';

/** From the service. `id` comes back with the answer; `facts` are only told. */
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
  | { id: -1; level: 'info' | 'warn' | 'error'; message: string };

await serveThread<AnnouncerOptions, ThreadRequest, ThreadAnswer>((options, note) => {
  const logAs = (level: 'info' | 'warn' | 'error') => (message: string) => note({ level, message });
  const log = { info: logAs('info'), warn: logAs('warn'), error: logAs('error') };
  const announcer = createAnnouncer(options, { addon: loadAddon(), log });
  return {
    first: { done: true },
    async answer(request) {
      switch (request.kind) {
        case 'facts':
          announcer.learn(request.facts);
          break;
        case 'use':
          return { changes: await announcer.use(request.options) };
        case 'status':
          return { status: announcer.status() };
        case 'routes':
          return { routes: announcer.routes() };
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
          break;
      }
      return { done: true };
    },
  };
});
