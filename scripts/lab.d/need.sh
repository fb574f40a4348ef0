# shellcheck shell=bash
# What the machine itself must have.

# program=package pairs of Debian 12
LAB_PROGRAMS=(
  qemu-system-x86_64=qemu-system-x86
  mmdebstrap=mmdebstrap
  mke2fs=e2fsprogs
  ssh=openssh-client
  ssh-keygen=openssh-client
  flock=util-linux
  setsid=util-linux
)

need_node() {
  command -v node >/dev/null || fail 'Node.js 20.19 or later is needed'
}

need_programs() {
  local pair missing=()
  for pair in "${LAB_PROGRAMS[@]}"; do
    command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [ ${#missing[@]} -eq 0 ] && return
  [ "$(id -u)" = 0 ] || fail "these Debian packages are missing, and only root can install them: ${missing[*]}"
  command -v apt-get >/dev/null || fail "the lab needs Debian 12 (no apt-get here to install ${missing[*]})"
  say "installing ${missing[*]}"
  local log
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    tail -20 "$log" >&2
    rm -f "$log"
    fail 'apt-get failed'
  fi
  rm -f "$log"
}

# The machine's own Debian archives as one-line apt sources: whatever mirrors it was given.
debian_sources() {
  local lines
  lines=$(apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
    'Created-By: Packages' 'Origin: Debian' | grep -E ' bookworm(-updates|-security)? ' | sort -u) || true
  if [ -z "$lines" ]; then
    apt-get update -qq >&2 || true # a fresh container has sources, but no lists yet
    lines=$(apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' \
      'Created-By: Packages' 'Origin: Debian' | grep -E ' bookworm(-updates|-security)? ' | sort -u) || true
  fi
  [ -n "$lines" ] || fail "no archive of Debian 12 (bookworm) is among this machine's apt sources"
  printf '%s\n' "$lines"
}
