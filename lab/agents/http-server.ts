/**
 * An HTTP server to talk to: `node http-server.js ADDRESS PORT`.
 * GET /whoami tells the client's address as this server sees it; GET /bytes/N sends N bytes of the pattern;
 * PUT /sink answers with length and SHA-256 of what was sent.
 */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { Readable } from 'node:stream';
import { pattern } from './pattern.js';

const [address = '0.0.0.0', port = '8080'] = process.argv.slice(2);

const server = createServer((request, response) => {
  const bytes = request.url?.match(/^\/bytes\/(\d{1,10})$/)?.[1];
  if (request.url === '/whoami') {
    response.end(`${request.socket.remoteAddress}#${request.socket.remotePort}\n`);
  } else if (bytes !== undefined) {
    response.writeHead(200, { 'content-length': bytes });
    Readable.from(pattern(Number(bytes))).pipe(response);
  } else if (request.url === '/sink') {
    const hash = createHash('sha256');
    let length = 0;
    request.on('data', (piece: Buffer) => {
      hash.update(piece);
      length += piece.length;
    });
    request.on('end', () => response.end(`${length} ${hash.digest('hex')}\n`));
  } else {
    response.writeHead(404).end('not here\n');
  }
});
server.listen(Number(port), address, () => console.log('listening'));
