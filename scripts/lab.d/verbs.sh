# shellcheck shell=bash
# What the entry point's verbs do.

# One verb at a time changes this checkout's hosts.
lock_run() {
  mkdir -p "$LAB_RUN"
  exec 9>"$LAB_RUN/lock"
  flock -n 9 || { say 'another lab command is at work in this checkout; waiting for it'; flock 9; }
}

lab_up() {
  local host
  need_node
  lock_run
  if host_is_up a && host_is_up b; then
    say 'both hosts are up'
    return
  fi
  need_programs
  image_make
  project_build
  for host in a b; do host_stop "$host"; done
  sockets_make
  payload_make
  truncate -s "${LAB_SHARED_MB}M" "$LAB_RUN/shared.img"
  say 'booting both hosts'
  for host in a b; do
    : >"$LAB_RUN/$host.console.log"
    host_boot "$host"
  done
  ssh_config
  for host in a b; do host_wait "$host"; done
  host_ssh a 'ping -c 1 -W 20 host-b >/dev/null 2>&1 || ssh -o ConnectTimeout=20 host-b true' </dev/null ||
    { consoles_tell; fail 'host A does not reach host B'; }
  say 'both hosts are up'
}

lab_down() {
  local host
  lock_run
  for host in a b; do host_stop "$host"; done
  [ -d "$(cat "$LAB_RUN/sockets" 2>/dev/null)" ] && rm -rf "$(sockets)"
  rm -rf "$LAB_RUN"/{payload,payload.img,shared.img,share,ssh,sockets,lock-hash}
  say 'both hosts are down'
}

lab_status() {
  local host down=0
  for host in a b; do
    if host_is_up "$host"; then
      echo "host $host: up, process $(cat "$LAB_RUN/$host.pid"), ssh -F $LAB_RUN/ssh/config host-$host"
    else
      echo "host $host: down"
      down=1
    fi
  done
  if [ -e "$(image_dir)/disk.img" ]; then echo "image: $(image_dir)"; else echo 'image: not built'; fi
  return $down
}

need_up() {
  host_is_up "$1" || fail "host $1 is down: scripts/lab up"
}

lab_ssh() {
  local host
  host=$(host_letter "${1:-}")
  shift
  need_up "$host"
  host_ssh "$host" "$@"
}

lab_console() {
  local host
  host=$(host_letter "${1:-}")
  need_up "$host"
  exec node "$LAB_PARTS/console.mjs" "$(sockets)/$host.console"
}

lab_reset() {
  local host
  host=$(host_letter "${1:-}")
  need_up "$host"
  lock_run
  host_ssh_master_stop "$host"
  host_qmp "$host" system_reset >/dev/null
  say "host $host has lost its power and boots again"
  host_wait "$host"
}

lab_push() {
  local host
  need_up a
  need_up b
  project_build
  for host in a b; do payload_push "$host"; done
  say 'the project is on both hosts'
}

lab_test() {
  local report=$LAB_RUN/report.json status=0
  if host_is_up a && host_is_up b; then lab_push; else lab_up; fi
  exec 9>&-
  say 'running the suites of test/lab'
  rm -f "$report"
  (cd "$LAB_ROOT" && XENFERRY_LAB_RUN=$LAB_RUN npx vitest run --config test/lab/vitest.config.ts \
    --reporter=verbose --reporter=json --outputFile.json="$report" "$@") || status=1
  [ $status = 0 ] || consoles_tell
  say 'the suites of test/lab have ended'
  node "$LAB_ROOT/scripts/count-tests.mjs" "$report"
  return $status
}

lab_bench() {
  if [[ " $* " != *' --help '* ]]; then
    if host_is_up a && host_is_up b; then lab_push; else lab_up; fi >&2
    exec 9>&-
  fi
  XENFERRY_LAB_RUN=$LAB_RUN node "$LAB_ROOT/scripts/run-typescript.mjs" "$LAB_ROOT/test/lab/bench/main.ts" "$@"
}

lab_clean() {
  lab_down
  rm -rf "$LAB_CACHE"/image-*
  say 'the image is gone'
}
