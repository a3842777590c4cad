/** What the OSPF announcer counts: one number a name for each version that runs. */
import { defineCounters } from '../../counters.js';

const counters = defineCounters({
  'ospf.received.hello': 'Hello packets taken',
  'ospf.received.dd': 'Database Description packets taken',
  'ospf.received.lsr': 'Link State Request packets taken',
  'ospf.received.lsu': 'Link State Update packets taken',
  'ospf.received.lsack': 'Link State Acknowledgment packets taken',
  'ospf.sent.hello': 'Hello packets sent',
  'ospf.sent.dd': 'Database Description packets sent',
  'ospf.sent.lsr': 'Link State Request packets sent',
  'ospf.sent.lsu': 'Link State Update packets sent',
  'ospf.sent.lsack': 'Link State Acknowledgment packets sent',
  'ospf.sent.failed': 'packets that the socket did not take',
  'ospf.retransmitted': 'LSAs sent again because no acknowledgement came',
  'ospf.drop.malformed': 'packets of another version, type or length than OSPF knows',
  'ospf.drop.checksum': 'packets with a wrong checksum',
  'ospf.drop.area': 'packets of another area or instance',
  'ospf.drop.authentication_type': 'packets with another type of authentication',
  'ospf.drop.authentication': 'packets with a wrong password, key or digest',
  'ospf.drop.replayed': 'packets with a sequence number that was used before',
  'ospf.drop.source': 'packets whose source is not in the subnet of the interface',
  'ospf.drop.destination': 'packets to a group or address that is not of this router',
  'ospf.drop.own': 'own packets that came back',
  'ospf.drop.duplicate_router_id': 'packets of another router with the own router ID',
  'ospf.drop.no_neighbor': 'packets other than Hello of routers that are no neighbours',
  'ospf.drop.state': 'packets that mean nothing in the state of their neighbour',
  'ospf.drop.hello_mismatch': 'Hellos with other intervals, another mask or another type of area',
  'ospf.drop.neighbors_full': 'Hellos of more neighbours than an interface may have',
  'ospf.drop.mtu': 'Database Descriptions with an MTU above the own',
  'ospf.drop.bfd': 'Hellos of neighbours that BFD says are down',
  'ospf.drop.overflow': 'packets while adjacencies are held down because the database was too large',
  'ospf.lsa.checksum': 'LSAs skipped for their checksum',
  'ospf.lsa.unknown': 'LSAs skipped for their type or scope',
  'ospf.lsa.age': 'LSAs skipped for an age above MaxAge',
  'ospf.lsa.too_soon': 'LSAs skipped because the last instance is younger than MinLSArrival',
  'ospf.lsa.stray_ack': 'acknowledgements of another instance than was sent',
  'ospf.lsa.corrupt': 'stored LSAs whose checksum no longer holds',
  'ospf.adjacency.sequence_mismatch': 'adjacencies begun anew after a Database Description out of order',
  'ospf.adjacency.bad_request': 'adjacencies begun anew after a request for what is not there',
  'ospf.overflow': 'times that the database had more LSAs than it may',
});

export type Counter = (typeof counters.names)[number];

/** Every counter with its meaning, in the order in which they are shown. */
export const { names: counterNames, meaning: counterMeaning } = counters;

export type Statistics = Record<Counter, number>;

/** All zero. */
export const createStatistics = counters.create;
