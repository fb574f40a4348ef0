export { z } from '../../errors/zod.js';
