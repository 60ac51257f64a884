import { afterAll } from 'vitest';
import { runCleanups } from '../cleanup.ts';

// Vitest runs this before each test file, and keeps the modules that it imports from file to file.
afterAll(runCleanups, 600_000);
