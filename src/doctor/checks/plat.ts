/** A PLAT's own: tables, pools, announcement, DNS64, logs, clock: 70 to 79. */
import { contains, parseAddress, parsePrefix } from '../../config/address.js';
import type { TranslatorStatus } from '../../control/target.js';
import { type Check, type Finding, fault, ok, skipped, warning } from '../check.js';
import type { Survey } from '../survey/survey.js';
import { listOf } from './discovery.js';
import { unanswered } from './unanswered.js';

/** Shares of a table above which an operator wants to know, and above which customers notice. */
const FULL = { warning: 0.8, fault: 0.98 } as const;

function translator({ status }: Survey): TranslatorStatus | null {
  return status !== null && 'device' in status && status.mode === 'plat' ? status : null;
}

const plat: Check<Survey> = {
  number: '70',
  name: 'plat',
  title: 'the PLAT runs and has room in its tables',
  examine(survey) {
    const { role, status } = survey;
    if (role !== 'plat') return [];
    if (status === null) return [unanswered(survey)];
    if (!status.alive) return [fault('a worker thread has ended', 'restart it, and report its log')];
    const running = translator(survey);
    if (running === null) return [];
    const { sizes, limits } = running;
    const tables = [
      ['sessions', sizes.sessions, limits.sessions],
      ['bib', sizes.bib, limits.bib],
      ['hosts', sizes.hosts, limits.hosts],
    ] as const;
    const full = tables.flatMap(([name, used, limit]): Finding[] => {
      if (limit === undefined || used < limit * FULL.warning) return [];
      const words = `${name}: ${used} of ${limit}`;
      const hint = `raise plat.limits.${name}, or look for one customer with very many: platypus session list`;
      return [used < limit * FULL.fault ? warning(words, hint) : fault(`${words}: new flows are refused`, hint)];
    });
    return full.length > 0 ? full : [ok(`${sizes.sessions} sessions of ${limits.sessions}`)];
  },
};

const poolRoute: Check<Survey> = {
  number: '71',
  name: 'pool-returned',
  title: 'the network routes pool4 back to this host',
  examine({ role, poolReturns }) {
    if (role !== 'plat') return [];
    return poolReturns.map(({ address, router, cameBackBy, failure }) => {
      if (failure !== null) return skipped(failure);
      if (cameBackBy !== null) return ok(`${address} comes back by ${cameBackBy}`);
      return fault(
        `a packet for ${address} of pool4 that was given to the router ${router} did not come back`,
        'no answer reaches any customer: route pool4 to this host there, or announce it (platypus neighbor list)',
      );
    });
  },
};

const ownAddresses: Check<Survey> = {
  number: '72',
  name: 'pool-addresses',
  title: 'no address of this host lies inside pool4',
  examine(survey) {
    const running = translator(survey);
    if (running === null) return [];
    const pools = running.pool4.map((entry) => ({ entry, prefix: parsePrefix(entry.split('#')[0] ?? '') }));
    const inside = survey.machine.addresses.flatMap(({ family, address, device }) => {
      const parsed = parseAddress(address);
      if (family !== 4 || parsed === null || device === running.device) return [];
      const pool = pools.find(({ prefix }) => prefix !== null && contains(prefix, parsed));
      return pool === undefined ? [] : [`${address} of ${device} in ${pool.entry}`];
    });
    if (inside.length === 0) return [ok('none')];
    return [
      fault(
        `found ${listOf(inside)}`,
        'the kernel keeps for itself what is for customers: take the address out of pool4, or give the host another one',
      ),
    ];
  },
};

