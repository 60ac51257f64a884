import { expect, test } from 'vitest';
import type { Center, Dispute, ProblemBody, TimelinePage } from '../../ui/src/api-types.ts';
import type { components } from '../system/client/api.d.ts';

type Schemas = components['schemas'];

// Compiles only while every answer of the API is what the element reads.
const center = (answer: Schemas['ResolutionCenter']): Center => answer;
const dispute = (answer: Schemas['Dispute']): Dispute => answer;
const timeline = (answer: Schemas['Timeline']): TimelinePage => answer;
const problem = (answer: Schemas['Problem']): ProblemBody => answer;

test("the element's types are those of the OpenAPI document", () => {
  expect([center, dispute, timeline, problem].map((one) => typeof one)).toEqual(Array(4).fill('function'));
});
