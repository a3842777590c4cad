/** What a worker thread of the DNS64 server runs; `service.ts` starts it and speaks to it by messages. */
import { serveThread } from '../thread/serve.js';
import type { ServerReport } from './report.js';
import { defaultParts, openServer, type ServerConfig } from './server.js';

export interface ThreadData {
  config: ServerConfig;
  first: boolean;
  cookieSecret: Uint8Array;
}

/** From the service. `id` comes back with the answer. */
export type ThreadRequest =
  | { id: number; kind: 'use'; config: ServerConfig }
  | { id: number; kind: 'secret'; cookieSecret: Uint8Array }
  | { id: number; kind: 'report' }
  | { id: number; kind: 'close' };

/** To the service; the first message has the id 0 and says where the thread listens. */
export type ThreadAnswer =
  | { id: number; listening: string[] }
  | { id: number; report: ServerReport }
  | { id: number; done: true }
  | { id: -1; warning: string };

await serveThread<ThreadData, ThreadRequest, ThreadAnswer>(async ({ config, first, cookieSecret }, note) => {
  const parts = defaultParts(config.dns64.workers, (warning) => note({ warning }));
  const server = await openServer(config, { ...parts, first, cookieSecret });
  return {
    first: { listening: server.listening },
    async answer(request) {
      if (request.kind === 'report') return { report: server.report() };
      if (request.kind === 'use') server.use(request.config);
      else if (request.kind === 'secret') server.rollSecret(request.cookieSecret);
      else await server.close();
      return { done: true };
    },
  };
});
