import { generateKeyPairSync } from 'node:crypto';
import {
  decodeWith,
  encode,
  envelopeSchema,
  openSchema,
  openedSchema,
  type Prepare,
} from '../../../src/control/messages.js';
import { SLOT_BYTES } from '../../../src/buffers/slot-memory.js';
import { BodyKind, decodeTrailer } from '../../../src/codec/batch.js';
import { BatchDecoder, type BatchInSlot, type RawSink } from '../../../src/codec/batch-decoder.js';
import { bakeCookie, eatCookie } from '../../../src/cookie/cookie.js';
import { readSentGuest } from '../../../src/dest/sent-guest.js';
import { baselineCpu } from '../../../src/domain/cpu/baseline-cpu.js';
import { compareCpu } from '../../../src/domain/cpu/compare-cpu.js';
import { readCpus } from '../../../src/domain/cpu/described-cpu.js';
import { defineDomain } from '../../../src/domain/definition/define.js';
import { hostReach } from '../../../src/domain/definition/host-reach.js';
import { readDefinition } from '../../../src/domain/definition/read.js';
import { toDomain } from '../../../src/domain/definition/write.js';
import { formatDomainXml } from '../../../src/domain/format.js';
import { carriedReach } from '../../../src/domain/libxl-json/carried-reach.js';
import { fromLibxlConfig } from '../../../src/domain/libxl-json/from-libxl.js';
import { libxlJson } from '../../../src/domain/libxl-json/to-libxl.js';
import { parseCpuList } from '../../../src/domain/native/cpu-list.js';
import { parseDomainXml } from '../../../src/domain/parse.js';
import { cpuidOf } from '../../../src/domain/xl-config/cpuid.js';
import { parseDiskText } from '../../../src/domain/xl-config/disk-text.js';
import { fromXlConfig } from '../../../src/domain/xl-config/from-config.js';
import { parsePciText } from '../../../src/domain/xl-config/pci-text.js';
import { Settings } from '../../../src/domain/xl-config/settings.js';
import { parseVifText } from '../../../src/domain/xl-config/vif-text.js';
import { keysOfUserAuth } from '../../../src/host/access/ssh-rules.js';
import { readDnsmasqLeases } from '../../../src/operations/addresses/dnsmasq-leases.js';
import { readLibvirtStatus } from '../../../src/operations/addresses/libvirt-status.js';
import { parseConfig } from '../../../src/host/config/config.js';
import { journalLine, readJournalText } from '../../../src/journal/journal-text.js';
import { encodeMessage, MessageReader } from '../../../src/libvirt/wire/message.js';
import { PROCEDURES } from '../../../src/libvirt/wire/procedures.js';
import { decodeXdr, encodeXdr } from '../../../src/libvirt/wire/xdr.js';
import { decodeXlConfig, decodeXlHeader, encodeXlHead, XL_HEADER_BYTES } from '../../../src/savefile/xl-header.js';
import { decodeHeader, encodeHeader, FRAME_HEADER_BYTES, FrameType } from '../../../src/tunnel/frame.js';
import { parseKnownHosts } from '../../../src/tunnel/ssh/known-hosts.js';
import { readPrivateKey } from '../../../src/tunnel/ssh/private-key.js';
import { readSshConfig } from '../../../src/tunnel/ssh/ssh-config.js';
import { decodeXml } from '../../../src/xml/decode.js';
import { ProtocolError, UsageError } from '../../../src/errors/errors.js';
import { isPrintable } from '../../../src/errors/printable.js';
import { fromWire, toWire } from '../../../src/errors/wire.js';
import { expandPath, TokenProblem, type SshTokens } from '../../../src/tunnel/ssh/ssh-tokens.js';
import { parseSshTime, splitSshWords } from '../../../src/tunnel/ssh/ssh-words.js';
import { PAGE_BYTES } from '../../../src/savestream/layout.js';
import { encodeStream } from '../batch-encoding.js';
import { guestXml } from '../hosts.js';
import { smallHvmParts } from '../small-stream.js';

/** Something that reads bytes of others, and good bytes to begin with. */
export interface Target {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  readonly read: (bytes: Uint8Array) => unknown;
}

