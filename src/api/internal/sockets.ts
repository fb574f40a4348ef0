export { SocketChannel } from '../../channel/socket-channel.js';
export { openSocket } from '../../host/jobs/open-socket.js';
export { attachToSocket } from '../../tunnel/ssh/attach.js';
