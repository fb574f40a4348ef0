# shellcheck shell=bash
# The second disk: this checkout's project, its production packages, the machine's node, and keys made
# for this run. Writing it takes seconds; copying as much over an emulated network takes minutes.

PROJECT_PARTS=(bin dist package.json)

project_build() {
  need_node
  say 'building the project'
  "$LAB_ROOT/scripts/setup" >&2
  # As installed: in few files. Not in dist itself, where it would hide newer builds from this checkout.
  node "$LAB_ROOT/scripts/bundle.mjs" "$LAB_RUN/run" >&2
}

lock_hash() {
  sha256sum <"$LAB_ROOT/package-lock.json" | cut -c1-16
}

# The production packages' folders, from the project's root.
production_packages() {
  (cd "$LAB_ROOT" && npm ls --omit=dev --all --parseable --loglevel=silent) | sed -n "s|^$LAB_ROOT/||p"
}

payload_keys() {
  local keys=$LAB_RUN/ssh name
  mkdir -m 700 -p "$keys"
  for name in outer_key inner_key host_key; do
    [ -e "$keys/$name" ] || ssh-keygen -q -t ed25519 -N '' -C "lab $name" -f "$keys/$name"
  done
  cat "$keys/outer_key.pub" "$keys/inner_key.pub" >"$keys/authorized_keys"
  # One host key for both hosts: they are one lab.
  echo "host-a,host-b,10.77.0.1,10.77.0.2 $(cut -d' ' -f1,2 "$keys/host_key.pub")" >"$keys/inner_known_hosts"
  echo "xenferry-lab $(cut -d' ' -f1,2 "$keys/host_key.pub")" >"$keys/known_hosts"
}

payload_make() {
  local tree=$LAB_RUN/payload part
  payload_keys
  rm -rf "$tree"
  mkdir -p "$tree"/{ssh,project,node_modules}
  cp "$LAB_RUN"/ssh/{host_key,authorized_keys,inner_key,inner_known_hosts} "$tree/ssh/"
  chmod 600 "$tree"/ssh/*_key
  cp --reflink=auto "$(node -p process.execPath)" "$tree/node"
  for part in "${PROJECT_PARTS[@]}"; do cp -a "$LAB_ROOT/$part" "$tree/project/"; done
  rm -rf "$tree/project/dist/run"
  cp -a "$LAB_RUN/run" "$tree/project/dist/run"
  (cd "$LAB_ROOT" && production_packages | tar -c --files-from=-) | tar -x -C "$tree"
  lock_hash >"$LAB_RUN/lock-hash"
  mke2fs -q -t ext4 -O ^has_journal -m 0 -L lab-payload -d "$tree" "$LAB_RUN/payload.img" \
    "$(($(du -sm "$tree" | cut -f1) * 5 / 4 + 16))M" >&2
  rm -rf "$tree"
}

# Puts a newer build on a running host.
payload_push() {
  local host=$1
  { tar -C "$LAB_ROOT" --exclude=dist/run -c "${PROJECT_PARTS[@]}" &&
    tar -C "$LAB_RUN" --transform='s|^run|dist/run|' -c run; } | gzip |
    host_ssh "$host" 'rm -rf /opt/xenferry/dist && gzip -d | tar -x -i -C /opt/xenferry'
  if [ "$(lock_hash)" != "$(cat "$LAB_RUN/lock-hash")" ]; then
    say "host $host: other packages; copying them (slow; «down» and «up» is faster)"
    (cd "$LAB_ROOT" && production_packages | tar -cz --files-from=-) |
      host_ssh "$host" 'cd /opt/xenferry && rm -rf node_modules && tar -xz'
  fi
}
