# shellcheck shell=bash
# The disk that both hosts boot from: Debian with Xen, and guests to run. It holds no key and nothing
# of the project, is never written to once made, and is made anew when one of its ingredients changes.

LAB_IMAGE_MB=2600

image_hash() {
  (cd "$LAB_PARTS" && base_hash && cat image.sh dom0/* guest/*) | sha256sum | cut -c1-16
}

image_dir() {
  echo "$LAB_CACHE/image-$(image_hash)"
}

image_make() {
  local dir work
  dir=$(image_dir)
  work=$LAB_CACHE/work
  mkdir -p "$LAB_CACHE"
  # Checkouts may share a cache: one builds, the others wait.
  exec 8>"$LAB_CACHE/lock"
  flock -n 8 || { say 'another lab is building the image; waiting for it'; flock 8; }
  if [ ! -e "$dir/disk.img" ]; then
    [ "$(id -u)" = 0 ] || fail 'only root can build the image'
    rm -rf "$work"
    mkdir -p "$work/tree"
    base_make "$work"
    say 'image: writing the disk'
    tar -x -C "$work/tree" -f "$(base_tar)" --numeric-owner --exclude='./dev/*'
    image_dom0 "$work/tree"
    image_guests "$work/tree" "$work/ramdisk"
    image_disk "$work/tree" "$work/out"
    rm -rf "$LAB_CACHE"/image-*
    mv "$work/out" "$dir"
    rm -rf "$work"
  fi
  exec 8>&-
}

# What makes the tree a host of this lab.
image_dom0() {
  local tree=$1
  # TCG has no vme, and without it libvirt's Xen driver finds no suitable CPU model.
  sed -i '/<feature name=.vme.\/>/d' "$tree/usr/share/libvirt/cpu_map/x86_486.xml"
  install -m 755 "$LAB_PARTS/dom0/boot" "$tree/sbin/lab-init"
  install -m 644 "$LAB_PARTS/dom0/sshd_config" "$tree/etc/ssh/sshd_config"
  install -m 755 "$LAB_PARTS/dom0/lab-libvirtd" "$tree/usr/local/sbin/lab-libvirtd"
  rm -f "$tree"/etc/ssh/ssh_host_* "$tree/etc/hostname" "$tree/etc/resolv.conf"
  rm -rf "$tree"/var/cache/apt/* "$tree"/var/lib/apt/lists/*
  mkdir -p "$tree/opt/payload" "$tree/opt/xenferry"
}

# Guests: one kernel, one initramfs; what they do is told on their command line.
image_guests() {
  local tree=$1 ramdisk=$2 guests=$1/root/guests
  mkdir -p "$guests" "$ramdisk"/{bin,dev,proc,sys,tmp,lib/modules}
  cp "$tree/opt/guest-kernel/vmlinuz" "$guests/vmlinuz"
  cp "$tree/opt/guest-kernel"/*.ko "$ramdisk/lib/modules/"
  cp "$tree/bin/busybox" "$ramdisk/bin/busybox"
  install -m 755 "$LAB_PARTS/guest/init" "$ramdisk/init"
  install -D -m 755 "$LAB_PARTS/guest/poweroff" "$ramdisk/sbin/poweroff"
  install -D -m 755 "$LAB_PARTS/guest/poweroff" "$ramdisk/sbin/reboot"
  (cd "$ramdisk" && find . | "$tree/bin/busybox" cpio -o -H newc 2>/dev/null | gzip -1) >"$guests/initramfs"
  cp "$LAB_PARTS"/guest/*.cfg "$guests/"
}

# The disk, and what QEMU needs beside it: the hypervisor unpacked, dom0's kernel and initrd.
image_disk() {
  local tree=$1 out=$2
  mkdir -p "$out"
  gzip -dc "$tree"/boot/xen-4.17-amd64.gz >"$out/xen"
  cp "$tree"/boot/vmlinuz-* "$out/vmlinuz"
  cp "$tree"/boot/initrd.img-* "$out/initrd"
  # With a journal: hosts of this lab lose their power (`reset`).
  mke2fs -q -t ext4 -m 0 -L lab-root -d "$tree" "$out/disk.img" "${LAB_IMAGE_MB}M" >&2
}
