import { expect, it } from 'vitest';
import { run } from '../../support/program.js';

it('a demo whose hosts do not start fails, and the reason stands above', async () => {
  const { code, stderr } = await run(['demo'], { ...process.env, XENFERRY_CONFIG: '/nonexistent/xenferry.conf' });
  expect(code).toBe(1);
  expect(stderr).toMatch(/E_USAGE_FILE.*\n(?:.*\n)*error E_DEMO_FAILED: the demo failed: /);
});
