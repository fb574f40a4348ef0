const RELEASE = /^(\d{1,3})\.(\d{1,3})$/;

/** The release in a version as a toolstack prints it: `4.17` of `4.17.7`; undefined where there is none. */
export function releaseOf(version: string): string | undefined {
  return /^\d{1,3}\.\d{1,3}(?!\d)/.exec(version)?.[0];
}

/**
 * Whether `here` is older than the release that a guest comes from: Xen promises that a guest can be restored by the same or a newer
 * release. False where one of them is unknown.
 */
export function isOlderXen(here: string | undefined, guests: string | undefined): boolean {
  const one = RELEASE.exec(here ?? '');
  const other = RELEASE.exec(guests ?? '');
  if (one === null || other === null) return false;
  const [major, minor, guestMajor, guestMinor] = [...one.slice(1), ...other.slice(1)].map(Number);
  return major < guestMajor || (major === guestMajor && minor < guestMinor);
}
