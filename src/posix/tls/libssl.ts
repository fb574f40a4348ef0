import koffi from '../koffi.js';

/*
 * libssl and libcrypto as they are in Node's own executable, or in the libraries that it is linked with. Only functions that
 * OpenSSL 3 documents; what its headers have as macros is `SSL_CTX_ctrl` and the like with the numbers of those headers.
 */

/** An object of OpenSSL's. Who has made it frees it, unless the call says that it takes it over. */
export type Pointer = bigint;
type Maybe = Pointer | null;
type Bytes = Uint8Array;

export type Libssl = ReturnType<typeof bind>;

/** OpenSSL 3: later releases keep its functions, another major version need not. */
const MAJOR = 3;

function bind(lib: ReturnType<typeof koffi.load>) {
  const verifyCallback = koffi.pointer(koffi.proto('int', ['int', 'void *']));
  const alpnCallback = koffi.pointer(koffi.proto('int', ['void *', 'void *', 'void *', 'void *', 'uint', 'void *']));
  /** OpenSSL is left with pointers into `ours`, which must not be moved or freed. */
  const choosers = new Map<string, { readonly callback: Pointer; readonly ours: Bytes }>();
  const SSL_select_next_proto = lib.func(
    'int SSL_select_next_proto(void *out, void *outLength, const uint8_t *ours, uint oursLength, void *theirs, uint theirsLength)',
  ) as (
    out: Pointer,
    outLength: Pointer,
    ours: Bytes,
    oursLength: number,
    theirs: Pointer,
    theirsLength: number,
  ) => number;

  return {
    ERR_clear_error: lib.func('void ERR_clear_error()') as () => void,
    ERR_get_error: lib.func('unsigned long ERR_get_error()') as () => number | bigint,
    ERR_reason_error_string: lib.func('const char *ERR_reason_error_string(unsigned long error)') as (
      error: number | bigint,
    ) => string | null,

    BIO_new: lib.func('void *BIO_new(void *method)') as (method: Maybe) => Maybe,
    BIO_s_mem: lib.func('void *BIO_s_mem()') as () => Maybe,
    BIO_f_buffer: lib.func('void *BIO_f_buffer()') as () => Maybe,
    BIO_write: lib.func('int BIO_write(void *bio, const uint8_t *bytes, int length)') as (
      bio: Pointer,
      bytes: Bytes,
      length: number,
    ) => number,
    BIO_new_socket: lib.func('void *BIO_new_socket(int fd, int close)') as (fd: number, close: number) => Maybe,
    BIO_push: lib.func('void *BIO_push(void *bio, void *next)') as (bio: Pointer, next: Pointer) => Maybe,
    BIO_read: lib.func('int BIO_read(void *bio, uint8_t *bytes, int length)') as (
      bio: Pointer,
      bytes: Bytes,
      length: number,
    ) => number,
    BIO_ctrl: lib.func('long BIO_ctrl(void *bio, int command, long number, void *pointer)') as (
      bio: Pointer,
      command: number,
      number: number,
      pointer: Maybe,
    ) => number,
    BIO_int_ctrl: lib.func('long BIO_int_ctrl(void *bio, int command, long number, int which)') as (
      bio: Pointer,
      command: number,
      number: number,
      which: number,
    ) => number,
    BIO_free_all: lib.func('void BIO_free_all(void *bio)') as (bio: Maybe) => void,

    /* The last argument is a passphrase: an empty one, so that none is asked for on a terminal. */
    PEM_read_bio_X509: lib.func(
      'void *PEM_read_bio_X509(void *bio, void *into, void *ask, const char *phrase)',
    ) as Read,
    PEM_read_bio_X509_CRL: lib.func(
      'void *PEM_read_bio_X509_CRL(void *bio, void *into, void *ask, const char *phrase)',
    ) as Read,
    PEM_read_bio_PrivateKey: lib.func(
      'void *PEM_read_bio_PrivateKey(void *bio, void *into, void *ask, const char *phrase)',
    ) as Read,
    X509_free: lib.func('void X509_free(void *certificate)') as (certificate: Maybe) => void,
    X509_CRL_free: lib.func('void X509_CRL_free(void *crl)') as (crl: Maybe) => void,
    EVP_PKEY_free: lib.func('void EVP_PKEY_free(void *key)') as (key: Maybe) => void,
    X509_STORE_add_cert: lib.func('int X509_STORE_add_cert(void *store, void *certificate)') as Pair,
    X509_STORE_add_crl: lib.func('int X509_STORE_add_crl(void *store, void *crl)') as Pair,
    X509_STORE_set_flags: lib.func('int X509_STORE_set_flags(void *store, unsigned long flags)') as (
      store: Pointer,
      flags: number,
    ) => number,
    i2d_X509_bio: lib.func('int i2d_X509_bio(void *bio, void *certificate)') as Pair,

    TLS_client_method: lib.func('void *TLS_client_method()') as () => Maybe,
    TLS_server_method: lib.func('void *TLS_server_method()') as () => Maybe,
    SSL_CTX_new: lib.func('void *SSL_CTX_new(void *method)') as (method: Maybe) => Maybe,
    SSL_CTX_free: lib.func('void SSL_CTX_free(void *context)') as (context: Maybe) => void,
    SSL_CTX_ctrl: lib.func('long SSL_CTX_ctrl(void *context, int command, long number, void *pointer)') as Control,
    SSL_CTX_set_options: lib.func('uint64_t SSL_CTX_set_options(void *context, uint64_t options)') as (
      context: Pointer,
      options: number,
    ) => unknown,
    SSL_CTX_set_num_tickets: lib.func('int SSL_CTX_set_num_tickets(void *context, size_t count)') as (
      context: Pointer,
      count: number,
    ) => number,
    SSL_CTX_set_ciphersuites: lib.func('int SSL_CTX_set_ciphersuites(void *context, const char *names)') as (
      context: Pointer,
      names: string,
    ) => number,
    SSL_CTX_use_certificate: lib.func('int SSL_CTX_use_certificate(void *context, void *certificate)') as Pair,
    SSL_CTX_use_PrivateKey: lib.func('int SSL_CTX_use_PrivateKey(void *context, void *key)') as Pair,
    SSL_CTX_check_private_key: lib.func('int SSL_CTX_check_private_key(void *context)') as (c: Pointer) => number,
    SSL_CTX_get_cert_store: lib.func('void *SSL_CTX_get_cert_store(void *context)') as (context: Pointer) => Maybe,
    SSL_CTX_add_client_CA: lib.func('int SSL_CTX_add_client_CA(void *context, void *certificate)') as Pair,
    SSL_CTX_set_verify: lib.func('void SSL_CTX_set_verify(void *context, int mode, void *callback)') as (
      context: Pointer,
      mode: number,
      callback: Pointer,
    ) => void,
    /** Zero means success, unlike with all the others. */
    SSL_CTX_set_alpn_protos: lib.func(
      'int SSL_CTX_set_alpn_protos(void *context, const uint8_t *list, uint length)',
    ) as (context: Pointer, list: Bytes, length: number) => number,
    SSL_CTX_set_alpn_select_cb: lib.func(
      'void SSL_CTX_set_alpn_select_cb(void *context, void *callback, void *argument)',
    ) as (context: Pointer, callback: Pointer, argument: Maybe) => void,

    SSL_new: lib.func('void *SSL_new(void *context)') as (context: Pointer) => Maybe,
    SSL_free: lib.func('void SSL_free(void *ssl)') as (ssl: Maybe) => void,
    SSL_set_fd: lib.func('int SSL_set_fd(void *ssl, int fd)') as (ssl: Pointer, fd: number) => number,
    SSL_set0_rbio: lib.func('void SSL_set0_rbio(void *ssl, void *bio)') as (ssl: Pointer, bio: Pointer) => void,
    SSL_set0_wbio: lib.func('void SSL_set0_wbio(void *ssl, void *bio)') as (ssl: Pointer, bio: Pointer) => void,
    /** For a command whose pointer is a text. */
    SSL_ctrl: lib.func('long SSL_ctrl(void *ssl, int command, long number, const char *text)') as (
      ssl: Pointer,
      command: number,
      number: number,
      text: string | null,
    ) => number,
    SSL_set_connect_state: lib.func('void SSL_set_connect_state(void *ssl)') as (ssl: Pointer) => void,
    SSL_set_accept_state: lib.func('void SSL_set_accept_state(void *ssl)') as (ssl: Pointer) => void,
    SSL_do_handshake: lib.func('int SSL_do_handshake(void *ssl)') as (ssl: Pointer) => number,
    SSL_read: lib.func('int SSL_read(void *ssl, uint8_t *bytes, int length)') as (
      ssl: Pointer,
      bytes: Bytes,
      length: number,
    ) => number,
    SSL_write: lib.func('int SSL_write(void *ssl, const uint8_t *bytes, int length)') as (
      ssl: Pointer,
      bytes: Bytes,
      length: number,
    ) => number,
    SSL_shutdown: lib.func('int SSL_shutdown(void *ssl)') as (ssl: Pointer) => number,
    SSL_get_error: lib.func('int SSL_get_error(void *ssl, int result)') as (ssl: Pointer, result: number) => number,
    SSL_get_verify_result: lib.func('long SSL_get_verify_result(void *ssl)') as (ssl: Pointer) => number,
    SSL_get1_peer_certificate: lib.func('void *SSL_get1_peer_certificate(void *ssl)') as (ssl: Pointer) => Maybe,
    SSL_session_reused: lib.func('int SSL_session_reused(void *ssl)') as (ssl: Pointer) => number,
    SSL_get_version: lib.func('const char *SSL_get_version(void *ssl)') as (ssl: Pointer) => string | null,
    SSL_get0_alpn_selected: lib.func(
      'void SSL_get0_alpn_selected(void *ssl, _Out_ void **name, _Out_ uint *length)',
    ) as (ssl: Pointer, name: [Maybe], length: [number]) => void,

    /**
     * The verdict of the chain's verification does not end a handshake: `SSL_get_verify_result` keeps it, and who made the session
     * judges it. One of each callback lives as long as this thread.
     */
    goOn: koffi.register(() => 1, verifyCallback),
    /** A server's choice among the protocols that a client offers: this one, or no handshake. Lives as long as this thread. */
    chooserOf(protocol: string): Pointer {
      const made = choosers.get(protocol);
      if (made !== undefined) return made.callback;
      const ours = protocolList(protocol);
      const callback = koffi.register(
        (_ssl: Pointer, out: Pointer, outLength: Pointer, theirs: Pointer, theirsLength: number): number => {
          const choice = SSL_select_next_proto(out, outLength, ours, ours.length, theirs, theirsLength);
          return choice === NEGOTIATED ? TLSEXT_OK : TLSEXT_FATAL;
        },
        alpnCallback,
      );
      choosers.set(protocol, { callback, ours });
      return callback;
    },
    /** A text of OpenSSL's that is not terminated. */
    textAt(at: Pointer, length: number): string {
      return Buffer.from(koffi.decode(at, koffi.array('uint8_t', length, 'Typed')) as Uint8Array).toString('latin1');
    },
  };
}

