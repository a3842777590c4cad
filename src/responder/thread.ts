/** What the responder's thread runs; `service.ts` starts it and speaks to it by messages. */
import { loadAddon } from '../native/addon.js';
import { serveThread } from '../thread/serve.js';
import { openResponder, type ServerConfig, type ServerReport } from './server.js';

/** From the service. `id` comes back with the answer. */
export type ThreadRequest =
  | { id: number; kind: 'use'; config: ServerConfig }
  | { id: number; kind: 'report' }
  | { id: number; kind: 'close' };

/** To the service; the first message has the id 0 and says where the thread listens. */
export type ThreadAnswer =
  | { id: number; listening: string[] }
  | { id: number; report: ServerReport }
  | { id: number; done: true };

await serveThread<ServerConfig, ThreadRequest, ThreadAnswer>(async (config) => {
  const server = await openResponder(config, { addon: loadAddon(), nowMs: () => performance.now() });
  return {
    first: { listening: server.listening },
    async answer(request) {
      if (request.kind === 'report') return { report: server.report() };
      if (request.kind === 'use') server.use(request.config);
      else await server.close();
      return { done: true };
    },
  };
});
