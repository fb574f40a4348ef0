import { InvariantError } from '../../errors/errors.js';
import { protocolList, type Libssl, type Pointer } from './libssl.js';
import { takeError } from './openssl-error.js';

export interface TlsContextOptions {
  readonly role: 'client' | 'server';
  /** PEM texts: authorities; this side's certificate with those between it and the authority; its key, without passphrase. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** PEM: where it is given, each certificate of a chain is looked for in it. */
  readonly crl?: string | undefined;
  /** Suites of TLS 1.3, best first, with colons. */
  readonly ciphers: string;
  /** The one protocol to speak (ALPN). */
  readonly alpn: string;
}

/* openssl/ssl.h, openssl/tls1.h, openssl/x509_vfy.h */
const CTRL_MODE = 33;
const CTRL_SET_SESS_CACHE_MODE = 44;
const CTRL_CLEAR_MODE = 78;
const CTRL_CHAIN_CERT = 89;
const CTRL_SET_MIN_PROTO_VERSION = 123;
const CTRL_SET_MAX_PROTO_VERSION = 124;
const TLS1_3 = 0x0304;
const OP_NO_TICKET = 2 ** 14;
const OP_CIPHER_SERVER_PREFERENCE = 2 ** 22;
const OP_NO_RENEGOTIATION = 2 ** 30;
const MODE_AUTO_RETRY = 0x4;
const MODE_RELEASE_BUFFERS = 0x10;
const SESS_CACHE_OFF = 0;
const VERIFY_PEER = 1;
const X509_CRL_CHECK = 0x4 | 0x8;
const ADD_REFERENCE = 1;

/**
 * What TLS 1.3 sessions are made from: an `SSL_CTX`. No older version, no tickets and no resumption, both sides with certificates.
 * A chain that does not verify does not end the handshake: see `TlsSession.shown`. Sessions keep what they need of it, so it may be
 * closed once they are made.
 */
export class TlsContext implements Disposable {
  readonly lib: Libssl;
  readonly role: TlsContextOptions['role'];
  #context: Pointer | undefined;

