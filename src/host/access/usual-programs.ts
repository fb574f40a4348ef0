import { isIPv4 } from 'node:net';

/* What a guest of another host may name of this host's programs and firmware without a leave: what Xen itself brings. */

const XEN_PROGRAMS = String.raw`/usr/(?:local/)?(?:lib|lib64|libexec)/xen(?:-\d+\.\d+)?/bin`;
const EMULATOR = new RegExp(
  String.raw`^(?:${XEN_PROGRAMS}/(?:qemu-dm|qemu-system-(?:i386|x86_64))|/usr/bin/qemu-system-(?:i386|x86_64))$`,
);
const BOOTLOADER = new RegExp(String.raw`^(?:pygrub|/usr/bin/pygrub|${XEN_PROGRAMS}/pygrub)$`);
/** What pygrub is told of the guest's own disk; `--output` and its like name files of the host. */
const BOOTLOADER_ARGUMENT = /^(?:-q|--quiet|--(?:kernel|ramdisk|args|entry|offset)=[^\0]*)$/;
/** In Xen's folder of scripts; a name without a folder is looked for there (libxl, xl-network-configuration(5)). */
const SCRIPT = /^(?:\/etc\/xen\/scripts\/)?[\w-][\w.-]*$/;
const CEPH_CONFIGURATION = /^\/etc\/ceph\/[\w-]+\.conf$/;

/** Kernels that every user may read, boot loaders and firmware; ramdisks may hold secrets of the host. */
const KERNEL = new RegExp(
  String.raw`^(?:/boot/[\w.+-]*vmlinu[xz][\w.+-]*|/usr/(?:local/)?(?:lib|lib64|libexec)/xen(?:-\d+\.\d+)?/boot/[\w.+-]+|/usr/lib/grub-xen/[\w.+-]+|/usr/share/(?:OVMF|ovmf|edk2|edk2-ovmf|qemu|seabios)/(?:[\w.+-]+/)?[\w.+-]+)$`,
);

export function isUsualKernel(path: string): boolean {
  return KERNEL.test(path) && !path.includes('/../') && !path.endsWith('/..');
}

export function isUsualEmulator(path: string): boolean {
  return EMULATOR.test(path);
}

export function isUsualBootloader(path: string): boolean {
  return BOOTLOADER.test(path);
}

export function isUsualBootloaderArgument(argument: string): boolean {
  return BOOTLOADER_ARGUMENT.test(argument);
}

export function isScriptOfXen(path: string): boolean {
  return SCRIPT.test(path);
}

export function isCephConfiguration(path: string): boolean {
  return CEPH_CONFIGURATION.test(path);
}

export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || (isIPv4(address) && address.startsWith('127.'));
}
