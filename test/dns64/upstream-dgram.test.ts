/** All tests of the upstream side once more, without the native core's sockets. */
import './dgram-links.js';
import './upstream.test.js';
import './upstream-choice.test.js';
import './upstream-stream.test.js';
