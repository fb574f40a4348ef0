# shellcheck shell=bash
# One emulated host: a QEMU process of ours, known by its recorded process id and our pid file's path
# on its command line.

# Found by trial, do not touch lightly. `max` and `EPYC`: dom0 crashes at boot (SMAP), or Xen panics in
# mwait. With rdtscp, guests crash after a migration («SVM Insn len emulation failed»): Xen intercepts
# RDTSC once it emulates the TSC, and TCG reports no instruction length. svm and npt give Xen «hvm hap»,
# without which there are no PVH and HVM guests.
LAB_CPU=Opteron_G3,-rdtscp,+svm,+npt,+aes,+pclmulqdq,+ssse3,+sse4.1,+sse4.2
LAB_XEN='dom0_mem=1024M,max:1024M com1=115200,8n1 console=com1 noreboot spec-ctrl=no xpti=off'
LAB_DOM0='root=LABEL=lab-root rw console=hvc0 net.ifnames=0 loglevel=5 mitigations=off init=/sbin/lab-init'
LAB_SHARED_MB=64

host_letter() {
  case $1 in
    A | a) echo a ;;
    B | b) echo b ;;
    *) fail "there is no host $1: say A or B" ;;
  esac
}

other_letter() {
  [ "$1" = a ] && echo b || echo a
}

# Sockets have short paths only (108 bytes), and a checkout's may be long.
sockets_make() {
  [ -d "$(cat "$LAB_RUN/sockets" 2>/dev/null)" ] && return
  mktemp -d "${TMPDIR:-/tmp}/xenferry-lab-XXXXXX" >"$LAB_RUN/sockets"
}

sockets() {
  cat "$LAB_RUN/sockets"
}

free_port() {
  node -e "
    const server = require('node:net').createServer();
    server.listen(0, '127.0.0.1', () => { console.log(server.address().port); server.close(); });"
}

host_is_up() {
  local pid
  pid=$(cat "$LAB_RUN/$1.pid" 2>/dev/null) || return 1
  # The id may have gone to another process since.
  grep -qzxF "$LAB_RUN/$1.pid" "/proc/$pid/cmdline" 2>/dev/null
}

# Boots a host; returns once QEMU runs. It is retried with another port where somebody was faster.
host_boot() {
  local host=$1 try
  for try in 1 2 3; do
    host_start_qemu "$host" "$(free_port)" && return
    grep -q 'Could not set up host forwarding rule' "$LAB_RUN/$host.qemu.log" || break
  done
  cat "$LAB_RUN/$host.qemu.log" >&2
  fail "QEMU for host $host did not start"
}

host_start_qemu() {
  local host=$1 port=$2 image sock mac
  image=$(image_dir)
  sock=$(sockets)
  mac=52:54:00:77:0$([ "$host" = a ] && echo 1 || echo 2)
  # The image is a base that QEMU writes beside (snapshot=on): a nameless file that goes with the process.
  # The shared disk is one file under both: they see the same page cache, as two hosts see one SAN. The share is
  # a folder of this machine: they see the same files, as two hosts see one NFS server.
  mkdir -p "$LAB_RUN/share"
  TMPDIR=$LAB_RUN setsid qemu-system-x86_64 \
    -daemonize -pidfile "$LAB_RUN/$host.pid" -name "xenferry-lab-$host" \
    -display none -nodefaults -no-user-config \
    -machine pc -accel tcg,thread=multi,tb-size=512 -cpu "$LAB_CPU" -smp 1 -m 3072 \
    -kernel "$image/xen" -append "$LAB_XEN" \
    -initrd "$image/vmlinuz $LAB_DOM0 lab.host=$host,$image/initrd" \
    -drive "file=$image/disk.img,format=raw,if=none,id=root,snapshot=on" \
    -device virtio-blk-pci,drive=root,serial=root \
    -drive "file=$LAB_RUN/payload.img,format=raw,if=none,id=payload,readonly=on" \
    -device virtio-blk-pci,drive=payload,serial=payload \
    -drive "file=$LAB_RUN/shared.img,format=raw,if=none,id=shared,file.locking=off" \
    -device virtio-blk-pci,drive=shared,serial=shared,share-rw=on \
    -virtfs "local,path=$LAB_RUN/share,mount_tag=share,security_model=none,multidevs=remap" \
    -netdev "user,id=outer,restrict=on,hostfwd=tcp:127.0.0.1:$port-:22" \
    -device "virtio-net-pci,netdev=outer,mac=$mac:01" \
    -netdev "dgram,id=inner,local.type=unix,local.path=$sock/$host.wire,remote.type=unix,remote.path=$sock/$(other_letter "$host").wire" \
    -device "virtio-net-pci,netdev=inner,mac=$mac:02" \
    -device virtio-rng-pci \
    -chardev "socket,id=console,path=$sock/$host.console,server=on,wait=off,logfile=$LAB_RUN/$host.console.log" \
    -serial chardev:console \
    -qmp "unix:$sock/$host.qmp,server=on,wait=off" \
    </dev/null >"$LAB_RUN/$host.qemu.log" 2>&1 8>&- 9>&- || return 1
  echo "$port" >"$LAB_RUN/$host.port"
}

host_stop() {
  local host=$1 pid
  host_ssh_master_stop "$host"
  if host_is_up "$host"; then
    pid=$(cat "$LAB_RUN/$host.pid")
    kill "$pid"
    for _ in $(seq 50); do
      host_is_up "$host" || break
      sleep 0.1
    done
    host_is_up "$host" && kill -KILL "$pid"
  fi
  rm -f "$LAB_RUN/$host".{pid,port}
}

host_qmp() {
  node "$LAB_PARTS/qmp.mjs" "$(sockets)/$1.qmp" "$2"
}