const announcement: Check<Survey> = {
  number: '73',
  name: 'announcement',
  title: 'the prefixes are announced, and the neighbours are up',
  examine({ status }) {
    if (status?.announcer == null) return [];
    const { drain, prefixes, neighbors, neighborsUp, interfacesDown } = status.announcer;
    const findings: Finding[] = [];
    if (drain !== 'none') {
      findings.push(warning(`this PLAT is ${drain}: it announces less, or nothing`, 'platypus undrain brings it back'));
    }
    for (const { prefix, state, reasons } of prefixes) {
      if (state === 'announced' || drain !== 'none') continue;
      const why = reasons.length === 0 ? '' : `: ${reasons.join('; ')}`;
      findings.push(
        fault(`${prefix} is ${state}${why}`, 'platypus neighbor list, and the condition that is named here'),
      );
    }
    for (const { version, name, reason, otherVersionUp } of interfacesDown) {
      const words = `OSPFv${version} on ${name} is down: ${reason}`;
      // A link may have one family alone, on purpose.
      findings.push(
        otherVersionUp
          ? warning(words, `if it is to be so, leave ${version} out of announce.ospf.versions`)
          : fault(words, 'check announce.ospf.interfaces, and the device: ip address'),
      );
    }
    const told = prefixes.filter(({ state }) => state !== 'withdrawn');
    if (neighbors === 0 && interfacesDown.length === 0 && told.length > 0) {
      findings.push(
        fault(
          `there is no neighbour: nobody is told of ${listOf(told.map(({ prefix }) => prefix))}`,
          'see what the interfaces of OSPF say: platypus neighbor list --json',
        ),
      );
    }
    if (neighborsUp < neighbors) {
      const words = `${neighborsUp} of ${neighbors} neighbours are up`;
      const hint = 'platypus neighbor show tells the last error of each';
      findings.push(neighborsUp === 0 ? fault(words, hint) : warning(words, hint));
    }
    return findings.length > 0
      ? findings
      : [ok(`${listOf(prefixes.map(({ prefix }) => prefix))} to ${neighbors} neighbours`)];
  },
};

const dns64: Check<Survey> = {
  number: '74',
  name: 'dns64',
  title: 'the DNS64 server has an upstream that answers',
  examine({ status }) {
    if (status?.dns64 == null) return [];
    const { alive, ready, upstream, listening } = status.dns64;
    if (!alive) return [fault('the DNS64 server has ended', 'restart it, and report its log')];
    const dead = upstream.filter((one) => one.dead).map(({ server }) => server);
    if (!ready) return [fault(`no upstream answers: ${listOf(dead)}`, 'check the resolvers and the way to them')];
    if (dead.length > 0) return [warning(`${listOf(dead)} answers nothing; the others do`, 'check that resolver')];
    return [ok(`answers on ${listOf(listening)}`)];
  },
};

const logs: Check<Survey> = {
  number: '75',
  name: 'logs',
  title: 'where the logs go takes them',
  examine({ logs: sinks }) {
    return sinks.map(({ name, failure, freeBytes }) => {
      if (failure !== null) return fault(`${name}: ${failure}`, 'nothing is logged there: check path, owner and disk');
      if (freeBytes !== null && freeBytes < LEAST_FREE_BYTES) {
        return warning(`${name}: ${Math.floor(freeBytes / 2 ** 20)} MiB are free`, 'rotate it, or give it more room');
      }
      return ok(name);
    });
  },
};

const LEAST_FREE_BYTES = 100 * 2 ** 20;

const clock: Check<Survey> = {
  number: '76',
  name: 'clock',
  title: 'the clock is kept right: logs of a NAT are worthless without',
  examine({ role, machine }) {
    if (role !== 'plat') return [];
    if (machine.clockSynchronised === null) {
      return [skipped('neither timedatectl nor chronyc nor ntpq says how the clock is kept')];
    }
    if (machine.clockSynchronised) return [ok('it is synchronised')];
    return [
      fault(
        'the clock is not synchronised',
        'run chrony or systemd-timesyncd: who had which address cannot be told from logs otherwise (RFC 6888 §4)',
      ),
    ];
  },
};

export const platChecks = [plat, poolRoute, ownAddresses, announcement, dns64, logs, clock];
