# shellcheck shell=bash
# Reaching a host over ssh, and waiting until it answers.

LAB_BOOT_SECONDS=600

# For scripts and tests: `ssh -F FILE host-a`.
ssh_config() {
  local host
  {
    for host in a b; do
      printf 'Host host-%s\n  Port %s\n  ControlPath %s/%s.ssh\n' "$host" "$(cat "$LAB_RUN/$host.port")" "$(sockets)" "$host"
    done
    cat <<TEXT
Host *
  HostName 127.0.0.1
  User root
  HostKeyAlias xenferry-lab
  IdentityFile "$LAB_RUN/ssh/outer_key"
  IdentitiesOnly yes
  UserKnownHostsFile "$LAB_RUN/ssh/known_hosts"
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
  BatchMode yes
  ConnectTimeout 20
  ServerAliveInterval 20
  ServerAliveCountMax 6
  LogLevel ERROR
TEXT
  } >"$LAB_RUN/ssh/config"
}

host_ssh() {
  local host=$1
  shift
  ssh -F "$LAB_RUN/ssh/config" "host-$host" "$@"
}

# A connection that all later commands share: a key exchange takes seconds in emulation.
host_ssh_master() {
  ssh -F "$LAB_RUN/ssh/config" -M -N -f "host-$1" </dev/null >/dev/null 2>&1 8>&- 9>&-
}

host_ssh_master_stop() {
  [ -e "$LAB_RUN/ssh/config" ] || return 0
  ssh -F "$LAB_RUN/ssh/config" -O exit "host-$1" </dev/null >/dev/null 2>&1 || true
}

# Waits until a host has booted; prints both consoles' ends if it does not.
host_wait() {
  local host=$1 deadline=$((SECONDS + LAB_BOOT_SECONDS))
  until host_ssh "$host" 'test -e /run/lab-is-up && xl info >/dev/null' </dev/null >/dev/null 2>&1; do
    host_is_up "$host" || { consoles_tell; fail "host $host has died"; }
    [ $SECONDS -lt $deadline ] || { consoles_tell; fail "host $host did not answer ssh within $LAB_BOOT_SECONDS s"; }
    sleep 1
  done
  host_ssh_master "$host" || true # slower without
  say "host $host answers: $(host_ssh "$host" 'uname -n; xl info xen_version; node --version' </dev/null 2>&1 | paste -sd' ')"
}

consoles_tell() {
  local host
  for host in a b; do
    printf -- '--- end of host %s'"'"'s console ---\n' "$host" >&2
    tail -c 4000 "$LAB_RUN/$host.console.log" 2>/dev/null | tail -40 >&2 || true
  done
}
