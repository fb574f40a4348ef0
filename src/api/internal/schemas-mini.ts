export { z } from '../../errors/zod-mini.js';
