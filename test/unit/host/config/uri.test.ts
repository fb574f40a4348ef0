import { describe, expect, it } from 'vitest';
import { parseConnectUri, parseDestinationUri } from '../../../../src/host/config/uri.js';

describe('connection URIs', () => {
  it('S08: read xen and embedded, and refuse other paths', () => {
    expect(parseConnectUri('xen:///system')).toEqual({ kind: 'xen' });
    expect(parseConnectUri('xen:///')).toEqual({ kind: 'xen' });
    expect(parseConnectUri('embedded:///var/lib/a%20b')).toEqual({ kind: 'embedded', dir: '/var/lib/a b' });
    expect(() => parseConnectUri('xen:///session')).toThrow("unexpected Xen URI path '/session'");
    expect(() => parseConnectUri('xen://other/system')).toThrow(/another host/);
    expect(() => parseConnectUri('embedded://tmp/x')).toThrow(/three slashes/);
    expect(() => parseConnectUri('embedded:///')).toThrow(/folder is missing/);
    expect(() => parseConnectUri('qemu:///system')).toThrow(/unknown scheme qemu/);
    expect(() => parseConnectUri('nonsense')).toThrow(/not a URI/);
  });
});

describe('destination URIs', () => {
  it('read host, port and user', () => {
    expect(parseDestinationUri('xen+tls://h2:1/system')).toMatchObject({ transport: 'tls', host: 'h2', port: 1 });
    expect(parseDestinationUri('xen+tls://[::1]/system')).toMatchObject({ transport: 'tls', host: '::1' });
    expect(parseDestinationUri('xen+ssh://root@bücher.example/system')).toMatchObject({
      host: 'xn--bcher-kva.example',
    });
    expect(parseDestinationUri('xen+tls://xn--bcher-kva.example/')).toMatchObject({ host: 'xn--bcher-kva.example' });
    expect(parseDestinationUri('xen+ssh://root@h2/system')).toMatchObject({
      transport: 'ssh',
      user: 'root',
      host: 'h2',
    });
  });

  it('refuse what makes no sense, naming it', () => {
    expect(() => parseDestinationUri('xen+tls:///system')).toThrow(/host is missing/);
    expect(() => parseDestinationUri('xen+tls://h/session')).toThrow(/unexpected Xen URI path/);
    expect(() => parseDestinationUri('xen+tls://me@h/system')).toThrow(/no user/);
    expect(() => parseDestinationUri('xen+ssh://me:pw@h/system')).toThrow(/passwords/);
    expect(() => parseDestinationUri('tcp://h/')).toThrow(/cannot be sent to scheme tcp/);
  });
});

it.each(['xen+tls://h%FF/system', 'xen+tls://a%20b/system', 'xen+ssh://%FF@h/system', 'embedded:///%FF'])(
  'what no host, user or folder can be is refused: %s',
  (uri) => {
    const read = uri.startsWith('embedded') ? parseConnectUri : parseDestinationUri;
    expect(() => read(uri)).toThrow(expect.objectContaining({ code: 'E_USAGE_URI' }));
  },
);
