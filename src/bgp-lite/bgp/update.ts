/**
 * UPDATE as it is received (RFC 4271 §4.3, RFC 4760), judged by RFC 7606: the strongest of all faults decides, and only
 * what makes the prefixes themselves unreadable ends the session.
 */
import type { Family } from '../../config/address.js';
import { mergeAs4Path } from './as-path.js';
import { type AttributeContext, type Fault, noAttributes, type PathAttributes, readAttribute } from './attributes.js';
import { type Nlri, readNlri } from './nlri.js';
import { type Notification, notification } from './notification.js';
import { AttributeFlag, AttributeType, ErrorCode, familyOf, UpdateError } from './numbers.js';

export interface UpdateContext extends AttributeContext {
  /** Families that both sides named. */
  families: readonly Family[];
}

export interface Reach {
  family: Family;
  /** 4, 16 or 32 octets; null when NEXT_HOP is missing, which makes the routes withdrawn ones. */
  nextHop: Uint8Array | null;
  nlri: Nlri[];
}

export interface Update {
  withdrawn: { family: Family; nlri: Nlri[] }[];
  reachable: Reach[];
  attributes: PathAttributes;
  /** Why the reachable prefixes are to be taken as withdrawn (RFC 7606 §2), or null. */
  treatAsWithdraw: string | null;
  /** What was left out and why: attributes, and families that nobody agreed on. */
  discarded: string[];
  /** RFC 4724 §2. */
  endOfRib: Family | null;
}

export type UpdateResult = { update: Update } | { reset: Notification; reason: string };

/** While one UPDATE is read. */
interface Reading {
  context: UpdateContext;
  update: Update;
  /** Strongest fault so far that is not a mere discard. */
  worst: Fault | null;
  reset: { reset: Notification; reason: string } | null;
  seen: Set<number>;
  /** Prefixes in MP_REACH_NLRI, of whatever family. */
  reached: number;
}

const resetBy = (subcode: number, reason: string, data?: Uint8Array) => ({
  reset: notification(ErrorCode.UPDATE, subcode, data === undefined ? undefined : Uint8Array.from(data)),
  reason,
});

/** Reads the body of an UPDATE of 4 octets or more. Never throws. */
export function decodeUpdate(body: Uint8Array, context: UpdateContext): UpdateResult {
  const u16 = (at: number) => ((body[at] ?? 0) << 8) | (body[at + 1] ?? 0);
  const withdrawnEnd = 2 + u16(0);
  if (withdrawnEnd + 2 > body.length)
    return resetBy(UpdateError.ATTRIBUTE_LIST, 'withdrawn routes overrun the message');
  const attributesEnd = withdrawnEnd + 2 + u16(withdrawnEnd);
  if (attributesEnd > body.length) return resetBy(UpdateError.ATTRIBUTE_LIST, 'path attributes overrun the message');

  const withdrawn = readNlri(body.subarray(2, withdrawnEnd), 4);
  const nlri = readNlri(body.subarray(attributesEnd), 4);
  if (withdrawn === null || nlri === null) return resetBy(UpdateError.NETWORK, 'an IPv4 prefix that cannot be read');

  const reading: Reading = {
    context,
    update: {
      withdrawn: [],
      reachable: [],
      attributes: noAttributes(),
      treatAsWithdraw: null,
      discarded: [],
      endOfRib: body.length === 4 ? 4 : null,
    },
    worst: null,
    reset: null,
    seen: new Set(),
    reached: 0,
  };
  const { update } = reading;
  readAttributes(body.subarray(withdrawnEnd + 2, attributesEnd), reading);
  if (reading.reset !== null) return reading.reset;
  if (nlri.length > 0) {
    addFamily(reading, 4, () => update.reachable.push({ family: 4, nextHop: update.attributes.nextHop, nlri }));
  }
  if (withdrawn.length > 0) {
    // RFC 4271 §4.3: a prefix that is announced as well is taken as not withdrawn.
    const announced = new Set(nlri);
    const gone = withdrawn.filter((one) => !announced.has(one));
    addFamily(reading, 4, () => update.withdrawn.push({ family: 4, nlri: gone }));
  }
  return conclude(reading, body.length, nlri.length > 0);
}

function addFamily({ context, update }: Reading, family: Family, add: () => void): void {
  if (context.families.includes(family)) add();
  else update.discarded.push(`routes of IPv${family} unicast, which was not agreed on`);
}

function readAttributes(octets: Uint8Array, reading: Reading): void {
  for (let at = 0; at < octets.length && reading.reset === null; ) {
    const flags = octets[at] ?? 0;
    const type = octets[at + 1] ?? 0;
    const extended = (flags & AttributeFlag.EXTENDED) !== 0;
    const start = at + (extended ? 4 : 3);
    const length = extended ? ((octets[at + 2] ?? 0) << 8) | (octets[at + 3] ?? 0) : (octets[at + 2] ?? 0);
    if (start > octets.length || start + length > octets.length) {
      const reason = `attribute ${type} overruns the path attributes`;
      note(reading, { severity: 'withdraw', subcode: UpdateError.LENGTH, reason });
      return;
    }
    readOne(reading, flags, type, octets.subarray(at, start + length), octets.subarray(start, start + length));
    at = start + length;
  }
}