type Read = (bio: Pointer, into: null, ask: null, phrase: string) => Maybe;
type Pair = (owner: Pointer, other: Pointer) => number;
type Control = (owner: Pointer, command: number, number: number, pointer: Maybe) => number;

/* openssl/ssl.h, openssl/tls1.h */
const NEGOTIATED = 1;
const TLSEXT_OK = 0;
const TLSEXT_FATAL = 2;

/** Each with its length before it (RFC 7301): memory that stays where it is. */
export function protocolList(protocol: string): Uint8Array {
  const name = Buffer.from(protocol, 'latin1');
  const list = new Uint8Array(new ArrayBuffer(256), 0, name.length + 1);
  list.set([name.length, ...name]);
  return list;
}

let found: { readonly lib: Libssl | undefined } | undefined;

/**
 * The library, looked for once in each thread; undefined where this Node has none whose functions can be called: symbols that are
 * hidden, or another major version.
 */
export function libssl(): Libssl | undefined {
  found ??= { lib: loadLibssl(null) };
  return found.lib;
}

/** @param from a library; null: this program itself, with all that it is linked with */
export function loadLibssl(from: string | null): Libssl | undefined {
  try {
    const own = koffi.load(from);
    const version = own.func('unsigned long OpenSSL_version_num()') as () => number | bigint;
    if (Number(BigInt(version()) >> 28n) !== MAJOR) return undefined;
    return bind(own);
  } catch {
    return undefined; // a symbol is missing
  }
}
