import { expect, test } from 'vitest';
import { socketFailure } from '../src/errors.js';
import { systemError } from './fakes/addon.js';

test.each([
  [systemError('EACCES', 'bind'), 'EACCES, expected root or a process with the capability CAP_NET_BIND_SERVICE'],
  [systemError('EPERM', 'socket'), 'EPERM, expected root or a process with the capability CAP_NET_RAW'],
  [systemError('EADDRNOTAVAIL', 'bind'), 'EADDRNOTAVAIL, expected an address of this host'],
  [new Error('closed already'), 'closed already'],
  ['a word', 'a word'],
])('why a socket could not be opened: %s', (error, sentence) => {
  expect(socketFailure(error)).toBe(sentence);
});
