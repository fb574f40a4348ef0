import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { formatDomainXml } from '../../domain/format.js';
import type { Domain } from '../../domain/model.js';
import { SystemError } from '../../errors/errors.js';
import { makeFolder } from '../../posix/folder.js';
import { readBounded, removeDurably, writeDurably } from '../../posix/durable-file.js';
import {
  damagedDefinition,
  decodeDefinition,
  encodeDefinition,
  MAX_DEFINITION_BYTES,
  type StoredDefinition,
} from './definition-file.js';

const FILE = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.json$/;

/** A definition whose file cannot be read: it is listed, and does not affect the others. */
export interface DamagedDefinition {
  readonly uuid: string;
  readonly error: SystemError;
}

/** Result of activating a staged definition. */
export interface KeptStaged {
  readonly change: 'added' | 'updated';
  /** The previous definition started with the host; this one does not. */
  readonly endsAutostart: boolean;
}

/** All definitions of a host. */
export interface AllDefinitions {
  readonly definitions: readonly StoredDefinition[];
  readonly damaged: readonly DamagedDefinition[];
}

/**
 * The definitions of a host's persistent domains: a file each, named by UUID, mode 0600. Any number of processes may
 * use the folder; a writer holds the domain's job.
 */
export class Definitions {
  /** Makes the folder if it is missing. Throws the system's error. */
  constructor(private readonly dir: string) {
    makeFolder(dir);
  }

  /** The definition of a domain. @throws SystemError `E_SYSTEM_DEFINITION` if its file cannot be read */
  get(uuid: string): StoredDefinition | undefined {
    const path = this.#path(uuid);
    let text: string | undefined;
    try {
      text = readBounded(path, MAX_DEFINITION_BYTES);
    } catch (error) {
      throw damagedDefinition(path, uuid, error);
    }
    return text === undefined ? undefined : decodeDefinition(text, uuid, path);
  }

  /** All of them, by name. */
  all(): AllDefinitions {
    const definitions: StoredDefinition[] = [];
    const damaged: DamagedDefinition[] = [];
    for (const file of readdirSync(this.dir)) {
      const uuid = FILE.exec(file)?.[1];
      if (uuid === undefined) continue;
      try {
        const definition = this.get(uuid);
        // Another process may have removed it since.
        if (definition !== undefined) definitions.push(definition);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        damaged.push({ uuid, error });
      }
    }
    definitions.sort((a, b) => (a.domain.name < b.domain.name ? -1 : 1));
    return { definitions, damaged };
  }

  /**
   * Stores a definition, replacing the domain's previous one. It is durable when this returns.
   * @throws SystemError `E_SYSTEM_REGISTRY`; the old one then still exists
   */
  put(definition: StoredDefinition): void {
    const path = this.#path(definition.domain.uuid);
    this.#change(path, () => writeDurably(path, encodeDefinition(definition)));
  }

  /** Removes a definition, also an unreadable one; false if there was none. @throws SystemError `E_SYSTEM_REGISTRY` */
  remove(uuid: string): boolean {
    const path = this.#path(uuid);
    return this.#change(path, () => removeDurably(path));
  }

  /**
   * Stores a definition that takes effect with `keepStaged`: a process that dies in between loses nothing.
   * @throws SystemError `E_SYSTEM_REGISTRY`
   */
  stage(domain: Domain): void {
    const path = this.#stagedPath(domain.uuid);
    this.#change(path, () => writeDurably(path, encodeDefinition({ domain, autostart: false })));
  }

  /**
   * Activates the staged definition of a domain, replacing its previous one. A definition written by another host does
   * not start with this host: the autostart mark stays only if both definitions are equal. Undefined if none is staged.
   * @throws SystemError `E_SYSTEM_REGISTRY`, `E_SYSTEM_DEFINITION`; the staged one is then kept
   */
  keepStaged(uuid: string): KeptStaged | undefined {
    const path = this.#stagedPath(uuid);
    const text = readBounded(path, MAX_DEFINITION_BYTES);
    if (text === undefined) return undefined;
    const before = this.get(uuid);
    const staged = decodeDefinition(text, uuid, path);
    const isSame = before !== undefined && formatDomainXml(before.domain) === formatDomainXml(staged.domain);
    const had = before?.autostart ?? false;
    this.put({ ...staged, autostart: had && isSame });
    this.dropStaged(uuid);
    return { change: before === undefined ? 'added' : 'updated', endsAutostart: had && !isSame };
  }

  /** Removes the staged definition of a domain. @throws SystemError `E_SYSTEM_REGISTRY` */
  dropStaged(uuid: string): void {
    const path = this.#stagedPath(uuid);
    this.#change(path, () => removeDurably(path));
  }

  #stagedPath(uuid: string): string {
    return join(this.dir, `${uuid}.incoming`);
  }

  #path(uuid: string): string {
    return join(this.dir, `${uuid}.json`);
  }

  #change<T>(path: string, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw new SystemError('E_SYSTEM_REGISTRY', `cannot write ${path}`, {
        cause,
        hint: 'Free space on the disk, or repair it: the definition is unchanged.',
        data: { path },
      });
    }
  }
}