const MIGRATION = '5e0d6a1c-4a4e-4d7d-9a38-2f3f7d1f0001';
const about = { migration: MIGRATION, epoch: 1 };
const hello = {
  protocol: { min: 1, max: 1 },
  software: 'xenferry/1',
  hostname: 'hv1',
  features: ['migration-v3'],
  streamVersions: [2, 3],
};
const COOKIE = Buffer.from(bakeCookie({ name: 'web1', uuid: MIGRATION, hostname: 'hv1', streamVersion: 2 }));
const PREPARE = { type: 'prepare', ...about, cookie: COOKIE.toString('base64'), lanes: 2, windowBytes: 1024 } as const;
const ACTING = {
  code: 'E_ABORTED',
  message: 'no\u001b]0;owned\u0007',
  hint: 'a\r\nb\u2066',
  data: { 'k\u200b': ['\ud800', '\ufeff'] },
};
const LIBVIRT_DOMAIN = { name: 'web1', uuid: Buffer.alloc(16, 1), id: 3 };
const LIBVIRT_PREPARE = encodeXdr(PROCEDURES.migratePrepareTunnel.args, {
  params: [{ field: 'destination_xml', kind: 'string', value: '<domain/>' }],
  cookieIn: COOKIE,
  flags: 7,
});
const PLACE = { line: 1, column: 1 };
const secret = 'ab'.repeat(32);
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');
const bytesOf = (...texts: readonly string[]): Buffer[] => texts.map((one) => Buffer.from(one));

const LIBXL_JSON = JSON.stringify({
  c_info: { type: 'pvh', name: 'web1', uuid: MIGRATION },
  b_info: { max_vcpus: 2, max_memkb: 65536, target_memkb: 65536, kernel: '/boot/vmlinuz', 'type.pvh': {} },
  disks: [{ pdev_path: '/srv/web1.img', vdev: 'xvda', format: 'raw', readwrite: 1 }],
  nics: [{ devid: 0, mac: '00:16:3e:00:00:01', bridge: 'xenbr0' }],
});

const LIBXL_JSON_CPUID = JSON.stringify({
  c_info: { type: 'hvm', name: 'web1', uuid: MIGRATION },
  b_info: {
    max_memkb: 65536,
    cpuid: { cpuid: [{ leaf: 7, subleaf: 0, ebx: `${'x'.repeat(11)}0${'x'.repeat(19)}k` }], msr: [] },
    vnuma_nodes: [{ memkb: 65536, distances: [10], pnode: 3, vcpus: [0] }],
    'type.hvm': {},
  },
});

const JOURNAL = [
  { journal: 1, side: 'dest', ...about, uuid: MIGRATION, name: 'web1', peer: 'hv1', startedAt: '2026-11-23T10:00:00Z' },
  { state: 'receiving', at: '2026-11-23T10:00:00Z' },
  { state: 'arriving', at: '2026-11-23T10:00:01Z', domid: 7, run: true },
];

const TOKENS: SshTokens = {
  host: '10.0.0.1',
  given: 'hv1',
  keyName: 'hv1',
  port: 22,
  user: 'root',
  localUser: 'me',
  home: '/home/me',
  uid: 1000,
  localHost: 'here.example',
  jump: '',
};

function expandedOrProblem(path: string): string {
  try {
    return expandPath(path, TOKENS, { HOME: '/home/me' });
  } catch (error) {
    if (error instanceof TokenProblem) return error.message;
    throw error;
  }
}

/** A key in PKCS #8; for x25519 of a kind that proves nothing to an ssh server. */
function pkcs8Of(type: 'ed25519' | 'x25519'): Buffer {
  const { privateKey } = type === 'ed25519' ? generateKeyPairSync(type) : generateKeyPairSync('x25519');
  return Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }));
}

/** Of a guest whose XML and configuration are one; between them here, and in what is read, a character that neither has. */
const APART = '\u001d';
const xmlOf = (native: string): string => formatDomainXml(toDomain(fromLibxlConfig(JSON.parse(native)).definition));
const NATIVE_XML = xmlOf(LIBXL_JSON);
const XL_SETTINGS = `<metadata><xl:settings xmlns:xl='urn:xenferry:xl:1'><xl:setting key='pool' value='fast'/><xl:setting key='cpus_soft'>
  <xl:item>0-3,^1</xl:item></xl:setting></xl:settings></metadata><memory`;

