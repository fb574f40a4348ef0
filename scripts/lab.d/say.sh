# shellcheck shell=bash
# Talking to whoever runs the lab: what is being done, how long it took, what went wrong.

LAB_BEGAN=$SECONDS

say() {
  printf 'lab: [%3ds] %s\n' "$((SECONDS - LAB_BEGAN))" "$*" >&2
}

fail() {
  printf 'lab: %s\n' "$*" >&2
  exit 1
}
