import { InvariantError } from '../../errors/errors.js';
import koffi from '../koffi.js';
import { closeFd, endOutput, setNonblocking } from '../libc.js';
import { POLLIN, POLLOUT } from '../poll-set.js';
import type { Libssl, Pointer } from './libssl.js';
import { errnoError, takeError, type OpensslError } from './openssl-error.js';
import type { TlsContext } from './tls-context.js';
import { verdictName } from './verdict-names.js';

/* openssl/ssl.h, openssl/bio.h, openssl/tls1.h */
const ERROR_SSL = 1;
const ERROR_WANT_READ = 2;
const ERROR_WANT_WRITE = 3;
const ERROR_SYSCALL = 5;
const ERROR_ZERO_RETURN = 6;
const CTRL_CLEAR_MODE = 78;
const CTRL_SET_TLSEXT_HOSTNAME = 55;
const MODE_RELEASE_BUFFERS = 0x10;
const BIO_CTRL_PENDING = 10;
const BIO_CTRL_FLUSH = 11;
const BIO_C_SET_BUFF_SIZE = 117;
const FOR_READING = 0;
const FOR_WRITING = 1;
const NOCLOSE = 0;

/** A peer that has closed without a word of TLS: whether that is a loss, frames tell. */
const CUT = 'ERR_SSL_UNEXPECTED_EOF_WHILE_READING';

/** No certificate that TLS lets through is longer. */
const MAX_DER_BYTES = 128 * 1024;

/** `read`: nothing is there yet; nothing will come any more. */
export const NOTHING_YET = 0;
export const ENDED = -1;

/** What a handshake has shown of the peer. Nothing of it has been judged. */
export interface Shown {
  /** DER. */
  readonly certificate: Uint8Array | undefined;
  /** Why the chain does not verify, by Node's name; undefined where it does. */
  readonly verdict: string | undefined;
  readonly protocol: string | undefined;
  readonly resumed: boolean;
}

/**
 * TLS over one socket. No call waits: each says what it has done, and for which events of poll(2) the next one has to wait. Memory
 * given to it is used during the call only, except that a `write` that was not taken is repeated with the very same bytes.
 */
export class TlsSession implements Disposable {
  readonly #lib: Libssl;
  #ssl: Pointer | undefined;
  #fd: number;
  #reader: Pointer | undefined;
  #writer: Pointer | undefined;
  #closeSaid = false;
  /** For what `handshake` and `read`, and what `write`, `flush` and `end` wait. */
  readAwaits = POLLIN;
  writeAwaits = POLLOUT;

