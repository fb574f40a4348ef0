# shellcheck shell=bash
# The Debian tree that the image is made from, as a tar file: the packages, unchanged, and the guests'
# kernel. It takes minutes to make, and changes rarely.

base_hash() {
  (cd "$LAB_PARTS" && cat base.sh packages fetch-kernel) | sha256sum | cut -c1-16
}

base_tar() {
  echo "$LAB_CACHE/base-$(base_hash).tar"
}

base_make() {
  local work=$1 packages option options=()
  [ -e "$(base_tar)" ] && return
  say 'image: installing Debian and Xen (about 3 minutes; once)'
  packages=$(paste -sd, "$LAB_PARTS/packages")
  debian_sources >"$work/sources.list"
  # Proxies, retries and the like, as this machine's apt has them: mmdebstrap reads no configuration of the host.
  while read -r option; do options+=("--aptopt=$option"); done < <(
    apt-config dump | grep -E '^Acquire::(http|https|Retries|Check-)[^ ]* "[^"]+";$'
  )
  # Documentation and translations are a third of the tree.
  mmdebstrap --variant=minbase --mode=root --include="$packages" \
    --aptopt='Acquire::Languages "none"' "${options[@]}" \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook="$LAB_PARTS/fetch-kernel \"\$1\"" \
    bookworm "$work/base.tar" - <"$work/sources.list" >"$work/log" 2>&1 ||
    { tail -30 "$work/log" >&2; fail "mmdebstrap failed; its whole output is in $work/log"; }
  rm -f "$LAB_CACHE"/base-*.tar
  mv "$work/base.tar" "$(base_tar)"
}
