/** A difference from a peer that is meant, or a refusal; each with its reason. Anything else fails `scripts/peers`. */
export interface Known {
  readonly suite: RegExp;
  readonly name: RegExp;
  /** Of a difference as it is printed (`path: theirs there, ours here`), or of a refusal's code and message. */
  readonly what: RegExp;
  readonly reason: string;
}

const ANY = /^/;

/** Differences of one suite: what, and why. */
function of(suite: RegExp, rows: readonly (readonly [what: RegExp, reason: string, name?: RegExp])[]): Known[] {
  return rows.map(([what, reason, name]) => ({ suite, name: name ?? ANY, what, reason }));
}

const TO_LIBXL = of(/^domain XML to libxl$/, [
  [/^b_info\.(type\.hvm\.)?nested_hvm: .*"False"/, 'the field has moved, in Xen 4.14', /legacy-nest$/],
  [/^b_info\.shadow_memkb: /, 'libxl computes the same by itself where the field is left out'],
  [
    /^b_info\.(type\.pv\.)?bootloader: .*pygrub/,
    'the field has moved: Xen 4.10 and later read it in b_info, for PV and PVH alike',
  ],
  [
    /^v(fb|kb)s\[0\]\.(devid|vnc\.|sdl\.)/,
    "an HVM guest's screen is that of its device model: a second, paravirtual one is not added",
    /hvm|cpuid|slic|serial|viridian|vnuma/,
  ],
  [/^v[fk]bs\[0\]\.devid: "-1"/, 'libxl numbers the devices by itself'],
  [
    /\.vnc\.findunused: "False" there, "True" here$/,
    'libvirt picks the port from its own pool; the device model finds a free one by itself',
  ],
  [
    /^b_info\.type\.hvm\.viridian: nothing there, "False" here$/,
    "what the definition leaves out is said; libxl's default is the same",
  ],
]);

const TO_XML = of(/^xen-x[lm] to domain XML$/, [
  [
    /^domain\/cpu\[0\]\/feature\[\d+\]@(name|policy): nothing there, "(vmx|require)" here$/,
    'nestedhvm is said by itself: without the feature it would depend on the host (nested_hvm)',
    /nestedhvm$|cpuid$/,
  ],
  [
    /^domain\/devices\[0\]\/disk\[\d+\]\/address\[0\]@/,
    'addresses of drives follow from their targets, and Xen has no use for them',
  ],
  [/^domain\/vcpu\[0\]@placement: "static"/, 'the default'],
  [/^domain\/os\[0\]\/type\[0\]@arch: /, 'the file does not say it; the host has one'],
  [
    /^domain\/os\[0\]\/loader\[0\](@type|@format)?: "(rom|raw|\/usr\/lib\/xen\/boot\/hvmloader)" there/,
    'hvmloader is no choice: libxl has its own',
  ],
  [/^domain\/devices\[0\]\/video\[0\]\/model\[0\]@(primary|heads): /, 'there is one card with one head'],
  [
    /^domain\/clock\[0\]@(offset|basis|adjustment): /,
    'a clock that starts at UTC or local time is called by that name',
  ],
  [
    /^domain\/devices\[0\]\/controller\[\d+\]@(type|index): "(ide|0)" there, nothing here$/,
    'controllers of the device model are always there',
  ],
  [
    /^domain\/devices\[0\]\/controller\[\d+\]@(type|ports|model): /,
    'the same controllers in another order',
    /^usbctrl$/,
  ],
  [
    /^domain\/devices\[0\]\/input\[\d+\]@(type|bus): "(mouse|keyboard|ps2|xen)" there/,
    'a mouse and a keyboard are added where there is a screen to go with them',
  ],
  [
    /\/disk\[\d+\]\/driver\[0\]@name: "(qemu|file)" there, (nothing|"qemu") here$/,
    'without a backend in the file libxl chooses; `file` is served by QEMU',
  ],
  [
    /\/bandwidth\[0\]\/outbound\[0\]@average: "10240" there, "10000" here$/,
    "a KB of xl's rates is 1000 bytes, a kilobyte of <bandwidth> 1024",
  ],
  [/\/disk\[\d+\](@type|\/source\[0\]@(file|dev)): .*(block|\/dev\/HostVG)/, 'what lies in /dev is a block device'],
  [/\/script\[0\]@path: "vif-openvswitch" there, nothing here$/, '<virtualport> says it'],
  [/\/hostdev\[\d+\]\/driver\[0\]@name: "xen" there, nothing here$/, 'the default; libvirt 11 leaves it out as well'],
  [/^domain\/clock\[0\]\/timer\[\d+\]@present: "yes" there, nothing here$/, 'the default'],
  [/@xmlns:xen: /, 'the namespace is declared where it is used'],
  [
    /\/os\[0\](@firmware|\/loader\[0\].*): .*(efi|pflash|LIBXL_FIRMWARE_DIR|readonly)/,
    "libvirt 9 wrote the firmware's place on its own host",
  ],
]);

const FROM_XML = of(/^domain XML to xen-x[lm]$/, [
  [
    /^nestedhvm: "1" there, nothing here$/,
    'host-passthrough alone leaves it to the host (nested_hvm), which a file cannot say',
  ],
  [/^(localtime|rtc_timeoffset): "0" there, nothing here$/, 'the default'],
  [/^(parallel|serial): "none" there, nothing here$/, 'the default'],
  [
    /^(maxvcpus|videoram|vga|vnclisten|type|builder): nothing there/,
    'what the definition shows is written, defaults as well',
  ],
  [/^builder: "hvm" there, nothing here$/, "xl's word is type; builder is deprecated"],
  [/^kernel: "\/usr\/lib\/xen\/boot\/hvmloader" there, nothing here$/, 'hvmloader is no choice: libxl has its own'],
  [
    /^vif\[\d+\]\.rate: "10240KB\/s" there, "10485760B\/s" here$/,
    "a KB of xl's rates is 1000 bytes, a kilobyte of <bandwidth> 1024",
  ],
  [/^usbdev\[0\]\.type: nothing there, "hostdev" here$/, 'the default'],
  [/^vfb\[0\]\.(vnc|type|sdl): /, 'xl reads vnc=1, and warns about type=vnc'],
  [/^bios_path_override: nothing there/, 'libvirt 9 did not write it'],
]);

const CPU = of(/^cpu-|^CPU models$/, [
  [
    /^feature (mpx|monitor): "has" there, nothing here$/,
    'no model has it any more in libvirt 11 or QEMU (mpx); Xen shows it to no guest (monitor)',
  ],
  [
    /^result: "incompatible" there, "identical" here$/,
    'Xen does not report the vendor of its processor: what tells of it are features, and this host has none of those',
    /^host-no-vendor, host$/,
  ],
  [
    /^E_USAGE_CPU_VENDOR: /,
    'the models are of two makers: no guest runs on both hosts; libvirt looks at the names of vendors alone',
    /^no-vendor result$/,
  ],
  [
    /^model: "EPYC" there, "Opteron_G[13]" here$/,
    'the same features in all, from a model that has none of them to disable',
    /^(Ryzen|EPYC)\+Rome /,
  ],
]);

export const KNOWN: readonly Known[] = [...TO_LIBXL, ...TO_XML, ...FROM_XML, ...CPU];
