import type { LabHost } from './lab-host.js';

const START_MS = 300_000;

/** Makes an authority on one host and gives both a certificate of it, in /root/tls. */
export async function certify(authority: LabHost, other: LabHost): Promise<void> {
  await authority.ok(
    `rm -rf /root/pki /root/tls /tmp/tls-other
     xenferry pki init --dir /root/pki
     xenferry pki issue --dir /root/pki --host ${authority.name} --out /root/tls
     xenferry pki issue --dir /root/pki --host ${other.name} --out /tmp/tls-other
     ssh ${other.name} rm -rf /root/tls && scp -qr /tmp/tls-other ${other.name}:/root/tls`,
    START_MS,
  );
}

export interface Serving extends AsyncDisposable {
  readonly pid: number;
}

/** `xenferry serve` on a host, until it is disposed. */
export async function serve(host: LabHost): Promise<Serving> {
  const pid = await host.ok(
    `setsid xenferry serve --tls-dir /root/tls --allow '*' >/tmp/serve.out 2>/tmp/serve.log </dev/null & echo $!
     until grep -q listening /tmp/serve.out; do kill -0 $! || { cat /tmp/serve.log >&2; exit 1; }; sleep 0.5; done`,
    START_MS,
  );
  return {
    pid: Number(pid),
    [Symbol.asyncDispose]: async () => {
      await host.run(`kill ${pid.trim()}; for _ in $(seq 60); do kill -0 ${pid.trim()} || break; sleep 0.5; done`);
    },
  };
}