/** `whole` is the attribute with its flags, type and length: data of the errors that ask for it. */
function readOne(reading: Reading, flags: number, type: number, whole: Uint8Array, value: Uint8Array): void {
  const multiprotocol = type === AttributeType.MP_REACH || type === AttributeType.MP_UNREACH;
  if (reading.seen.has(type)) {
    if (multiprotocol) reading.reset = resetBy(UpdateError.ATTRIBUTE_LIST, `attribute ${type} twice`);
    else reading.update.discarded.push(`attribute ${type} again`);
    return;
  }
  reading.seen.add(type);
  if (multiprotocol) {
    const { OPTIONAL, TRANSITIVE } = AttributeFlag;
    if ((flags & (OPTIONAL | TRANSITIVE)) !== OPTIONAL) {
      reading.reset = resetBy(UpdateError.FLAGS, `attribute ${type} with flags 0x${flags.toString(16)}`, whole);
      return;
    }
    const reason = type === AttributeType.MP_REACH ? readReach(reading, value) : readUnreach(reading, value);
    if (reason !== null) reading.reset = resetBy(UpdateError.OPTIONAL, reason, whole);
    return;
  }
  const fault = readAttribute(flags, type, value, reading.update.attributes, reading.context);
  if (fault === null) return;
  if (fault.severity === 'reset') reading.reset = resetBy(fault.subcode, fault.reason, whole);
  else note(reading, fault);
}

function note(reading: Reading, fault: Fault): void {
  if (fault.severity === 'discard') reading.update.discarded.push(fault.reason);
  else reading.worst ??= fault;
}

const HOP_LENGTHS: Record<Family, readonly number[]> = { 4: [4, 16, 32], 6: [16, 32] };

/** MP_REACH_NLRI (RFC 4760 §3). Returns what is wrong, or null. */
function readReach(reading: Reading, value: Uint8Array): string | null {
  if (value.length < 5) return `MP_REACH_NLRI of ${value.length} octets`;
  const family = familyOf(((value[0] ?? 0) << 8) | (value[1] ?? 0), value[2] ?? 0);
  const hopLength = value[3] ?? 0;
  const start = 4 + hopLength + 1;
  if (start > value.length) return 'a next hop that overruns MP_REACH_NLRI';
  if (family === null) {
    reading.reached = value.length - start;
    reading.update.discarded.push('routes of an unknown family');
    return null;
  }
  if (!HOP_LENGTHS[family].includes(hopLength)) return `a next hop of ${hopLength} octets`;
  const nlri = readNlri(value.subarray(start), family);
  if (nlri === null) return 'a prefix in MP_REACH_NLRI that cannot be read';
  reading.reached = nlri.length;
  const nextHop = Uint8Array.from(value.subarray(4, 4 + hopLength));
  if (nlri.length > 0) addFamily(reading, family, () => reading.update.reachable.push({ family, nextHop, nlri }));
  return null;
}

/** MP_UNREACH_NLRI (RFC 4760 §4). Returns what is wrong, or null. */
function readUnreach(reading: Reading, value: Uint8Array): string | null {
  if (value.length < 3) return `MP_UNREACH_NLRI of ${value.length} octets`;
  const family = familyOf(((value[0] ?? 0) << 8) | (value[1] ?? 0), value[2] ?? 0);
  if (family === null) {
    reading.update.discarded.push('withdrawals of an unknown family');
    return null;
  }
  const nlri = readNlri(value.subarray(3), family);
  if (nlri === null) return 'a prefix in MP_UNREACH_NLRI that cannot be read';
  if (nlri.length > 0) addFamily(reading, family, () => reading.update.withdrawn.push({ family, nlri }));
  else reading.update.endOfRib = family;
  return null;
}

function conclude(reading: Reading, bodyBytes: number, classic: boolean): UpdateResult {
  const { update, seen, context } = reading;
  const announces = classic || reading.reached > 0;
  // An End-of-RIB is alone in its message.
  if (bodyBytes > 4 && (seen.size !== 1 || update.withdrawn.length > 0 || classic)) update.endOfRib = null;
  if (announces) {
    const missing = missingAttribute(seen, classic, context.internal);
    if (missing !== null) {
      note(reading, { severity: 'withdraw', subcode: UpdateError.MISSING, reason: `attribute ${missing} is missing` });
    }
  }
  const { worst } = reading;
  // RFC 7606 §5.2: without prefixes there may be some in what could not be read.
  if (worst !== null && !announces) return resetBy(worst.subcode, worst.reason);
  update.treatAsWithdraw = worst?.reason ?? null;
  const { attributes } = update;
  if (attributes.asPath !== null && attributes.as4Path !== null && !attributes.ignoreAs4) {
    attributes.asPath = mergeAs4Path(attributes.asPath, attributes.as4Path);
  }
  return { update };
}

/** The first mandatory attribute that is not there (RFC 4271 §5, RFC 4760 §3). */
function missingAttribute(seen: ReadonlySet<number>, classic: boolean, internal: boolean): number | null {
  const wanted: number[] = [AttributeType.ORIGIN, AttributeType.AS_PATH];
  if (classic) wanted.push(AttributeType.NEXT_HOP);
  if (internal) wanted.push(AttributeType.LOCAL_PREF);
  return wanted.find((type) => !seen.has(type)) ?? null;
}
