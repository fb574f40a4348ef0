# shellcheck shell=bash
# What strikes on a host of the lab, and when. Sourced on the host; everything of a case lies in /tmp/fault.

progress=/tmp/fault/progress
served=/tmp/serve.log
journals=/var/lib/xenferry/journal
port=16520

# --- moments ---

# heard FILE REGEX: waits until a line of it matches, and prints that; the file may be there later.
heard() {
  local lines watcher line
  exec {lines}< <(exec tail -n +1 -F "$1" 2>/dev/null)
  watcher=$!
  while read -r line <&"$lines"; do
    [[ $line =~ $2 ]] && break
  done
  kill "$watcher"
  exec {lines}<&-
  echo "$line"
}

# The migration that leaves here has entered this phase.
at_phase() { heard "$progress" "\"phase\":\"$1\""; }

# Its first pass over memory is this far, in percent.
at_percent() {
  local lines watcher line
  exec {lines}< <(exec tail -n +1 -F "$progress" 2>/dev/null)
  watcher=$!
  while read -r line <&"$lines"; do
    [[ $line =~ \"phase\":\"(finish|confirm)\" ]] && break
    [[ $line =~ \"round\":([0-9]+),\"pagesSent\":([0-9]+),\"pagesTotal\":([0-9]+) ]] || continue
    [ "${BASH_REMATCH[1]}" -gt 0 ] && break
    [ $((BASH_REMATCH[2] * 100)) -ge $((BASH_REMATCH[3] * $1)) ] && [ "${BASH_REMATCH[3]}" -gt 0 ] && break
  done
  kill "$watcher"
  exec {lines}<&-
  echo "$line"
}

# Its guest stands still, and the rest of its memory follows.
at_suspend() { heard "$progress" '"suspended":true|"phase":"finish"'; }

# at_record SIDE STATE: the newest journal of that side has this record, or is behind it.
at_record() {
  local file text
  until file=$(newest "$1") && text=$(<"$file") && [[ $text == *"\"state\":\"$2\""* ]]; do sleep 0.03; done
  tail -n 1 "$file"
}

# The journal of this case on this side: those of earlier cases are older than the mark.
newest() {
  local file
  for file in "$journals"/*."$1".journal; do
    [ "$file" -nt /tmp/fault/mark ] && echo "$file" && return
  done
  return 1
}

# The daemon here has said it since the case began.
at_log() {
  local follower
  tail -n +"$(($(</tmp/fault/served) + 1))" -F "$served" 2>/dev/null >/tmp/fault/served.part &
  follower=$!
  heard /tmp/fault/served.part "$1"
  kill "$follower"
}

# libxl's helper for a save or restore is at work.
at_helper() { until [ -n "$(helper "$1")" ]; do sleep 0.3; done; }

# --- whom to strike ---

helper() { pgrep -f "^[^ ]*libxl-save-helper.*--$1-domain" | head -1; }
# The agent whose child it is.
agent() { ps -o ppid= -p "$(helper "$1")" | tr -d ' '; }
# The agent of a process that makes the small calls: its oldest child, which has no helper.
small_calls() { pgrep -o -P "$1" -f libxl-agent; }
mover() { cat /tmp/fault/move.pid; }
server() { cat /tmp/serve.pid; }
xenstored() { cat /run/xenstored.pid; }

# stop_for SECONDS PID: it does not run for so long.
stop_for() {
  kill -STOP "$2"
  sleep "$1"
  kill -CONT "$2"
}

# While the migration goes on, it runs for a third of the time.
slow_down() {
  while kill -0 "$(mover)" 2>/dev/null; do
    kill -STOP "$1"
    sleep 0.4
    kill -CONT "$1"
    sleep 0.2
  done
}

# --- the network, struck at the source ---

reset_lanes() { ss -K -t -n dport = ":$port" >/dev/null; }
cut_off() {
  reset_lanes
  iptables -I OUTPUT -p tcp --dport "$port" -j REJECT --reject-with tcp-reset
}
hole() {
  iptables -I OUTPUT -p tcp --dport "$port" -j DROP
  iptables -I INPUT -p tcp --sport "$port" -j DROP
}
one_way_out() { iptables -I OUTPUT -p tcp --dport "$port" -j DROP; }
one_way_back() { iptables -I INPUT -p tcp --sport "$port" -j DROP; }
heal() {
  iptables -F OUTPUT
  iptables -F INPUT
}

# --- disks and memory ---

# A journal folder without room.
fill_journals() {
  mount -t tmpfs -o size=4k,mode=0700 tmpfs "$journals"
  head -c 4096 /dev/zero >"$journals/filler"
}
empty_journals() { umount "$journals"; }

# All memory but 40 MiB goes to a guest that never runs.
take_memory() {
  local free
  free=$(xl info free_memory)
  (cd /root/guests && xl create -qp pvh.cfg 'name="ballast"' "memory=$((free - 60))")
}

# --- a case ---

# Everything of an earlier case goes.
fresh() {
  rm -rf /tmp/fault
  mkdir -p /tmp/fault
  touch /tmp/fault/mark
  wc -l <"$served" >/tmp/fault/served
}

# move NAME URI OPTION...: the migration of the case; prints what it prints, then its exit status in a line.
move() {
  local name=$1 uri=$2
  shift 2
  (
    echo "$BASHPID" >/tmp/fault/move.pid
    exec xenferry migrate --live --no-p2p --compress none "$@" "$name" "$uri" --tls-dir /root/tls --json --progress json 2>"$progress"
  )
  echo "exit $?"
}

# serve OPTION...: the daemon, until it is stopped; returns once it listens.
serve() {
  setsid xenferry serve --tls-dir /root/tls --allow '*' "$@" >/tmp/serve.out 2>>"$served" </dev/null &
  echo $! >/tmp/serve.pid
  until grep -q listening /tmp/serve.out; do
    kill -0 "$(server)" || { tail "$served" >&2; return 1; }
    sleep 0.3
  done
}

# Lines of what there is, for the oracle. xl's states: r and b run, p is paused, s has shut down, d is dying.
facts() {
  local file
  for file in "$journals"/*.journal; do
    [ "$file" -nt /tmp/fault/mark ] || continue
    echo "journal $(basename "$file" .journal | cut -d. -f2) $(tail -n 1 "$file" | sed 's/.*"state":"\([a-z]*\)".*/\1/')"
  done
  # Behind the journals: what they say is gone has gone before this looks.
  xl list | tail -n +3 | while read -r name domid _ _ state _; do
    echo "domain $name $domid $state $(xenstore-read "/local/domain/$domid/control/shutdown" 2>/dev/null)"
  done
  for node in /local/domain /libxl /vm; do
    xenstore-list $node 2>/dev/null | grep -vE '^(0|0{8}-.*)$' | sed "s|^|node $node |"
  done
  ps -eo args | grep -oE 'libxl-save-helpe[r]|qemu-syste[m]|xenferry (migrate|recover|domjobabort|monitor)' | sed 's/^/program /'
  ls -d /run/xenferry/* /tmp/xenferry* /var/lib/xenferry/*.part 2>/dev/null | sed 's/^/file /'
  true
}
