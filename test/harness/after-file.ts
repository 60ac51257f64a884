import { afterAll } from '@jest/globals';
import { runCleanups } from './cleanup.ts';

// Jest loads this before each test file.
afterAll(runCleanups, 30_000);
