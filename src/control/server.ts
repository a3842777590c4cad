/** The control socket: HTTP and JSON over a Unix socket. Paths and answers are in docs/reference/api.md. */
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import { errors, isSystemError, messageOf, PlatypusError } from '../errors.js';
import { registerAnnouncer } from './announcer.js';
import { registerExplain } from './explain.js';
import { CONTENT_TYPE } from './exposition.js';
import { createScrape, type Scrape } from './metrics.js';
import {
  readBibEntry,
  readBibKey,
  readEamAddress,
  readEamEntries,
  readEamKey,
  readEamQuery,
  readNothing,
  readPool4Entry,
  readPool4Key,
  readTableQuery,
} from './query.js';
import { claimSocket, protectSocket } from './socket.js';
import type { ControlTarget } from './target.js';
import { registerTrace } from './trace.js';

/** Largest request body, bytes. */
const BODY_BYTES = 16 * 1024;
/** The same for EAM entries: MAX_EDIT_ENTRIES of the longest. */
const EAMT_BODY_BYTES = 8 * 1024 * 1024;
const REQUEST_MS = 10_000;
const IDLE_MS = 30_000;
const CONNECTIONS = 64;

const NOT_KEPT = 'in force until the translator ends or the file is reloaded; not written to the file';

export interface ControlServer {
  readonly path: string;
  /** Closes all connections and removes the socket. */
  close(): Promise<void>;
}

/** The API without a socket, for tests with `inject`. */
export function createControlApp(
  target: ControlTarget,
  onError: (message: string) => void,
  scrape: Scrape = createScrape(target),
): FastifyInstance {
  const app = Fastify({
    bodyLimit: BODY_BYTES,
    requestTimeout: REQUEST_MS,
    connectionTimeout: IDLE_MS,
    keepAliveTimeout: IDLE_MS,
    forceCloseConnections: true,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 64 },
  });

  app.setErrorHandler((error: FastifyError | PlatypusError, _request, reply) => {
    const known = error instanceof PlatypusError ? error : fromFastify(error);
    if (known.status >= 500) onError(known.message);
    return reply.status(known.status).send({ code: known.code, message: known.message });
  });
  app.setNotFoundHandler((request) => {
    throw errors.routeUnknown(request.method, request.url.slice(0, 100));
  });

  app.get('/v1/status', (request) => {
    readNothing(request.query);
    return target.status();
  });
  app.get('/v1/stats', async (request) => {
    readNothing(request.query);
    return { counters: await target.stats() };
  });
  app.get('/metrics', async (request, reply) => {
    readNothing(request.query);
    return reply.type(CONTENT_TYPE).send(await scrape());
  });
  app.get('/v1/sessions', (request) => target.sessions(readTableQuery(request.query, 'sessions')));

  app.get('/v1/bib', (request) => target.bib(readTableQuery(request.query, 'bib')));
  app.post('/v1/bib', async (request, reply) => {
    await target.addBib(readBibEntry(request.body));
    return reply.status(201).send({ note: NOT_KEPT });
  });
  app.delete('/v1/bib', async (request) => {
    const { protocol, v4 } = readBibKey(request.query);
    await target.removeBib({ protocol, v4: v4.address.text, port4: v4.port });
    return { note: NOT_KEPT };
  });

  app.get('/v1/pool4', async (request) => {
    readNothing(request.query);
    return { rows: await target.pool4() };
  });
  app.post('/v1/pool4', async (request, reply) => {
    const report = await target.addPool4(readPool4Entry(request.body));
    return reply.status(201).send({ ...report, note: NOT_KEPT });
  });
  app.delete('/v1/pool4', async (request) => {
    const report = await target.removePool4(readPool4Key(request.query));
    return { ...report, note: NOT_KEPT };
  });

  registerAnnouncer(app, target);
  registerExplain(app, target);
  registerTrace(app, target);

  app.get('/v1/eamt', (request) => target.eamt(readEamQuery(request.query)));
  app.get('/v1/eamt/lookup', (request) => target.lookupEamt(readEamAddress(request.query)));
  app.post('/v1/eamt', { bodyLimit: EAMT_BODY_BYTES }, async (request, reply) => {
    const report = await target.addEamt(readEamEntries(request.body));
    return reply.status(201).send({ ...report, note: NOT_KEPT });
  });
  app.delete('/v1/eamt', async (request) => {
    const report = await target.removeEamt(readEamKey(request.query));
    return { ...report, note: NOT_KEPT };
  });

  app.post('/v1/reload', (request) => {
    readNothing(request.query);
    return target.reload();
  });
  return app;
}

/** Fastify's own refusals (body too large, not JSON …) and what nobody foresaw. */
function fromFastify(error: FastifyError): PlatypusError {
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) {
    return new PlatypusError('PLT_REQUEST_INVALID', `request: ${error.message}`, { status });
  }
  return new PlatypusError('PLT_INTERNAL', `the request failed: ${messageOf(error)}`, { status: 500, cause: error });
}

/** Listens on a Unix socket, mode 0660. Throws PLT_SOCKET_BUSY or PLT_SOCKET_UNUSABLE. */
export async function startControl(
  path: string,
  target: ControlTarget,
  onError: (message: string) => void,
  scrape: Scrape = createScrape(target),
): Promise<ControlServer> {
  const releaseFolder = await claimSocket(path);
  const app = createControlApp(target, onError, scrape);
  app.server.maxConnections = CONNECTIONS;
  await app.ready();
  // The socket is made when listening begins: nobody else may connect before its mode is set.
  const umask = process.umask(0o117);
  try {
    await app.listen({ path });
  } catch (error) {
    await app.close();
    await releaseFolder();
    if (isSystemError(error) && error.code === 'EADDRINUSE') throw errors.socketBusy(path);
    throw errors.socketUnusable(path, messageOf(error), { cause: error });
  } finally {
    process.umask(umask);
  }
  await protectSocket(path);
  return {
    path,
    async close() {
      // Node removes the socket's file when the server closes.
      await app.close();
      await releaseFolder();
    },
  };
}
