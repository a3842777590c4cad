/** `announce.ospf`: one section for OSPFv2 and OSPFv3. */
import { z } from 'zod';
import type { OspfAuthentication, OspfConfig, OspfInterfaceConfig, OspfKey } from './announce.js';
import { areaId, bfd, prefixPatterns, secret } from './announce-fields.js';
import { choice, deviceName, field, filePath, flag, listOrOne, mappingOrWord, section, wholeNumber } from './fields.js';

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

const AUTHENTICATION = 'none, { simple: PASSWORD } or { keys: [ { id, algorithm, key } ] }';
const authenticationMapping = section({ simple: secret(8).optional(), keys: keys.optional() }).transform(
  ({ simple, keys: several }, context): OspfAuthentication => {
    if (simple !== undefined && several === undefined) return { type: 'simple', password: simple };
    if (several !== undefined && simple === undefined) return { type: 'cryptographic', keys: several.map(keyOf) };
    // An unknown key is told already.
    if (context.issues.length === 0) context.addIssue({ code: 'custom', message: AUTHENTICATION, input: undefined });
    return z.NEVER;
  },
);
const authenticationWord = field(AUTHENTICATION, (value): OspfAuthentication | null =>
  value === 'none' ? { type: 'none' } : null,
);

/** `none`, `{ simple: PASSWORD }` or `{ keys: [ { id, algorithm, key } ] }`. */
const authentication = mappingOrWord(authenticationMapping, authenticationWord);

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

const interfaceWord = field(
  'an interface such as eth1, or { name, area, cost, … }',
  (value): WrittenInterface | null => {
    const parsed = interfaceMapping.safeParse({ name: value });
    return parsed.success ? parsed.data : null;
  },
);
const interfaceEntry = mappingOrWord(interfaceMapping, interfaceWord);

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