  /**
   * @param fd of a connected socket, which it owns from now on, also where this throws
   * @param serverName asked for, by a client (SNI)
   */
  constructor(context: TlsContext, fd: number, serverName?: string) {
    const { lib } = context;
    this.#lib = lib;
    this.#fd = fd;
    try {
      setNonblocking(fd);
      lib.ERR_clear_error();
      const ssl = lib.SSL_new(context.pointer);
      if (ssl === null) throw takeError(lib, 'SSL_new');
      this.#ssl = ssl;
      if (lib.SSL_set_fd(ssl, fd) !== 1) throw takeError(lib, 'SSL_set_fd');
      if (context.role === 'server') lib.SSL_set_accept_state(ssl);
      else lib.SSL_set_connect_state(ssl);
      if (serverName !== undefined && lib.SSL_ctrl(ssl, CTRL_SET_TLSEXT_HOSTNAME, 0, serverName) !== 1) {
        throw takeError(lib, 'naming the server');
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The socket, for poll(2). */
  get fd(): number {
    return this.#fd;
  }

  /** Before a run of calls: forgets what other users of OpenSSL in this thread have left in its queue of errors. */
  begin(): void {
    this.#lib.ERR_clear_error();
  }

  /** True once it is done; false: wait for `readAwaits`. Throws `OpensslError`. */
  handshake(): boolean {
    const ssl = this.#open();
    const result = this.#lib.SSL_do_handshake(ssl);
    if (result === 1) return true;
    this.readAwaits = this.#awaits(ssl, result, 'the TLS handshake');
    return false;
  }

  /** After the handshake. */
  shown(): Shown {
    const ssl = this.#open();
    const name: [Pointer | null] = [null];
    const length: [number] = [0];
    this.#lib.SSL_get0_alpn_selected(ssl, name, length);
    const [at] = name;
    return {
      certificate: this.#peerCertificate(ssl),
      verdict: verdictName(this.#lib.SSL_get_verify_result(ssl)),
      protocol: at === null || length[0] === 0 ? undefined : this.#lib.textAt(at, length[0]),
      resumed: this.#lib.SSL_session_reused(ssl) !== 0,
    };
  }

  /** `TLSv1.3` after the handshake. */
  get version(): string | null {
    return this.#lib.SSL_get_version(this.#open());
  }

  /** Reads and decrypts many records at a time from now on, into so much memory. */
  bufferReads(bytes: number): void {
    if (this.#reader !== undefined) return;
    const ssl = this.#open();
    const { buffer, chain } = this.#bufferedSocket(bytes, FOR_READING);
    this.#lib.SSL_set0_rbio(ssl, chain);
    this.#reader = buffer;
    this.#lib.SSL_ctrl(ssl, CTRL_CLEAR_MODE, MODE_RELEASE_BUFFERS, null);
  }

  /** Gathers so many bytes of records before they are written, from now on; `flush` writes what there is. No `write` may be open. */
  bufferWrites(bytes: number): void {
    if (this.#writer !== undefined) return;
    const ssl = this.#open();
    const { buffer, chain } = this.#bufferedSocket(bytes, FOR_WRITING);
    this.#lib.SSL_set0_wbio(ssl, chain);
    this.#writer = buffer;
    this.#lib.SSL_ctrl(ssl, CTRL_CLEAR_MODE, MODE_RELEASE_BUFFERS, null);
  }

  /**
   * Decrypts into this memory. Throws `OpensslError`.
   * @returns how many bytes; `NOTHING_YET`: wait for `readAwaits`, unless `hasBuffered`; `ENDED`
   */
  read(into: Uint8Array): number {
    const ssl = this.#open();
    const lib = this.#lib;
    const count = lib.SSL_read(ssl, into, into.length);
    if (count > 0) return count;
    const errno = koffi.errno();
    const kind = lib.SSL_get_error(ssl, count);
    if (kind === ERROR_ZERO_RETURN) return ENDED;
    if (kind === ERROR_WANT_READ || kind === ERROR_WANT_WRITE) {
      this.readAwaits = kind === ERROR_WANT_READ ? POLLIN : POLLOUT;
      return NOTHING_YET;
    }
    const error = this.#failure(kind, errno, 'read');
    if (error === undefined) return ENDED;
    throw error;
  }

  /** Whether a `read` that returned `NOTHING_YET` may bring something without any event. */
  get hasBuffered(): boolean {
    return this.#reader !== undefined && this.#lib.BIO_ctrl(this.#reader, BIO_CTRL_PENDING, 0, null) > 0;
  }

  /**
   * Encrypts these bytes and gives them to the socket or the gathering memory. Throws `OpensslError`.
   * @returns false where it could not take all: repeat it with the same bytes after `writeAwaits`, and write nothing else before
   */
  write(bytes: Uint8Array): boolean {
    const ssl = this.#open();
    const result = this.#lib.SSL_write(ssl, bytes, bytes.length);
    if (result === bytes.length) return true;
    this.writeAwaits = this.#awaits(ssl, result, 'write');
    return false;
  }

  /** Writes what is gathered. False: again after `writeAwaits`. Throws `OpensslError`. */
  flush(): boolean {
    if (this.#writer === undefined) return true;
    const flushed = this.#lib.BIO_ctrl(this.#writer, BIO_CTRL_FLUSH, 0, null);
    if (flushed > 0) return true;
    const errno = koffi.errno();
    this.writeAwaits = POLLOUT;
    if (errno === EAGAIN) return false;
    this.#lib.ERR_clear_error();
    throw errnoError(errno, 'write');
  }

  /** Says that nothing more is written (close_notify, FIN). False: again after `writeAwaits`. Throws `OpensslError`. */
  end(): boolean {
    const ssl = this.#open();
    // Once it is said, another call would wait for the peer's.
    if (!this.#closeSaid) {
      const result = this.#lib.SSL_shutdown(ssl);
      if (result < 0) {
        this.writeAwaits = this.#awaits(ssl, result, 'shutdown');
        return false;
      }
      this.#closeSaid = true;
    }
    if (!this.flush()) return false;
    endOutput(this.#fd);
    return true;
  }

  /** Frees everything and closes the socket. May be called again; nothing else may be called afterwards. */
  close(): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    if (this.#ssl !== undefined) this.#lib.SSL_free(this.#ssl);
    this.#ssl = undefined;
    this.#reader = undefined;
    this.#writer = undefined;
    this.#lib.ERR_clear_error();
    closeFd(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #open(): Pointer {
    if (this.#ssl === undefined) throw new InvariantError('the TLS session was closed');
    return this.#ssl;
  }

  /** What the call waits for. Throws where it has failed. */
  #awaits(ssl: Pointer, result: number, during: string): number {
    const errno = koffi.errno();
    const kind = this.#lib.SSL_get_error(ssl, result);
    if (kind === ERROR_WANT_READ) return POLLIN;
    if (kind === ERROR_WANT_WRITE) return POLLOUT;
    throw this.#failure(kind, errno, during) ?? errnoError(ECONNRESET, during);
  }

  /** Undefined where the peer has closed. The error queue is empty afterwards, as each call needs it. */
  #failure(kind: number, errno: number, during: string): OpensslError | undefined {
    if (kind === ERROR_SSL) {
      const error = takeError(this.#lib, during);
      return error.code === CUT ? undefined : error;
    }
    this.#lib.ERR_clear_error();
    if (kind === ERROR_SYSCALL) return errno === 0 ? undefined : errnoError(errno, during);
    return kind === ERROR_ZERO_RETURN ? undefined : takeError(this.#lib, during);
  }

  /** A chain of a buffer and the socket, which the session is to own. */
  #bufferedSocket(bytes: number, which: number): { buffer: Pointer; chain: Pointer } {
    const lib = this.#lib;
    const buffer = lib.BIO_new(lib.BIO_f_buffer());
    const socket = lib.BIO_new_socket(this.#fd, NOCLOSE);
    const chain = buffer === null || socket === null ? null : lib.BIO_push(buffer, socket);
    if (buffer === null || chain === null || lib.BIO_int_ctrl(buffer, BIO_C_SET_BUFF_SIZE, bytes, which) !== 1) {
      lib.BIO_free_all(buffer);
      if (chain === null) lib.BIO_free_all(socket);
      throw takeError(lib, 'memory for records');
    }
    return { buffer, chain };
  }

  #peerCertificate(ssl: Pointer): Uint8Array | undefined {
    const lib = this.#lib;
    const certificate = lib.SSL_get1_peer_certificate(ssl);
    if (certificate === null) return undefined;
    const bio = lib.BIO_new(lib.BIO_s_mem());
    try {
      if (bio === null || lib.i2d_X509_bio(bio, certificate) !== 1) throw takeError(lib, 'reading the certificate');
      const bytes = lib.BIO_ctrl(bio, BIO_CTRL_PENDING, 0, null);
      if (bytes > MAX_DER_BYTES) throw takeError(lib, 'reading a certificate of this size');
      const der = new Uint8Array(bytes);
      if (lib.BIO_read(bio, der, bytes) !== bytes) throw takeError(lib, 'reading the certificate');
      return der;
    } finally {
      lib.BIO_free_all(bio);
      lib.X509_free(certificate);
    }
  }
}

/* asm-generic/errno.h */
const EAGAIN = 11;
const ECONNRESET = 104;
