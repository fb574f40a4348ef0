export { managedSave, removeManagedSave } from '../../operations/saving/managed-save.js';
