/** What time does to LSAs, once a second: MaxAge is told to all, what is flushed goes, octets are verified (RFC 2328 §14). */
import { lsaChecksumHolds } from './codec/checksum.js';
import { CHECK_AGE_SECONDS, LS_REFRESH_SECONDS } from './codec/numbers.js';
import { flood } from './flooding.js';
import { ageOf, isMaxAge, type Lsa } from './lsdb.js';
import { anyExchanging, count, type Instance, storesOf } from './model.js';

export function ageDatabase(instance: Instance): void {
  const nowMs = instance.clock();
  let refresh = false;
  for (const store of storesOf(instance)) {
    for (const lsa of store.lsas.values()) {
      const age = ageOf(lsa, nowMs);
      if (lsa.own && age >= LS_REFRESH_SECONDS) refresh = true;
      if (!lsa.expired && isMaxAge(lsa, nowMs)) {
        lsa.expired = true;
        flood(instance, lsa, null);
      }
      if (age - lsa.checkedAge >= CHECK_AGE_SECONDS) check(instance, lsa, age);
    }
  }
  if (refresh) instance.originate();
  sweep(instance);
}

function check(instance: Instance, lsa: Lsa, age: number): void {
  lsa.checkedAge = age;
  if (lsaChecksumHolds(lsa.bytes)) return;
  count(instance, 'ospf.lsa.corrupt');
  instance.log.error(
    `OSPFv${instance.version.number}: a stored LSA (${lsa.store.name}, ${lsa.key}) has changed in memory`,
  );
  // All that is stored is in doubt: it is had anew from the neighbours.
  instance.overflow();
}

/** Removes LSAs of MaxAge that everybody knows of; true when one of this router was among them. */
export function sweep(instance: Instance): void {
  if (anyExchanging(instance)) return;
  const nowMs = instance.clock();
  let own = false;
  for (const store of storesOf(instance)) {
    for (const lsa of store.lsas.values()) {
      if (lsa.lists > 0 || !isMaxAge(lsa, nowMs)) continue;
      store.lsas.delete(lsa.key);
      own ||= lsa.advertiser === instance.routerId;
    }
  }
  if (own) instance.originate();
}
