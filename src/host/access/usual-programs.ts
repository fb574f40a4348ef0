import { isIPv4 } from 'node:net';

/* Programs and firmware of this host that a guest of another host may name without a permission: those that Xen ships. */

const XEN_PROGRAMS = String.raw`/usr/(?:local/)?(?:lib|lib64|libexec)/xen(?:-\d+\.\d+)?/bin`;
const EMULATOR = new RegExp(
  String.raw`^(?:${XEN_PROGRAMS}/(?:qemu-dm|qemu-system-(?:i386|x86_64))|/usr/bin/qemu-system-(?:i386|x86_64))$`,
);
const BOOTLOADER = new RegExp(String.raw`^(?:pygrub|/usr/bin/pygrub|${XEN_PROGRAMS}/pygrub)$`);
/** Arguments of pygrub about the guest's own disk; `--output` and similar ones name files of the host. */
const BOOTLOADER_ARGUMENT = /^(?:-q|--quiet|--(?:kernel|ramdisk|args|entry|offset)=[^\0]*)$/;
/** In Xen's folder of scripts; a name without a folder is looked up there (libxl, xl-network-configuration(5)). */
const SCRIPT = /^(?:\/etc\/xen\/scripts\/)?[\w-][\w.-]*$/;
const CEPH_CONFIGURATION = /^\/etc\/ceph\/[\w-]+\.conf$/;

/** Kernels that every user may read, boot loaders and firmware; ramdisks may hold secrets of the host. */
const KERNEL = new RegExp(
  String.raw`^(?:/boot/[\w.+-]*vmlinu[xz][\w.+-]*|/usr/(?:local/)?(?:lib|lib64|libexec)/xen(?:-\d+\.\d+)?/boot/[\w.+-]+|/usr/lib/grub-xen/[\w.+-]+|/usr/share/(?:OVMF|ovmf|edk2|edk2-ovmf|qemu|seabios)/(?:[\w.+-]+/)?[\w.+-]+)$`,
);

/** Whether a path is a kernel, boot loader or firmware that a peer's guest may use without a permission. */
export function isUsualKernel(path: string): boolean {
  return KERNEL.test(path) && !path.includes('/../') && !path.endsWith('/..');
}

/** Whether a path is a device model that Xen ships. */
export function isUsualEmulator(path: string): boolean {
  return EMULATOR.test(path);
}

/** Whether a path is a boot loader that Xen ships. */
export function isUsualBootloader(path: string): boolean {
  return BOOTLOADER.test(path);
}

/** Whether an argument of the boot loader concerns the guest's own disk only. */
export function isUsualBootloaderArgument(argument: string): boolean {
  return BOOTLOADER_ARGUMENT.test(argument);
}

/** Whether a name or path is a script in Xen's folder. */
export function isScriptOfXen(path: string): boolean {
  return SCRIPT.test(path);
}

/** Whether a path is a usual configuration file of Ceph. */
export function isCephConfiguration(path: string): boolean {
  return CEPH_CONFIGURATION.test(path);
}

/** Whether an address is reachable from this host only. */
export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || (isIPv4(address) && address.startsWith('127.'));
}
