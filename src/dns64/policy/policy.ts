/** Which group a client is of. Who is in none gets no answer: this is no open resolver. */
import { isDeepStrictEqual } from 'node:util';
import { Group, type GroupRules } from './group.js';
import { Networks } from './networks.js';

export class Policy {
  readonly groups: readonly Group[];
  private readonly clients: Networks<Group>;

  /** Groups of `before` whose rules are the same keep their answers in the cache. */
  constructor(rules: readonly GroupRules[], before?: Policy) {
    let serial = before?.lastSerial ?? 0;
    this.groups = rules.map((rule) => {
      const same = before?.groups.find((group) => sameAnswers(group.rules, rule));
      if (same !== undefined) return new Group(rule, same.serial);
      serial += 1;
      return new Group(rule, serial);
    });
    this.lastSerial = serial;
    this.clients = new Networks(
      this.groups.flatMap((group) => group.rules.clients.map((prefix) => [prefix, group] as const)),
    );
  }

  private readonly lastSerial: number;

  /** The group of the client with this address: 4 octets, or 16. */
  groupOf(family: 4 | 6, address: Uint8Array): Group | null {
    return this.clients.find(family, address);
  }
}

function sameAnswers(a: GroupRules, b: GroupRules): boolean {
  return isDeepStrictEqual({ ...a, clients: null, name: null }, { ...b, clients: null, name: null });
}
