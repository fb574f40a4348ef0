/**
 * Features of x86 processors by their place in CPUID, in libvirt's names and in libxl's. Sources: libvirt's map (11.3),
 * of Xen's public/arch-x86/cpufeatureset.h and of libxl_cpuid.c (4.14 to 4.21).
 *
 * One entry is `BIT:NAME`: libvirt and libxl use the same name. `BIT:NAME=OTHER|THIRD`: libxl's names, the first is
 * written. `BIT:NAME=`: libxl has none. `BIT:=NAME`: libvirt has none. libxl's `clflush` is another field (EBX of leaf
 * 1), not that feature.
 */
export interface Register {
  readonly leaf: number;
  /** Absent if the leaf has none. */
  readonly subleaf?: number;
  readonly register: 'eax' | 'ebx' | 'ecx' | 'edx';
  readonly bits: string;
}

export const REGISTERS: readonly Register[] = [
  {
    leaf: 1,
    register: 'edx',
    bits:
      '0:fpu 1:vme 2:de 3:pse 4:tsc 5:msr 6:pae 7:mce 8:cx8=cmpxchg8|cx8 9:apic 11:sep=sysenter|sep 12:mtrr 13:pge 14:mca ' +
      '15:cmov 16:pat 17:pse36 18:pn=psn 19:clflush=clfsh 21:ds 22:acpi 23:mmx 24:fxsr 25:sse 26:sse2 27:ss 28:ht=htt ' +
      '29:tm=tm|tm1 30:ia64 31:pbe',
  },
  {
    leaf: 1,
    register: 'ecx',
    bits:
      '0:pni=sse3 1:pclmuldq=pclmulqdq 2:dtes64 3:monitor 4:ds_cpl=dscpl 5:vmx 6:smx 7:est=est|eist 8:tm2 9:ssse3 10:cid=cntxid ' +
      '11:=sdbg 12:fma 13:cx16=cmpxchg16|cx16 14:xtpr 15:pdcm 17:pcid 18:dca 19:sse4.1=sse4.1|sse4-1|sse4_1 ' +
      '20:sse4.2=sse4.2|sse4-2|sse4_2 21:x2apic 22:movbe 23:popcnt 24:tsc-deadline 25:aes=aes|aesni 26:xsave 27:osxsave 28:avx ' +
      '29:f16c 30:rdrand 31:hypervisor',
  },
  {
    leaf: 0x80000001,
    register: 'edx',
    bits: '11:syscall 20:nx 22:mmxext 25:fxsr_opt=ffxsr 26:pdpe1gb=page1gb 27:rdtscp 29:lm 30:3dnowext 31:3dnow',
  },
  {
    leaf: 0x80000001,
    register: 'ecx',
    bits:
      '0:lahf_lm=lahfsahf|lahf-lm 1:cmp_legacy=cmplegacy|cmp-legacy 2:svm 3:extapic 4:cr8legacy=altmovcr8|cr8-legacy 5:abm ' +
      '6:sse4a 7:misalignsse 8:3dnowprefetch 9:osvw 10:ibs 11:xop 12:skinit 13:wdt 15:lwp 16:fma4 17:tce= 18:cvt16= ' +
      '19:nodeid_msr=nodeid|nodeid-msr 21:tbm 22:topoext 23:perfctr_core 24:perfctr_nb 26:=dbext 29:=monitorx 30:=addr-msk-ext',
  },
  {
    leaf: 13,
    subleaf: 1,
    register: 'eax',
    bits: '0:xsaveopt 1:xsavec 2:xgetbv1 3:xsaves 4:xfd',
  },
  {
    leaf: 7,
    subleaf: 0,
    register: 'ebx',
    bits:
      '0:fsgsbase 1:tsc_adjust=tsc_adjust|tsc-adjust 2:sgx 3:bmi1 4:hle 5:avx2 6:fdp-excptn-only=fdp-excp-only 7:smep 8:bmi2 ' +
      '9:erms 10:invpcid 11:rtm 12:cmt=cmt|pqm 13:zero-fcs-fds=no-fpu-sel 14:mpx 15:=pqe 16:avx512f 17:avx512dq 18:rdseed ' +
      '19:adx 20:smap 21:avx512ifma=avx512-ifma 22:pcommit= 23:clflushopt 24:clwb 25:intel-pt=proc-trace 26:avx512pf ' +
      '27:avx512er 28:avx512cd 29:sha-ni=sha 30:avx512bw 31:avx512vl',
  },
  {
    leaf: 7,
    subleaf: 0,
    register: 'ecx',
    bits:
      '0:=prefetchwt1 1:avx512vbmi=avx512-vbmi 2:umip 3:pku 4:ospke 5:waitpkg 6:avx512vbmi2=avx512-vbmi2 7:=cet-ss 8:gfni ' +
      '9:vaes 10:vpclmulqdq 11:avx512vnni=avx512-vnni 12:avx512bitalg=avx512-bitalg 13:=tme 14:avx512-vpopcntdq 16:la57 ' +
      '22:rdpid 24:bus-lock-detect=bld 25:cldemote 27:movdiri 28:movdir64b 29:=enqcmd 30:sgxlc=sgx-lc 31:pks',
  },
  {
    leaf: 0x80000007,
    register: 'edx',
    bits: '7:=hw-pstate 8:invtsc=invtsc|itsc 9:=cpb 10:=efro',
  },
  {
    leaf: 0x80000008,
    register: 'ebx',
    bits:
      '0:clzero 2:xsaveerptr=rstr-fp-err-ptrs 9:wbnoinvd 12:ibpb 14:ibrs 15:amd-stibp 16:=ibrs-always ' +
      '17:stibp-always-on=stibp-always 18:=ibrs-fast 19:=ibrs-same-mode 20:=no-lmsl 23:=amd-ppin|ppin 24:amd-ssbd 25:virt-ssbd ' +
      '26:amd-no-ssb=ssb-no 27:=cppc 28:amd-psfd=psfd 29:=btc-no 30:=ibpb-ret',
  },
  {
    leaf: 7,
    subleaf: 0,
    register: 'edx',
    bits:
      '1:=sgx-keys 2:avx512-4vnniw 3:avx512-4fmaps 4:fsrm 5:=uintr 8:avx512-vp2intersect 9:=srbds-ctrl 10:md-clear ' +
      '11:=rtm-always-abort 13:=tsx-force-abort 14:serialize 15:=hybrid 16:tsx-ldtrk=tsxldtrk 18:pconfig 19:arch-lbr ' +
      '20:=cet-ibt 22:amx-bf16 23:avx512-fp16 24:amx-tile 25:amx-int8 26:spec-ctrl=ibrsb 27:stibp 28:flush-l1d=l1d-flush ' +
      '29:arch-capabilities=arch-caps 30:core-capability=core-caps 31:ssbd',
  },
  {
    leaf: 7,
    subleaf: 1,
    register: 'eax',
    bits:
      '0:sha512 1:sm3 2:sm4 4:avx-vnni 5:avx512-bf16 6:=lass 7:cmpccxadd 8:=arch-perf-mon 10:fzrm 11:fsrs 12:fsrc=fsrcs 17:fred ' +
      '18:lkgs 19:wrmsrns 20:=nmi-src 21:amx-fp16 23:avx-ifma 26:lam 27:=msrlist 30:=no-invd 31:=movrs',
  },
  {
    leaf: 0x80000021,
    register: 'eax',
    bits:
      '0:no-nested-data-bp=no-nest-bp 1:=fs-gs-ns 2:lfence-always-serializing=lfence-dispatch|lfence+ 5:=verw-clear ' +
      '6:null-sel-clr-base=nscb 8:auto-ibrs 10:=amd-fsrs 11:=amd-fsrc 17:=cpuid-user-dis 18:=epsf 19:=fsrsc 20:=amd-prefetchi ' +
      '23:=avx512-bmm 24:eraps= 27:sbpb 28:ibpb-brtype 29:srso-no 30:srso-user-kernel-no=srso-us-no 31:=srso-msr-fix',
  },
  {
    leaf: 7,
    subleaf: 1,
    register: 'ebx',
    bits: '0:=intel-ppin',
  },
  {
    leaf: 7,
    subleaf: 2,
    register: 'edx',
    bits: '0:intel-psfd 1:ipred-ctrl 2:rrsba-ctrl 3:ddpd-u=ddp-ctrl 4:bhi-ctrl 5:mcdt-no 6:=uc-lock-dis',
  },
  {
    leaf: 7,
    subleaf: 1,
    register: 'edx',
    bits:
      '4:avx-vnni-int8 5:avx-ne-convert 8:amx-complex 10:avx-vnni-int16 14:prefetchiti=prefetchi 17:=uiret-uif 18:=cet-sss ' +
      '19:avx10= 24:=slsm',
  },
  {
    leaf: 0x80000021,
    register: 'ecx',
    bits: '1:=tsa-sq-no 2:=tsa-l1-no',
  },
  {
    leaf: 6,
    register: 'eax',
    bits: '2:arat',
  },
  {
    leaf: 15,
    subleaf: 1,
    register: 'edx',
    bits: '1:mbm_total= 2:mbm_local=',
  },
  {
    leaf: 18,
    subleaf: 0,
    register: 'eax',
    bits: '0:sgx1= 1:sgx2= 11:sgx-edeccssa=',
  },
  {
    leaf: 18,
    subleaf: 0,
    register: 'ebx',
    bits: '0:sgx-exinfo=',
  },
  {
    leaf: 18,
    subleaf: 1,
    register: 'eax',
    bits: '1:sgx-debug= 2:sgx-mode64= 4:sgx-provisionkey= 5:sgx-tokenkey= 7:sgx-kss= 10:sgx-aex-notify=',
  },
  {
    leaf: 20,
    subleaf: 0,
    register: 'ecx',
    bits: '31:intel-pt-lip=',
  },
  {
    leaf: 36,
    register: 'ebx',
    bits: '16:avx10-128= 17:avx10-256= 18:avx10-512=',
  },
  {
    leaf: 0x80000007,
    register: 'ebx',
    bits: '0:overflow-recov= 1:succor=',
  },
  {
    leaf: 0x8000000a,
    register: 'edx',
    bits:
      '0:npt=svm_npt 1:lbrv=svm_lbrv 2:svm-lock= 3:nrip-save=svm_nrips 4:tsc-scale=svm_tscrate 5:vmcb-clean=svm_vmcbclean ' +
      '6:flushbyasid= 7:decodeassists=svm_decode 10:pause-filter=svm_pausefilt 12:pfthreshold= 13:avic= 15:v-vmsave-vmload= ' +
      '16:vgif= 25:vnmi= 28:svme-addr-chk=',
  },
  {
    leaf: 0x80000022,
    register: 'eax',
    bits: '0:perfmon-v2=',
  },
];

