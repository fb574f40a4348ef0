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
  [/^b_info\.type\.hvm\.usb: nothing there, "True" here$/, 'a list of USB devices needs the controller that this adds'],
  [/\.vnc\.listen: nothing there, "127\.0\.0\.1" here$/, "libxl's default, said"],
  [/^nics\[\d+\]\.model: "netfront" there, nothing here$/, 'nictype says it'],
  [/^pcidevs\[\d+\]\.rdm_policy: "invalid" there, nothing here$/, "libxl's default"],
  [/^pcidevs\[\d+\]\.seize: nothing there, "true" here$/, "libxl takes a managed device from the host's driver itself"],
  [
    /^E_USAGE_DOMAIN_INVALID: .*its cells have \d+ KiB, <memory> has/,
    'libxl refuses to start it: the cells must have all of the memory (libxl_vnuma.c)',
    /^vnuma-hvm/,
  ],
  [
    /^E_USAGE_DOMAIN_UNSUPPORTED: .*there are ports 0 to 3/,
    "QEMU's machine has four serial ports, and does not start with more",
    /^multiple-serial$/,
  ],
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

const NO_VIDEO = 'a paravirtual screen has no card with memory of its own';

const TO_XML = of(/^xen-x[lm] to domain XML$/, [
  [/\/graphics\[0\]\/clipboard\[0\]@copypaste: "no" there, nothing here$/, 'what a file leaves out is left to libxl'],
  [
    /^domain\/devices\[0\]\/disk\[\d+\]\/driver\[0\]@(name|type): "(phy|raw)" there, nothing here$/,
    'a drive without a medium is served by nothing and has no format',
    /^(disk-positional-parms-partial|no-source-cdrom|pci-devs|pci-dev-syntax)$/,
  ],
  [/^domain\/on_crash\[0\]: "restart" there, "destroy" here$/, "xl's default where the file does not say it"],
  [
    /\/video\[0\]\/model\[0\]@(type|vram): nothing there, "(cirrus|8192)" here$/,
    "xl's default: an HVM guest has a card, with a screen or without",
  ],
  [/^domain\/features\[0\]\/acpi\[0\]: nothing there, "" here$/, 'a PVH guest has it by default', /^pvh-type$/],
  [/\/video\[0\]\/model\[0\]@vram: "4096" there, nothing here$/, NO_VIDEO],
  [/\/interface\[0\]\/model\[0\]@type: "(e1000|fakemodel)" there, nothing here$/, 'a PV guest has no card of a model'],
  [/\/parallel\[0\]/, 'libxl has no parallel ports: a warning names the setting'],
  [
    /^E_USAGE_XL_CONFIG: .*escape|^E_USAGE_XL_CONFIG: line 28, column 47/,
    "three quotes are Python's and libvirt's: xl does not read them",
    /^escape-paths$/,
  ],
  [/\/driver\[0\]@name: "tap2" there, "tap" here$/, 'blktap2 is the one that there is: tap'],
  [/\/acpi\[0\]\/table\[0\]@type: "slic" there, "rawset" here$/, 'libvirt 11 calls it rawset'],

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
  [/\/os\[0\]\/loader\[0\]@readonly: "yes" there/, "libvirt 9 wrote the firmware's place on its own host"],
]);

const FROM_XML = of(/^domain XML to xen-x[lm]$/, [
  [/^spice(_clipboard_sharing|vdagent): nothing there, "0" here$/, "libxl's default, said"],
  [
    /^E_USAGE_DOMAIN_INVALID: .*its cells have \d+ KiB, <memory> has/,
    'libxl refuses to start it: the cells must have all of the memory (libxl_vnuma.c)',
    /^fullvirt-vnuma-autocomplete$/,
  ],
  [
    /^E_USAGE_DOMAIN_UNSUPPORTED: .*only model 'netfront' is supported for Xen PV domains/,
    "libvirt's driver refuses to start it with the same words",
    /^paravirt-net-/,
  ],
  [
    /^E_USAGE_DOMAIN_UNSUPPORTED: .*parallel ports are not supported/,
    "libvirt's driver refuses to start it: libxl has no parallel ports",
    /^fullvirt-parallel-tcp$/,
  ],
  [
    /^E_USAGE_XL_CONFIG: line 28, column 47/,
    "three quotes in the expected file are Python's and libvirt's: xl does not read them",
    /^escape-paths$/,
  ],
  [/^disk\[0\]: "tap2:aio:.*"tap:aio:/, 'blktap2 is the one that there is: tap'],

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

const XEN = of(/^check-xl-/, [
  [
    /^outcome: "refused" there/,
    'in a file xl passes the word over, with a message; its command line, which this tries, refuses it',
    /^foo$/,
  ],
  [/^removable: nothing there, "1" here$/, "libvirt's driver says it of each disk, and libxl has no use for it"],
  [/^nictype: nothing there, "vif" here$/, "a PV guest's default, said"],
]);

export const KNOWN: readonly Known[] = [...TO_LIBXL, ...TO_XML, ...FROM_XML, ...CPU, ...XEN];
