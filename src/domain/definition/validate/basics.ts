import type { GuestType } from '../../model.js';
import type { Definition } from '../model.js';
import { isXens } from '../hyperv.js';
import { CpuSet } from '../../cpu-set.js';
import { MACHINE } from '../os.js';
import { Problems, type DefinitionProblem } from './problem.js';

/** The hypervisor's limits: HVM_MAX_VCPUS of public/hvm/hvm_info_table.h; for PV, facts 3.5. */
export const MAX_VCPUS: Readonly<Record<GuestType, number>> = { hvm: 128, pvh: 128, pv: 512 };

function checkOs({ os, type }: Definition, problems: Problems): void {
  if (os.machine !== undefined && os.machine !== MACHINE[type]) {
    problems.unsupported(
      'os/type/@machine',
      `${JSON.stringify(os.machine)} is not the machine of a ${type} guest`,
      `Use machine='${MACHINE[type]}', or leave it out.`,
    );
  }
  if (os.loader?.secure === true) {
    problems.unsupported('os/loader/@secure', 'Secure Boot does not exist under Xen', "Leave secure='yes' out.");
  }
  if (type !== 'hvm' && (os.loader?.type === 'pflash' || os.firmware === 'efi')) {
    problems.unsupported(
      'os/loader',
      `a ${type} guest has no UEFI firmware`,
      'Name a <kernel>, or make it an HVM guest.',
    );
  }
  if (type !== 'hvm' && os.boot.length > 0) {
    problems.unsupported(
      'os/boot',
      `a ${type} guest has no firmware that could boot`,
      'Name a <kernel> or a <bootloader>.',
    );
  }
  if (type === 'pvh' && os.kernel === undefined && os.bootloader === undefined && os.loader === undefined) {
    problems.invalid('os/kernel', 'a PVH guest needs a kernel or a bootloader', 'Add <kernel> to <os>.');
  }
}

function checkVcpus({ type, vcpusMax, pins, cpu }: Definition, problems: Problems): void {
  if (vcpusMax > MAX_VCPUS[type]) {
    problems.unsupported('vcpu', `${vcpusMax} is more than the ${MAX_VCPUS[type]} of a ${type} guest`, 'Use fewer.');
  }
  const seen = new Set<number>();
  for (const { vcpu } of pins) {
    const where = `cputune/vcpupin[@vcpu='${vcpu}']`;
    if (vcpu >= vcpusMax) problems.invalid(where, `there are vcpus 0 to ${vcpusMax - 1}`, 'Remove the pin.');
    if (seen.has(vcpu)) problems.invalid(where, 'occurs more than once', 'Keep one pin for each vcpu.');
    seen.add(vcpu);
  }
  const topology = cpu?.topology;
  if (topology !== undefined) {
    const count = topology.sockets * topology.dies * topology.cores * topology.threads;
    if (count !== vcpusMax) {
      problems.invalid('cpu/topology', `makes ${count} processors, <vcpu> says ${vcpusMax}`, 'Make them agree.');
    }
  }
}

function checkNuma({ cpu, vcpusMax, memoryMaxKiB }: Definition, problems: Problems): void {
  const cells = cpu?.numa ?? [];
  if (cells.length === 0) return;
  const inCells = cells.reduce((all, cell) => all.union(cell.cpus), CpuSet.NONE);
  const count = cells.reduce((sum, cell) => sum + cell.cpus.size, 0);
  if (count !== vcpusMax || !inCells.equals(CpuSet.range(0, vcpusMax - 1))) {
    problems.invalid(
      'cpu/numa',
      `its cells must hold each of the ${vcpusMax} vcpus once`,
      'Correct the cpus attributes.',
    );
  }
  const total = cells.reduce((sum, cell) => sum + cell.memoryKiB, 0);
  if (total !== memoryMaxKiB) {
    problems.invalid('cpu/numa', `its cells have ${total} KiB, <memory> has ${memoryMaxKiB}`, 'Make them agree.');
  }
  const ids = new Set(cells.map(({ id }) => id));
  if (ids.size !== cells.length || cells.some(({ distances }) => distances.some(({ id }) => !ids.has(id)))) {
    problems.invalid(
      'cpu/numa',
      'ids of its cells are not unique, or a distance names none of them',
      'Correct the ids.',
    );
  }
}

function checkClock({ clock, type }: Definition, problems: Problems): void {
  const { offset } = clock.base;
  if (offset === 'timezone' || offset === 'absolute') {
    problems.unsupported(
      'clock/@offset',
      `'${offset}' is not possible under Xen`,
      "Use 'utc', 'localtime' or 'variable'.",
    );
  }
  for (const timer of clock.timers) {
    const where = `clock/timer[@name='${timer.name}']`;
    if (timer.name === 'tsc') {
      if (timer.mode === 'auto' || timer.mode === 'smpsafe') {
        problems.unsupported(
          `${where}/@mode`,
          `'${timer.mode}' is not possible`,
          "Use 'native', 'paravirt' or 'emulate'.",
        );
      }
    } else if (timer.name === 'hpet') {
      if (type !== 'hvm') problems.unsupported(where, 'only HVM guests have one', 'Take the timer out.');
    } else {
      problems.unsupported(
        where,
        'Xen does not allow this timer to be set',
        'Take the timer out; tsc and hpet can be set.',
      );
    }
  }
}

function checkFeatures({ features, type }: Definition, problems: Problems): void {
  if (features.viridian && type !== 'hvm') {
    problems.unsupported('features/viridian', 'only HVM guests have it', 'Take it out.');
  }
  if (features.hyperv !== undefined && type !== 'hvm') {
    problems.unsupported('features/hyperv', 'only HVM guests have it', 'Take it out.');
  }
  for (const { name, on } of features.hyperv?.states ?? []) {
    if (!on || isXens(name)) continue;
    problems.unsupported(`features/hyperv/${name}`, 'Xen has no such thing', "Take it out, or say state='off'.");
  }
  if (features.passthrough?.enabled === false && features.passthrough.mode !== undefined) {
    problems.invalid('features/xen/passthrough/@mode', "has no meaning where the state is 'off'", 'Take it out.');
  }
}

/** Checks everything except the devices. */
export function validateBasics(definition: Definition): DefinitionProblem[] {
  const problems = new Problems('/domain');
  checkOs(definition, problems);
  checkVcpus(definition, problems);
  checkNuma(definition, problems);
  checkClock(definition, problems);
  checkFeatures(definition, problems);
  return problems.found;
}
