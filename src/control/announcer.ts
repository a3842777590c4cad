/** Routes, neighbours and drain over the control socket. */
import type { FastifyInstance } from 'fastify';
import { choice, duration, field, section, wholeNumber } from '../config/fields.js';
import { check, readNothing } from './query.js';
import type { ControlTarget } from './target.js';

const drainBody = section({
  sessions: wholeNumber(0, 0xffff_ffff, 'sessions').optional(),
  timeout: duration(0, 86_400, 'at once').optional(),
});

const neighborBody = section({
  name: field('the name of a neighbour', (value) =>
    typeof value === 'string' && value.length > 0 && value.length <= 64 ? value : null,
  ),
  action: choice('clear', 'shutdown', 'enable'),
  // RFC 9003 §2
  text: field('text of at most 128 bytes', (value) =>
    typeof value === 'string' && Buffer.byteLength(value) <= 128 ? value : null,
  ).optional(),
});

/** Adds the paths. */
export function registerAnnouncer(app: FastifyInstance, target: ControlTarget): void {
  app.get('/v1/neighbors', (request) => {
    readNothing(request.query);
    return target.announcer().status();
  });
  app.post('/v1/neighbors', async (request) => {
    const { name, action, text } = check(neighborBody, 'body', request.body);
    await target.announcer().neighbor(name, action, text ?? null);
    return {};
  });
  app.get('/v1/routes', (request) => {
    readNothing(request.query);
    return target.announcer().routes();
  });
  app.post('/v1/drain', async (request) => {
    const { sessions, timeout } = check(drainBody, 'body', request.body ?? {});
    const announcer = target.announcer();
    await announcer.drain({
      ...(sessions === undefined ? {} : { sessions }),
      ...(timeout === undefined ? {} : { timeoutMs: timeout * 1000 }),
    });
    return (await announcer.status()).drain;
  });
  app.delete('/v1/drain', async (request) => {
    readNothing(request.query);
    const announcer = target.announcer();
    await announcer.undrain();
    return (await announcer.status()).drain;
  });
  app.post('/v1/restart', (request) => {
    readNothing(request.query);
    target.announcer().planRestart();
    return {};
  });
}
