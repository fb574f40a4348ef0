export { LibvirtServer, type LibvirtSocket } from '../../libvirt/server/libvirt-server.js';
