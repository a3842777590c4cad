/** What the responder counts. */
import { defineCounters } from '../counters.js';

const counters = defineCounters({
  'responder.requests.udp': 'Binding requests over UDP',
  'responder.requests.tcp': 'Binding requests over TCP',
  'responder.answers': 'answers',
  'responder.answers.changed': 'answers from the other address or port, as CHANGE-REQUEST asks (RFC 5780 §7.2)',
  'responder.answers.no_checksum': 'answers without a UDP checksum, as ASK asks',
  'responder.answers.dont_fragment': 'answers with DF, as ASK asks',
  'responder.answers.errors': 'requests refused with an error code (RFC 8489 §14.8)',
  'responder.shortened': 'answers shorter than asked for: longer than the request, or above the rate of long answers',
  'responder.drop.stranger': 'packets and connections from addresses that `from` does not name',
  'responder.drop.device': "UDP packets from pool4 that did not come by the translator's device: forged",
  'responder.drop.rate_limited': 'requests above the rate of their address',
  'responder.drop.malformed': 'packets that are no STUN message',
  'responder.drop.not_a_request': 'STUN messages that are no Binding request',
  'responder.drop.connections': 'connections above what there is room for',
});

export type Counter = (typeof counters.names)[number];

/** Every counter with its meaning, in the order in which they are shown. */
export const { names: counterNames, meaning: counterMeaning } = counters;

export type Statistics = Record<Counter, number>;

/** All zero. */
export const createStatistics = counters.create;
