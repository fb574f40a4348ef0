export { AUTHORITY_DAYS, initAuthority } from '../../pki/authority-dir.js';
export {
  HOST_DAYS,
  issueCertificate,
  renewCertificate,
  revokeCertificate,
  showAuthority,
  showCertificate,
} from '../../pki/host-dir.js';
export type { CertificateReport } from '../../pki/inspect.js';