/** Libvirt's names of features that are bits of model-specific registers. */
export const IN_REGISTERS =
  'split-lock-detect rdctl-no ibrs-all rsba skip-l1dfl-vmentry ssb-no mds-no pschange-mc-no tsx-ctrl taa-no sbdr-ssdp-no ' +
  'fbsdp-no psdp-no fb-clear pbrsb-no gds-no rfds-no rfds-clear';
/** Abilities of a nested hypervisor, without the prefix `vmx-`. */
export const OF_VMX =
  'ins-outs true-ctls any-errcode nested-exception store-lma activity-hlt activity-shutdown activity-wait-sipi ' +
  'vmwrite-vmexit-fields zero-len-inject apicv-xapic ept desc-exit rdtscp-exit apicv-x2apic vpid wbinvd-exit unrestricted-guest ' +
  'apicv-register apicv-vid ple rdrand-exit invpcid-exit vmfunc shadow-vmcs encls-exit rdseed-exit pml xsaves tsc-scaling ' +
  'enable-user-wait-pause ept-execonly page-walk-4 page-walk-5 ept-uc ept-wb ept-2mb ept-1gb invept eptad ept-advanced-exitinfo ' +
  'invept-single-context invept-all-context invvpid invvpid-single-addr invvpid-single-context invvpid-all-context ' +
  'invvpid-single-context-noglobals intr-exit nmi-exit vnmi preemption-timer posted-intr vintr-pending tsc-offset hlt-exit ' +
  'invlpg-exit mwait-exit rdpmc-exit rdtsc-exit cr3-load-noexit cr3-store-noexit cr8-load-exit cr8-store-exit flexpriority ' +
  'vnmi-pending movdr-exit io-exit io-bitmap mtf msr-bitmap monitor-exit pause-exit secondary-ctls exit-nosave-debugctl ' +
  'exit-load-perf-global-ctrl exit-ack-intr exit-save-pat exit-load-pat exit-save-efer exit-load-efer ' +
  'exit-save-preemption-timer exit-clear-bndcfgs exit-clear-rtit-ctl exit-load-pkrs exit-secondary-ctls entry-noload-debugctl ' +
  'entry-ia32e-mode entry-load-perf-global-ctrl entry-load-pat entry-load-efer entry-load-bndcfgs entry-load-rtit-ctl ' +
  'entry-load-pkrs entry-load-fred eptp-switching';