/** What a destination looks at before its own state has a say: the parts of a guest, and what they name of the host. */
function admit(request: Prepare): unknown {
  const { domain, definition, reaching } = readSentGuest(request, [2, 3]);
  const definitions = [domain, ...(definition === undefined ? [] : [definition])].map(
    (one) => readDefinition(one, { lenient: true }).definition,
  );
  return [reaching, definitions.flatMap(hostReach), definitions.flatMap(carriedReach)];
}

/** Every text of a message that was taken is printable, as an error and in one line of a log. */
function checkPrintable(value: unknown): void {
  JSON.stringify(value, (key, member: unknown) => {
    if (key === 'xml') return undefined; // a document, which is parsed
    if (!isPrintable(key) || (typeof member === 'string' && !isPrintable(member))) {
      throw new Error(`not printable: ${JSON.stringify([key, member])}`);
    }
    return member;
  });
}

const SMALL = Buffer.concat(smallHvmParts());
/** A small guest's stream in one batch, and again in a second one, which refers to the first. */
const BATCHES = encodeStream('TypeScript', Buffer.concat([SMALL, SMALL]), [SMALL.length, 0, SMALL.length], {
  references: 1,
  findPages: true,
}).batches;
/** The same in batches of all sizes that refer to none. */
const SMALL_BATCHES = encodeStream(
  'TypeScript',
  SMALL,
  Array.from({ length: 60 }, (_, turn) => (turn % 2 === 0 ? 5000 : 0)),
  { references: 0, findPages: true },
).batches;
const FIRST_SLOT = Buffer.alloc(SLOT_BYTES);
const NEXT_SLOT = Buffer.alloc(SLOT_BYTES);

function inSlot(bytes: Uint8Array, memory: Buffer, number: number): BatchInSlot {
  memory.set(bytes.subarray(0, SLOT_BYTES));
  const payload = bytes.length > SLOT_BYTES ? Buffer.from(bytes) : memory.subarray(0, bytes.length);
  return { trailer: decodeTrailer(payload, number), memory, number };
}

/** A batch that comes after a good one: what is made of it lies in their slots, and is as much as it says. */
function readBatch(bytes: Uint8Array): number {
  const decoder = new BatchDecoder<BatchInSlot>(1);
  let rawBytes = 0;
  const sink: RawSink<BatchInSlot> = {
    literal: ({ memory }, at, count) => {
      if (at < 0 || at + count > memory.length) throw new Error(`${count} bytes at ${at} of a slot`);
      rawBytes += count;
    },
    zeros: (pages) => {
      rawBytes += pages * PAGE_BYTES;
    },
  };
  decoder.decode(inSlot(BATCHES[0], FIRST_SLOT, 0), sink);
  rawBytes = 0;
  const batch = inSlot(bytes, NEXT_SLOT, 1);
  if (batch.trailer.kind === BodyKind.ZSTD) return 0;
  decoder.decode(batch, sink);
  if (rawBytes !== batch.trailer.rawBytes) throw new Error(`${rawBytes} bytes of ${batch.trailer.rawBytes}`);
  return rawBytes;
}

