/** Which configuration holds. */
export interface ConfigOptions {
  /** Absent: XENFERRY_CONFIG, then the default file of this user, if it exists. */
  readonly configFile?: string | undefined;
}

/** Which host is meant, and where its files are. */
export interface LocationOptions extends ConfigOptions {
  /** `xen:///system`, `embedded:///FOLDER` or an alias of the configuration; absent: see `connectUriOf`. */
  readonly uri?: string | undefined;
  /** Folder of definitions, journals and job locks; absent: the usual one of that host. */
  readonly stateDir?: string | undefined;
}