  /** Throws `OpensslError` where the texts are no good, or do not fit together. */
  constructor(lib: Libssl, options: TlsContextOptions) {
    this.lib = lib;
    this.role = options.role;
    lib.ERR_clear_error();
    const method = options.role === 'client' ? lib.TLS_client_method() : lib.TLS_server_method();
    const context = lib.SSL_CTX_new(method);
    if (context === null) throw takeError(lib, 'SSL_CTX_new');
    this.#context = context;
    try {
      this.#restrict(context, options.ciphers);
      this.#trust(context, options);
      this.#identify(context, options);
      if (options.role === 'client') {
        const list = protocolList(options.alpn);
        if (lib.SSL_CTX_set_alpn_protos(context, list, list.length) !== 0) throw takeError(lib, 'offering a protocol');
      } else {
        lib.SSL_CTX_set_alpn_select_cb(context, lib.chooserOf(options.alpn), null);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** For a call that does not keep it, or takes a reference of its own. */
  get pointer(): Pointer {
    if (this.#context === undefined) throw new InvariantError('the TLS context was closed');
    return this.#context;
  }

  /** Frees it; sessions that are there live on. May be called again. */
  close(): void {
    const context = this.#context;
    this.#context = undefined;
    if (context !== undefined) this.lib.SSL_CTX_free(context);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #restrict(context: Pointer, ciphers: string): void {
    const { lib } = this;
    this.#check(lib.SSL_CTX_ctrl(context, CTRL_SET_MIN_PROTO_VERSION, TLS1_3, null), 'the least version');
    this.#check(lib.SSL_CTX_ctrl(context, CTRL_SET_MAX_PROTO_VERSION, TLS1_3, null), 'the highest version');
    this.#check(lib.SSL_CTX_set_ciphersuites(context, ciphers), 'SSL_CTX_set_ciphersuites');
    this.#check(lib.SSL_CTX_set_num_tickets(context, 0), 'SSL_CTX_set_num_tickets');
    lib.SSL_CTX_set_options(context, OP_NO_TICKET + OP_CIPHER_SERVER_PREFERENCE + OP_NO_RENEGOTIATION);
    lib.SSL_CTX_ctrl(context, CTRL_SET_SESS_CACHE_MODE, SESS_CACHE_OFF, null);
    // A record without data ends a read, so that a peer that sends nothing else cannot keep one going.
    lib.SSL_CTX_ctrl(context, CTRL_CLEAR_MODE, MODE_AUTO_RETRY, null);
    lib.SSL_CTX_ctrl(context, CTRL_MODE, MODE_RELEASE_BUFFERS, null);
    lib.SSL_CTX_set_verify(context, VERIFY_PEER, lib.goOn);
  }

  #trust(context: Pointer, { ca, crl }: TlsContextOptions): void {
    const { lib } = this;
    const store = lib.SSL_CTX_get_cert_store(context);
    if (store === null) throw takeError(lib, 'SSL_CTX_get_cert_store');
    const authorities = this.#each(ca, lib.PEM_read_bio_X509, lib.X509_free, (certificate) => {
      this.#check(lib.X509_STORE_add_cert(store, certificate), 'X509_STORE_add_cert');
      if (this.role === 'server') this.#check(lib.SSL_CTX_add_client_CA(context, certificate), 'SSL_CTX_add_client_CA');
    });
    if (authorities === 0) throw takeError(lib, 'reading the authority');
    if (crl === undefined) return;
    const lists = this.#each(crl, lib.PEM_read_bio_X509_CRL, lib.X509_CRL_free, (list) => {
      this.#check(lib.X509_STORE_add_crl(store, list), 'X509_STORE_add_crl');
    });
    if (lists === 0) throw takeError(lib, 'reading the list of revoked certificates');
    this.#check(lib.X509_STORE_set_flags(store, X509_CRL_CHECK), 'X509_STORE_set_flags');
  }

  #identify(context: Pointer, { cert, key }: TlsContextOptions): void {
    const { lib } = this;
    let count = 0;
    this.#each(cert, lib.PEM_read_bio_X509, lib.X509_free, (certificate) => {
      const done =
        count === 0
          ? lib.SSL_CTX_use_certificate(context, certificate)
          : lib.SSL_CTX_ctrl(context, CTRL_CHAIN_CERT, ADD_REFERENCE, certificate);
      this.#check(done, 'using the certificate');
      count += 1;
    });
    if (count === 0) throw takeError(lib, 'reading the certificate');
    const keys = this.#each(key, lib.PEM_read_bio_PrivateKey, lib.EVP_PKEY_free, (one) => {
      this.#check(lib.SSL_CTX_use_PrivateKey(context, one), 'using the key');
    });
    if (keys === 0) throw takeError(lib, 'reading the key');
    this.#check(lib.SSL_CTX_check_private_key(context), 'comparing key and certificate');
  }

  /** Reads all objects of one kind and frees each when it has been used. @returns how many there were */
  #each(
    pem: string,
    read: Libssl['PEM_read_bio_X509'],
    free: (one: Pointer) => void,
    use: (one: Pointer) => void,
  ): number {
    const { lib } = this;
    const bytes = Buffer.from(pem);
    const bio = lib.BIO_new(lib.BIO_s_mem());
    if (bio === null) throw takeError(lib, 'BIO_new');
    let count = 0;
    try {
      if (lib.BIO_write(bio, bytes, bytes.length) !== bytes.length) throw takeError(lib, 'BIO_write');
      for (;;) {
        const one = read(bio, null, null, '');
        if (one === null) break;
        count += 1;
        try {
          use(one);
        } finally {
          free(one);
        }
      }
    } finally {
      lib.BIO_free_all(bio);
    }
    if (count > 0) lib.ERR_clear_error(); // that there are no more
    return count;
  }

  #check(result: number, during: string): void {
    if (result <= 0) throw takeError(this.lib, during);
  }
}