export const TARGETS: readonly Target[] = [
  { name: 'batches', seeds: [BATCHES[1], ...SMALL_BATCHES.slice(0, 7)], read: readBatch },
  {
    name: 'prepares as they come',
    seeds: [
      encode({
        id: 1,
        request: {
          ...PREPARE,
          xml: NATIVE_XML,
          native: { format: 'libxl-json', text: LIBXL_JSON },
          persist: { xml: NATIVE_XML },
          dname: 'web2',
        },
      }),
      encode({ id: 1, request: { ...PREPARE, xml: guestXml({ name: 'web1', uuid: MIGRATION }) } }),
    ],
    read: (bytes) => {
      const envelope = decodeWith(envelopeSchema, bytes, 'message');
      return 'request' in envelope && envelope.request.type === 'prepare' ? admit(envelope.request) : undefined;
    },
  },
  {
    name: 'XML and configuration of one guest',
    seeds: bytesOf(
      `${NATIVE_XML}${APART}${LIBXL_JSON}`,
      `${NATIVE_XML.replace('<memory', XL_SETTINGS)}${APART}`,
      `${xmlOf(LIBXL_JSON_CPUID)}${APART}${LIBXL_JSON_CPUID}`,
    ),
    read: (bytes) => {
      const [xml, native = ''] = text(bytes).split(APART);
      return admit({ ...PREPARE, xml, ...(native === '' ? {} : { native: { format: 'libxl-json', text: native } }) });
    },
  },
  {
    name: 'texts of hellos and outcomes',
    seeds: [
      encode({ kind: 'control', hello: { ...hello, hostname: 'a\u202eb\u001b[2J\n', software: 'x\u0085' } }),
      encode({ re: 1, reply: { type: 'outcome', outcome: 'aborted', error: ACTING } }),
      encode({ re: 1, reply: { type: 'refused', problems: [{ code: 'E_X', message: 'a\nb', remedy: '\u2028' }] } }),
      encode({ notice: { type: 'failed', ...about, error: ACTING } }),
      encode({ id: 1, request: { type: 'cancel', ...about, error: ACTING } }),
    ],
    read: (bytes) => {
      const isOpen = text(bytes).includes('"kind"');
      const message = isOpen ? decodeWith(openSchema, bytes, 'hello') : decodeWith(envelopeSchema, bytes, 'message');
      checkPrintable(message);
      if ('notice' in message) checkPrintable(toWire(fromWire(message.notice.error)));
      return message;
    },
  },
  {
    name: 'control messages',
    seeds: [
      encode({
        id: 1,
        request: { type: 'prepare', ...about, xml: guestXml({ uuid: MIGRATION }), lanes: 2, windowBytes: 1024 },
      }),
      encode({ id: 2, request: { type: 'status', ...about, uuid: MIGRATION, name: 'web1' } }),
      encode({ re: 1, reply: { type: 'outcome', outcome: 'committed', running: true } }),
      encode({ notice: { type: 'failed', ...about, error: { code: 'E_ABORTED', message: 'no' } } }),
    ],
    read: (bytes) => decodeWith(envelopeSchema, bytes, 'message'),
  },
  {
    name: 'first words',
    seeds: [
      encode({ kind: 'control', hello, reconnectMs: 1000 }),
      encode({ kind: 'resume', session: secret, heard: 3 }),
      encode({ kind: 'lane', token: secret, index: 0 }),
    ],
    read: (bytes) => [decodeWith(openSchema, bytes, 'hello'), decodeWith(openedSchema, bytes, 'answer')],
  },
  {
    name: 'frame headers',
    seeds: [encodeHeader({ type: FrameType.DATA, sequence: 5, offset: 4096, payload: Buffer.alloc(100) })],
    read: (bytes) => decodeHeader(Buffer.concat([bytes, Buffer.alloc(FRAME_HEADER_BYTES)], FRAME_HEADER_BYTES), 0),
  },
  {
    name: 'cookies',
    seeds: [bakeCookie({ name: 'web1', uuid: MIGRATION, hostname: 'hv1', streamVersion: 2 })],
    read: eatCookie,
  },
  {
    name: 'domain XML',
    seeds: bytesOf(guestXml({ uuid: MIGRATION })),
    read: (bytes) => parseDomainXml(text(bytes), { trust: 'peer' }),
  },
  {
    name: 'descriptions of CPUs',
    seeds: bytesOf(
      `<cpu mode='custom' match='strict'><model>Haswell</model><vendor>Intel</vendor><feature policy='forbid' name='rtm'/></cpu>`,
      `<?xml version='1.0'?><capabilities><host><cpu><arch>x86_64</arch><model>EPYC</model><feature name='vmx'/></cpu></host></capabilities>`,
    ),
    read: (bytes) => {
      const cpus = readCpus(text(bytes), 'cpus.xml');
      for (const cpu of cpus) compareCpu({ arch: 'x86_64', words: [0x178b_fbff, 0, 0x2c10_0800] }, cpu);
      return cpus.length === 0 ? undefined : baselineCpu(cpus, { expand: true, migratable: true });
    },
  },
  {
    name: 'definitions',
    seeds: bytesOf(
      guestXml({ uuid: MIGRATION }),
      `<domain type='xen'><name>a</name><vcpu>4</vcpu><os><type>hvm</type><acpi><table type='rawset'>/t</table></acpi></os>
        <features><hyperv mode='custom'><synic state='on'/></hyperv></features><pm><suspend-to-mem enabled='no'/></pm>
        <numatune><memnode cellid='0' mode='strict' nodeset='1'/></numatune><cpu mode='host-passthrough'>
        <feature policy='disable' name='pni'/><numa><cell id='0' memory='64' unit='MiB'><distances><sibling id='1' value='42'/></distances></cell>
        <cell id='1' cpus='2-3' memory='64' unit='MiB'/></numa></cpu><devices><flux/><console tty='/dev/pts/1'/>
        <interface type='hostdev'><source><address type='pci' bus='0x41'/></source></interface></devices></domain>`,
    ),
    read: (bytes) => {
      const { definition } = defineDomain(text(bytes), { randomOctets: () => [1, 2, 3], carryUnknown: true });
      return libxlJson(definition);
    },
  },
  {
    name: 'encodings of XML',
    seeds: [
      Buffer.from("<?xml version='1.0' encoding='ISO-8859-1'?><a>B\u00fcro</a>", 'latin1'),
      Buffer.from('\ufeff<a>B\u00fcro</a>', 'utf16le'),
    ],
    read: decodeXml,
  },
  {
    name: 'files for xl',
    seeds: bytesOf(
      'name = "g"; type = "hvm"\nmemory = 0x200\nvcpus = 010\ncpus = ["0-1", "all,^3"]\nviridian = ["base", "!freq"]\n' +
        'disk = [ "file:/a,ioemu:hda,w" ]\nsmbios = ["oem=x"]\nvnuma = [["pnode=0", "size=512", "vcpus=0-7"]]\n',
      "# b\u00fcro\nname='g' ; kernel='/k'\ncpuid=['0x1:ecx=x00xxxxxx0xxxxxxxxx00xxxxxxxxxxx']\nvif+=['mac=0:16:3e:1:2:3']\n",
    ),
    read: (bytes) => fromXlConfig(bytes, { format: 'xen-xl', makeUuid: () => MIGRATION }),
  },
  {
    name: 'lists of processors',
    seeds: bytesOf('0-7,^2-3', 'all,^0', 'nodes:0-1,^node:1,18-20'),
    read: (bytes) => parseCpuList(text(bytes)),
  },
  {
    name: 'forms of cpuid',
    seeds: bytesOf(
      'host,tm=0,sse3=k,family=6',
      '0x1,0x0:ecx=x00xxxxxx0xxxxxxxxx00xxxxxxxxxxx,edx=11111111111111111111111111111111',
    ),
    read: (bytes) => {
      const one = { kind: 'text', text: text(bytes), at: PLACE } as const;
      const forms = [one, { kind: 'list', items: [one], at: PLACE } as const];
      return forms.map((form) => {
        try {
          return cpuidOf(new Settings(new Map([['cpuid', form]])));
        } catch (error) {
          if (error instanceof UsageError) return undefined; // the other form
          throw error;
        }
      });
    },
  },
  {
    name: 'disks of files for xl',
    seeds: bytesOf(
      'tap:qcow2:/srv/a,ioemu:hdc:cdrom,r',
      'format=raw,vdev=xvda,untrusted,script=block-x,target=a,b',
      'drbd:r0,xvda,w',
    ),
    read: (bytes) => parseDiskText({ text: text(bytes), at: PLACE }, 'xen-xm', () => undefined),
  },
  {
    name: 'PCI devices of files for xl',
    seeds: bytesOf('0000:0b:00.*@1f,msitranslate=1,power_mgmt=0', 'bdf=0b:1a.3,vslot=6,rdm_policy=relaxed,seize=1'),
    read: (bytes) => parsePciText({ text: text(bytes), at: PLACE }),
  },
  {
    name: 'network cards of files for xl',
    seeds: bytesOf(
      'mac=00:16:3e:00:00:01,bridge=b,rate=10Mb/s@20ms,model=e1000',
      'type=ioemu,untrusted,gatewaydev=eth0,devid=3',
    ),
    read: (bytes) => parseVifText({ text: text(bytes), at: PLACE }, 0, 'hvm', () => undefined),
  },
  {
    name: 'libxl JSON',
    seeds: bytesOf(LIBXL_JSON, LIBXL_JSON_CPUID),
    read: (bytes) => {
      let json: unknown;
      try {
        json = JSON.parse(text(bytes));
      } catch {
        return undefined; // what is no JSON is refused before
      }
      return fromLibxlConfig(json);
    },
  },
  {
    name: 'heads of save files',
    seeds: [
      encodeXlHead({ format: 'libxl-json', text: LIBXL_JSON }),
      encodeXlHead({ format: 'domain-xml', text: guestXml({ uuid: MIGRATION }) }),
    ],
    read: (bytes) => {
      const { format, optionalBytes } = decodeXlHeader(bytes.subarray(0, XL_HEADER_BYTES));
      const optional = bytes.subarray(XL_HEADER_BYTES, XL_HEADER_BYTES + optionalBytes);
      return optional.length === optionalBytes ? decodeXlConfig(format, optional) : undefined;
    },
  },
  {
    name: 'lists of DHCP leases',
    seeds: bytesOf(
      '[{"ip-address": "192.168.122.7", "mac-address": "00:16:3e:00:00:01", "client-id": "x", "expiry-time": 1700000000}]',
      '1700000000 00:16:3e:00:00:01 10.0.0.7 web1 *\nduid 00:01\n5 7 2001:db8::7 * 00:03:00:01:00:16:3e:00:00:01\n',
    ),
    read: (bytes) => [readLibvirtStatus(text(bytes)), readDnsmasqLeases(text(bytes))],
  },
  {
    name: 'configuration files',
    seeds: bytesOf(
      'listen = "0.0.0.0:1"\nallow = ["a", "*.b"]\nuri_aliases = ["x=xen+tls://y/system"]\n[deadlines]\ncall = 5\n',
    ),
    read: (bytes) => parseConfig(text(bytes), 'xenferry.conf'),
  },
  {
    name: 'journals',
    seeds: bytesOf(
      JOURNAL.map(journalLine).join(''),
      JOURNAL.map((one) => JSON.stringify(one)).join('\n'),
      JOURNAL.map(journalLine).join('').slice(0, -20),
    ),
    read: (bytes) => {
      const written = text(bytes);
      if (!written.startsWith('{')) return readJournalText(written, 'a journal');
      // Given their checksums here: behind those are the records.
      const signed = written.split('\n').map((one) => {
        try {
          return journalLine(JSON.parse(one));
        } catch {
          return `${one}\n`;
        }
      });
      return readJournalText(signed.join(''), 'a journal');
    },
  },
  {
    name: 'known hosts',
    seeds: bytesOf(
      'hv1,10.0.0.1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000000\n' +
        '|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ssh-rsa AAAA\n@revoked * ssh-rsa AAAA\n',
    ),
    read: (bytes) => parseKnownHosts([{ path: 'known_hosts', text: text(bytes) }]),
  },
  {
    name: 'ssh configuration',
    seeds: bytesOf(
      'Host hv1 !hv2 *.x\n  HostName 10.0.0.1\n  Port 22\n  IdentityFile "~/.ssh/id"\nInclude other\nMatch all\n  User root\n',
    ),
    read: (bytes) => readSshConfig('hv1', [{ path: 'config', text: text(bytes) }], () => []),
  },
  {
    name: 'words of an ssh configuration',
    seeds: bytesOf(`a\\ b "c 'd" 'e\\'f' g#h # i`, '%h-%C-%% ${HOME}/x ~/y %j%L', '1h30m', '2147483647s'),
    read: (bytes) => [splitSshWords(text(bytes)), parseSshTime(text(bytes)), expandedOrProblem(text(bytes))],
  },
  {
    name: 'private keys',
    seeds: [
      ...bytesOf(
        '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n-----END OPENSSH PRIVATE KEY-----\n',
      ),
      ...(['ed25519', 'x25519'] as const).map(pkcs8Of),
    ],
    read: (bytes) => readPrivateKey(text(bytes)),
  },
  {
    name: "sshd's word of keys",
    seeds: bytesOf('publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ00\npassword\n'),
    read: (bytes) => keysOfUserAuth(text(bytes)),
  },
  {
    name: "messages of libvirt's protocol",
    seeds: [0, 40, 3000].map((bytes) =>
      encodeMessage(
        { program: 0x2000_8086, version: 1, procedure: 1, type: 0, serial: 1, status: 0 },
        Buffer.alloc(bytes, 1),
      ),
    ),
    read: (bytes) => [...new MessageReader().push(Buffer.from(bytes))].map(({ payload }) => payload.length),
  },
  {
    name: "arguments of libvirt's procedures",
    seeds: [LIBVIRT_PREPARE, encodeXdr(PROCEDURES.domainGetState.args, { dom: LIBVIRT_DOMAIN, flags: 0 })],
    read: (bytes) =>
      Object.values(PROCEDURES).map(({ args }) => {
        try {
          return decodeXdr<unknown>(args, Buffer.from(bytes));
        } catch (error) {
          if (error instanceof ProtocolError) return error.code;
          throw error;
        }
      }),
  },
];
