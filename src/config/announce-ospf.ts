/** `announce.ospf`: one section for OSPFv2 and OSPFv3. */
import type { z } from 'zod';
import type { OspfAuthentication, OspfConfig, OspfInterfaceConfig, OspfKey } from './announce.js';
import { areaId, bfd, prefixPatterns, secret } from './announce-fields.js';
import { choice, deviceName, field, filePath, flag, listOrOne, section, wholeNumber } from './fields.js';

const version = field('2 or 3', (value): 2 | 3 | null => (value === 2 || value === 3 ? value : null));

const time = field('a time such as 2026-01-31T00:00:00Z', (value) => {
  const ms = typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(ms) ? null : ms;
})
  .nullable()
  .default(null);

const key = section({
  id: wholeNumber(0, 65_535, 'key ID'),
  algorithm: choice('hmac-sha-256', 'hmac-sha-1', 'hmac-sha-384', 'hmac-sha-512', 'md5').default('hmac-sha-256'),
  key: secret(256),
  sendFrom: time,
  sendUntil: time,
  acceptFrom: time,
  acceptUntil: time,
});
const keys = listOrOne(key, 1, 16, '1 to 16 keys { id, algorithm, key }');
const simple = section({ simple: secret(8) });
const cryptographic = section({ keys });

/** `none`, `{ simple: PASSWORD }` or `{ keys: [ { id, algorithm, key } ] }`. */
const authentication = field(
  'none, { simple: PASSWORD } or { keys: [ { id, algorithm, key } ] }',
  (value, refuse): OspfAuthentication | null => {
    if (value === 'none') return { type: 'none' };
    if (typeof value !== 'object' || value === null) return null;
    if ('simple' in value) {
      const parsed = simple.safeParse(value);
      return parsed.success
        ? { type: 'simple', password: parsed.data.simple }
        : refuse('{ simple: PASSWORD } of 1 to 8 printable ASCII characters');
    }
    const parsed = cryptographic.safeParse(value);
    if (parsed.success) return { type: 'cryptographic', keys: parsed.data.keys.map(keyOf) };
    const [issue] = parsed.error.issues;
    return refuse(
      `keys of { id, algorithm, key } with ${issue?.message ?? 'known values'} at ${issue?.path.join('.')}`,
    );
  },
);

function keyOf({
  id,
  algorithm,
  key: text,
  sendFrom,
  sendUntil,
  acceptFrom,
  acceptUntil,
}: z.output<typeof key>): OspfKey {
  return {
    id,
    algorithm,
    key: text,
    sendFromMs: sendFrom,
    sendUntilMs: sendUntil,
    acceptFromMs: acceptFrom,
    acceptUntilMs: acceptUntil,
  };
}

const optional = <Type extends z.ZodType>(type: Type) => type.nullable().default(null as never);

/** What the section says for all its interfaces, and an interface for itself. */
const interfaceKeys = {
  area: optional(areaId),
  type: optional(choice('broadcast', 'point-to-point')),
  cost: optional(wholeNumber(1, 65_535, 'cost')),
  priority: optional(wholeNumber(0, 255, 'priority')),
  hello: optional(wholeNumber(1, 65_535, 'seconds')),
  dead: optional(wholeNumber(1, 65_535, 'seconds')),
  retransmit: optional(wholeNumber(1, 65_535, 'seconds')),
  transmitDelay: optional(wholeNumber(1, 3600, 'seconds')),
  mtuIgnore: optional(flag),
  instanceId: optional(wholeNumber(0, 31, 'an IPv6 unicast instance, RFC 5838 §2.1')),
  authentication: optional(authentication),
  authentication3: optional(authentication),
  bfd: optional(bfd),
};

const interfaceMapping = section({ name: deviceName, ...interfaceKeys });
type WrittenInterface = z.output<typeof interfaceMapping>;

const interfaceEntry = field(
  'an interface such as eth1, or { name, area, cost, … }',
  (value, refuse): WrittenInterface | null => {
    const parsed = interfaceMapping.safeParse(typeof value === 'string' ? { name: value } : value);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    const where = issue?.path.join('.') ?? '';
    return refuse(
      issue?.code === 'unrecognized_keys'
        ? `the keys ${issue.message}`
        : `${issue?.message ?? ''} at ${where || 'its name'}`,
    );
  },
);

const area = section({ id: areaId, type: choice('normal', 'stub', 'nssa').default('normal') });

const written = section({
  interface: optional(interfaceEntry),
  interfaces: listOrOne(interfaceEntry, 0, 64, 'at most 64 interfaces').default([]),
  ...interfaceKeys,
  versions: listOrOne(version, 1, 2, '2, 3 or both').default([2, 3]),
  areas: listOrOne(area, 0, 64, 'a list of { id, type }').default([]),
  as: choice('external-2', 'external-1', 'stub').default('external-2'),
  metric: wholeNumber(0, 0xff_fffe, 'metric').nullable().default(null),
  loweredMetric: wholeNumber(0, 0xff_fffe, 'metric').nullable().default(null),
  tag: wholeNumber(0, 0xffff_ffff, 'tag').nullable().default(null),
  prefixes: prefixPatterns.nullable().default(null),
  maxLsas: wholeNumber(100, 1_000_000, 'LSAs').default(50_000),
  stateFile: filePath.nullable().default(null),
});

const NONE: OspfAuthentication = { type: 'none' };

/** `announce.ospf`. */
export const ospfSection = written.transform((said): OspfConfig => {
  const interfaces = [...(said.interface === null ? [] : [said.interface]), ...said.interfaces].map(
    (one): OspfInterfaceConfig => {
      const hello = one.hello ?? said.hello ?? 10;
      return {
        name: one.name,
        area: one.area ?? said.area ?? '0.0.0.0',
        type: one.type ?? said.type ?? 'broadcast',
        cost: one.cost ?? said.cost ?? 10,
        priority: one.priority ?? said.priority ?? 0,
        helloSeconds: hello,
        deadSeconds: one.dead ?? said.dead ?? Math.min(65_535, hello * 4),
        retransmitSeconds: one.retransmit ?? said.retransmit ?? 5,
        transmitDelaySeconds: one.transmitDelay ?? said.transmitDelay ?? 1,
        mtuIgnore: one.mtuIgnore ?? said.mtuIgnore ?? false,
        instanceId: one.instanceId ?? said.instanceId ?? 0,
        authentication2: one.authentication ?? said.authentication ?? NONE,
        authentication3: one.authentication3 ?? said.authentication3 ?? NONE,
        bfd: one.bfd ?? said.bfd ?? null,
      };
    },
  );
  const stub = said.as === 'stub';
  const metric = said.metric ?? said.cost ?? interfaces[0]?.cost ?? 10;
  return {
    versions: [...new Set(said.versions)].sort(),
    areas: [...new Set(interfaces.map((one) => one.area))].map(
      (id) => said.areas.find((one) => one.id === id) ?? { id, type: 'normal' },
    ),
    interfaces,
    as: said.as,
    metric,
    // RFC 8770 §6: less than LSInfinity, more than anything else.
    loweredMetric: said.loweredMetric ?? (stub ? 0xffff : 0xff_fffe),
    tag: said.tag,
    prefixes: said.prefixes,
    maxLsas: said.maxLsas,
    stateFile: said.stateFile,
  };
});
