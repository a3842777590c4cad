/** POST /v1/explain: what the running translator would do with a packet. */
import type { FastifyInstance } from 'fastify';
import { field, section } from '../config/fields.js';
import type { Explanation } from '../explain/explain.js';
import { MAX_PACKET_BYTES } from '../explain/hex.js';
import { check } from './query.js';

/** Largest request body, bytes: the longest packet in hexadecimal, and what JSON puts around it. */
const BODY_BYTES = 2 * MAX_PACKET_BYTES + 1024;

const explainBody = section({
  packet: field(`an IP packet as hexadecimal digits, at most ${MAX_PACKET_BYTES} bytes`, (value) => {
    if (typeof value !== 'string' || value.length === 0 || value.length % 2 !== 0) return null;
    return /^[0-9a-f]*$/i.test(value) && value.length <= 2 * MAX_PACKET_BYTES ? Buffer.from(value, 'hex') : null;
  }),
});

/** Adds the route. */
export function registerExplain(app: FastifyInstance, target: { explain(packet: Buffer): Promise<Explanation> }): void {
  app.post('/v1/explain', { bodyLimit: BODY_BYTES }, (request) => {
    return target.explain(check(explainBody, 'body', request.body).packet);
  });
}
