/** Definitions that say everything the model knows, in libvirt's domain XML. Written for these tests. */
const BASICS = '<name>web</name><uuid>9b3b0e2a-1f0a-4d55-8f1c-6a1b2c3d4e5f</uuid><memory>262144</memory>';

export function guest(parts: {
  readonly os?: string;
  readonly vcpu?: string;
  readonly more?: string;
  readonly devices?: string;
}): string {
  const os = parts.os ?? "<os><type arch='x86_64' machine='xenfv'>hvm</type></os>";
  const devices = parts.devices === undefined ? '' : `<devices>${parts.devices}</devices>`;
  return `<domain type='xen'>${BASICS}${parts.vcpu ?? '<vcpu>4</vcpu>'}${os}${parts.more ?? ''}${devices}</domain>`;
}

export const PV_OS = "<os><type arch='x86_64' machine='xenpv'>linux</type><kernel>/boot/vmlinuz</kernel></os>";
export const PVH_OS = "<os><type machine='xenpvh'>xenpvh</type><kernel>/boot/vmlinuz</kernel></os>";

export const RICH_HVM = `<domain type='xen' xmlns:xen='http://libvirt.org/schemas/domain/xen/1.0'>
  ${BASICS}
  <genid>43dc0cf8-809b-4adb-9bea-a9abb5f3d90e</genid>
  <title>The shop</title>
  <description>Sells
  things &amp; more</description>
  <metadata><o:tag xmlns:o='urn:other'>x</o:tag></metadata>
  <currentMemory unit='MiB'>128</currentMemory>
  <vcpu current='2' cpuset='0-7,^3'>4</vcpu>
  <cputune><shares>512</shares><vcpupin vcpu='0' cpuset='0,1'/><vcpupin vcpu='1' cpuset='2'/></cputune>
  <os>
    <type arch='x86_64' machine='xenfv'>hvm</type>
    <loader readonly='yes' type='pflash'>/usr/lib/xen/boot/ovmf.bin</loader>
    <nvram>/var/lib/nvram/web</nvram>
    <acpi><table type='slic'>/sys/firmware/acpi/tables/SLIC</table></acpi>
    <boot dev='cdrom'/><boot dev='hd'/>
  </os>
  <features><acpi/><apic/><pae/><hap state='off'/><viridian/><xen><passthrough state='on' mode='share_pt'/></xen></features>
  <cpu mode='host-passthrough' check='none' migratable='off'>
    <topology sockets='1' dies='1' cores='2' threads='2'/>
    <feature policy='forbid' name='vmx'/>
    <numa>
      <cell id='0' cpus='0-1' memory='131072' unit='KiB'><distances><sibling id='0' value='10'/><sibling id='1' value='21'/></distances></cell>
      <cell id='1' cpus='2-3' memory='128' unit='MiB'/>
    </numa>
  </cpu>
  <clock offset='variable' adjustment='-3600' basis='localtime'><timer name='tsc' present='yes' mode='paravirt'/><timer name='hpet' present='no'/></clock>
  <on_poweroff>preserve</on_poweroff><on_reboot>rename-restart</on_reboot><on_crash>coredump-restart</on_crash>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='block' device='disk'><driver name='phy' type='raw' discard='unmap'/><source dev='/dev/vg/web'/><backenddomain name='storage'/><target dev='xvda' bus='xen'/><shareable/><alias name='xvda'/></disk>
    <disk type='file' device='cdrom'><source file='/srv/a b&apos;c.iso'/><target dev='hdc' bus='ide'/><readonly/><address type='drive' controller='0' bus='1' target='0' unit='0'/></disk>
    <disk type='network' device='disk'><driver name='qemu' type='raw'/><source protocol='rbd' name='pool/image'><host name='mon1' port='6789'/><host name='mon2'/><config file='/etc/ceph/ceph.conf'/><auth username='admin'><secret type='ceph' uuid='2ec115d7-3a88-3ceb-bc12-0ac909a6fd87'/></auth></source><target dev='xvdb' bus='xen'/></disk>
    <controller type='usb' index='0' model='qusb1' ports='6'/>
    <controller type='xenbus' index='0' maxGrantFrames='64' maxEventChannels='2047'/>
    <controller type='ide' index='0'/>
    <interface type='bridge'><mac address='00163E0A0B0C'/><source bridge='ovsbr0'/><vlan trunk='yes'><tag id='42' nativeMode='untagged'/><tag id='43'/></vlan><virtualport type='openvswitch'/><ip address='10.0.0.4' family='ipv4' prefix='24'/><script path='vif-openvswitch'/><target dev='vif3.0-emu'/><model type='e1000'/><bandwidth><outbound average='1024' peak='2048'/></bandwidth><mtu size='1500'/></interface>
    <interface type='network'><mac address='00:16:3e:0a:0b:0d'/><source network='default' portgroup='lab' portid='x' bridge='virbr0'/><model type='netfront'/></interface>
    <interface type='ethernet'><mac address='00:16:3e:0a:0b:0e'/><target dev='web0'/><backenddomain name='net'/></interface>
    <serial type='pty'><source path='/dev/pts/3'/><target port='0'/></serial>
    <serial type='tcp'><source mode='bind' host='127.0.0.1' service='4555'/><protocol type='telnet'/><target type='isa-serial' port='1'><model name='isa-serial'/></target></serial>
    <serial type='udp'><source mode='bind' host='127.0.0.1' service='4556'/><source mode='connect' host='10.0.0.9' service='4557'/><target port='2'/></serial>
    <serial type='file'><source path='/var/log/web.console'/><target port='3'/></serial>
    <console type='pty' tty='/dev/pts/3'><source path='/dev/pts/3'/><target type='serial' port='0'/></console>
    <channel type='unix'><source mode='bind' path='/run/web.agent'/><target type='xen' name='org.agent.0' state='connected'/></channel>
    <channel type='pty'><target type='xen' name='org.agent.1'/></channel>
    <input type='tablet' bus='usb'/>
    <graphics type='vnc' port='5907' autoport='no' listen='127.0.0.1' passwd='secret' keymap='de'><listen type='address' address='127.0.0.1'/></graphics>
    <graphics type='spice' port='-1' tlsPort='5999' autoport='yes'><mouse mode='client'/><clipboard copypaste='no'/></graphics>
    <graphics type='sdl' display=':0' xauth='/root/.Xauthority' fullscreen='no'/>
    <sound model='ac97'/>
    <video><model type='qxl' ram='65536' vram='131072' vgamem='16384' heads='1' primary='yes'/></video>
    <hostdev mode='subsystem' type='pci' managed='yes'><driver name='xen'/><source writeFiltering='no'><address domain='0x0000' bus='0x05' slot='0x00' function='0x1'/></source></hostdev>
    <hostdev mode='subsystem' type='usb' managed='no'><source><address bus='1' device='3'/></source></hostdev>
    <hostdev mode='subsystem' type='usb'><source><vendor id='0x1234'/><product id='0xbeef'/></source></hostdev>
    <memballoon model='xen'/>
  </devices>
  <seclabel type='static' model='flask'><label>system_u:system_r:domU_t</label></seclabel>
  <xen:commandline><xen:arg value='-device'/><xen:arg value='nvme,serial=1'/></xen:commandline>
</domain>`;
