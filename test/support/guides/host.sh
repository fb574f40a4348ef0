# A host of a guide: what an operator's root shell on it would find. Sourced by the shell that stands for the host, in a
# mount namespace of its own: HOST, WORLD (folder of this page), REPOSITORY, EXAMPLES are set.
set -e
own=$WORLD/$HOST
mkdir -p "$own/home/.ssh" "$own/steps" "$own/bin"
cp -a /etc "$own/etc"
cp "$WORLD/hosts" "$own/etc/hosts"
rm -rf "$own/etc/xenferry" "$own/etc/xen"
mkdir -p "$own/etc/xenferry" "$own/etc/xen"
mount --make-rprivate /
mount --bind "$own/etc" /etc
for folder in /var/lib /var/log /run /srv; do
  mkdir -p "$own$folder"
  mount --bind "$own$folder" "$folder"
done
mkdir -p /run/sshd /var/lib/xenferry
chmod 700 /var/lib/xenferry
export HOME=$own/home PATH=$own/bin:$PATH XENFERRY_MONITOR=off
printf '#!/bin/sh\nexec node "%s/bin/xenferry.js" "$@"\n' "$REPOSITORY" >"$own/bin/xenferry"
# OpenSSH's clients take the home folder of the password file; this one is the page's.
for client in ssh scp; do
  printf '#!/bin/sh\nexec /usr/bin/%s -F "%s/.ssh/config" "$@"\n' "$client" "$HOME" >"$own/bin/$client"
done
printf 'BatchMode yes\nUser root\nIdentityFile %s\nUserKnownHostsFile %s\n' "$HOME/.ssh/id_ed25519" "$HOME/.ssh/known_hosts" >"$HOME/.ssh/config"
cp "$WORLD/ssh/key" "$HOME/.ssh/id_ed25519"
cp "$WORLD/ssh/known_hosts" "$HOME/.ssh/known_hosts"
chmod 600 "$HOME/.ssh/"*
chmod 755 "$own/bin/"*
cd "$REPOSITORY"
shopt -s expand_aliases

address() { awk -v host="$HOST.example" '$2 == host { print $1 }' /etc/hosts; }

# The words of a page's setup comment.
setup_guest() { # NAME: a small guest that runs
  setup_guest_file "$1" "$own/$1.xml"
  xenferry create "$own/$1.xml" >/dev/null
}
setup_guest_file() { # NAME FILE: its definition
  sed -e "s|<name>.*</name>|<name>$1</name>|" -e "s|<memory.*</memory>|<memory unit='MiB'>16</memory>|" "$EXAMPLES/quiet.xml" >"$2"
}
setup_define() { # NAME: keep the definition of a guest that runs
  xenferry dumpxml "$1" >"$own/$1-definition.xml"
  xenferry define "$own/$1-definition.xml" >/dev/null
}
setup_defined() { # NAME: keep the definition of a guest that does not run
  setup_guest_file "$1" "$own/$1.xml"
  xenferry define "$own/$1.xml" >/dev/null
}
setup_serve() { # a daemon with a certificate of the page's authority
  [ -e "$WORLD/ca/ca.pem" ] || xenferry pki init --dir "$WORLD/ca" >/dev/null
  xenferry pki issue --dir "$WORLD/ca" --host "$HOST.example" --out /etc/xenferry/tls >/dev/null
  printf 'listen = "%s:16520"\ntls_dir = "/etc/xenferry/tls"\nallow = ["*.example"]\n' "$(address)" >/etc/xenferry/xenferry.conf
  xenferry serve &
}
setup_sshd() { # OpenSSH's server, for root, with the page's key
  cp "$WORLD/ssh/host_key" "$own/etc/host_key"
  chmod 600 "$own/etc/host_key"
  {
    echo "ListenAddress $(address)"
    echo "HostKey $own/etc/host_key"
    echo "AuthorizedKeysFile $WORLD/ssh/key.pub"
    printf 'PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nSubsystem sftp internal-sftp\n'
    echo "SetEnv PATH=$PATH XENFERRY_MONITOR=off HOME=$HOME"
  } >"$own/sshd_config"
  /usr/sbin/sshd -f "$own/sshd_config" -E "$own/sshd.log"
}
setup_mkdir() { mkdir -p "$1"; }
setup_file() { truncate -s 1M "$1"; }
setup_cpu() { # a processor for `capabilities`
  mkdir -p -m 700 "$HOME/.local/state/xenferry/embedded"
  printf '{"hostname": "%s", "cpus": 2, "hwCaps": "bfebfbff:77faf3ff:2c100800:00000121:0000000f:009c6fbf:00000000:00000100"}\n' \
    "$HOST.example" >"$HOME/.local/state/xenferry/embedded/host.json"
}
setup_xlcfg() { printf 'name = "web1"\ntype = "pvh"\nmemory = 16\nvcpus = 1\nkernel = "/boot/vmlinuz"\n' >"$1"; }
