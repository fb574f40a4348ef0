import { userInfo } from 'node:os';
import { OpenSshServer } from '../unit/tunnel/ssh/openssh-server.js';
import { makeKey, TestHome } from '../unit/tunnel/ssh/test-server.js';
import { TwoHosts } from './hosts.js';

/** Two embedded hosts, and an OpenSSH server through which the second is reached; our user's key is good there. */
export class SshHosts implements AsyncDisposable {
  private constructor(
    readonly hosts: TwoHosts,
    readonly home: TestHome,
    readonly sshd: OpenSshServer,
    /** What the server proves itself with. */
    readonly hostKey: ReturnType<typeof makeKey>,
  ) {}

  static async start(): Promise<SshHosts> {
    const hosts = await TwoHosts.make();
    const home = new TestHome();
    const [hostKey, userKey] = [makeKey(), makeKey()];
    home.write('id_ed25519', userKey.privateText);
    const sshd = await OpenSshServer.start(home, [hostKey], [userKey]);
    home.knows(sshd.port, hostKey);
    return new SshHosts(hosts, home, sshd, hostKey);
  }

  /** The environment of a program that is to log in. */
  get env(): NodeJS.ProcessEnv {
    return { PATH: process.env.PATH, HOME: this.home.dir, XENFERRY_MONITOR: 'off' };
  }

  /** Where to log in, `USER@HOST:PORT`; through another port where one is named. */
  login(port = this.sshd.port): string {
    return `${userInfo().username}@127.0.0.1:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sshd[Symbol.asyncDispose]();
    this.home[Symbol.dispose]();
    await this.hosts[Symbol.asyncDispose]();
  }
}
