import { RefusedError, UsageError } from '../../errors/errors.js';
import { element, isElement, textOf, type XmlElement } from '../../xml/element.js';
import { XL_NS, xlName } from '../definition/devices/xl-options.js';
import type { Definition } from '../definition/model.js';
import { CARRIED_SETTINGS, carriedSetting, withSetting, type Settings } from './carried-settings.js';
import type { SettingValue } from './field-codecs.js';
import type { JsonObject } from './json.js';

/*
 * Settings for xl in a definition's metadata, each under its key of xl.cfg(5):
 *
 *   <xl:settings xmlns:xl='urn:xenferry:xl:1'>
 *     <xl:setting key='timer_mode' value='one_missed_tick_pending'/>
 *     <xl:setting key='viridian'><xl:item>base</xl:item><xl:item>freq</xl:item></xl:setting>
 *   </xl:settings>
 */

function settingElement(key: string, value: SettingValue): XmlElement {
  if (typeof value === 'string') return element('xl:setting', { key, value });
  return element(
    'xl:setting',
    { key },
    value.map((item) => element('xl:item', {}, [item])),
  );
}

/** Children of `<metadata>`: empty if there are no settings. */
export function settingsToMetadata(settings: Settings): XmlElement[] {
  if (settings.size === 0) return [];
  const children = [...settings].map(([key, value]) => settingElement(key, value));
  return [element('xl:settings', { 'xmlns:xl': XL_NS }, children)];
}

function bad(why: string): UsageError {
  return new UsageError('E_USAGE_DOMAIN_XML', `domain XML, /domain/metadata/xl:settings: ${why}`, {
    hint: 'docs/reference/xl-config.md lists the settings that are carried there.',
    data: { path: '/domain/metadata/xl:settings' },
  });
}

/** Longest list of a setting: one item for each processor of a guest. */
const MAX_ITEMS = 512;

function valueOf(setting: XmlElement): SettingValue {
  const value = setting.attributes.get('value');
  if (value !== undefined) return value;
  const items = setting.children.filter(isElement);
  if (items.length > MAX_ITEMS) throw bad(`<${setting.name}> has ${items.length} items, more than ${MAX_ITEMS}`);
  return items.map(textOf);
}

/** The settings in a definition's metadata. @throws UsageError `E_USAGE_DOMAIN_XML` if the element is invalid */
export function settingsOf({ metadata }: Pick<Definition, 'metadata'>): Settings {
  const all = metadata
    .filter((one) => xlName(one) === 'settings')
    .flatMap(({ children }) => children.filter(isElement));
  return new Map(
    all.map((setting) => {
      const key = setting.attributes.get('key');
      if (key === undefined) throw bad(`<${setting.name}> has no key`);
      return [key, valueOf(setting)] as const;
    }),
  );
}

/**
 * A configuration with the settings of the definition's metadata.
 * @throws UsageError `E_USAGE_DOMAIN_XML`; RefusedError `E_REFUSED_NOT_MAPPED` for a setting that guests of the type
 * lack
 */
export function withSettings(config: JsonObject, definition: Definition): JsonObject {
  return [...settingsOf(definition)].reduce((made, [key, value]) => {
    const setting = carriedSetting(key, definition.type);
    if (setting === undefined) {
      if (!CARRIED_SETTINGS.some((one) => one.key === key)) throw bad(`${JSON.stringify(key)} is not a setting`);
      throw new RefusedError('E_REFUSED_NOT_MAPPED', `a ${definition.type} guest has no setting ${key}`, {
        hint: 'Take it out of <xl:settings> in the metadata.',
        data: { key },
      });
    }
    const more = withSetting(made, setting, value);
    if (more === undefined) throw bad(`${key}: ${JSON.stringify(value)} is not ${setting.codec.says}`);
    return more;
  }, config);
}
