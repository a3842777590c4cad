// Empties the tables of a running PLAT over its control socket: `node clear-bib.mjs SOCKET`.
import { request } from 'node:http';

const socketPath = process.argv[2];

function ask(method, path) {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method, path }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (more) => {
        text += more;
      });
      answer.on('end', () =>
        answer.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(`${method} ${path}: ${text}`)),
      );
    });
    asked.on('error', reject).end();
  });
}

for (;;) {
  const { rows } = await ask('GET', '/v1/bib?limit=4096');
  if (rows.length === 0) break;
  for (const { protocol, v4, port4 } of rows) {
    await ask('DELETE', `/v1/bib?protocol=${protocol}&v4=${v4}%23${port4}`);
  }
}
