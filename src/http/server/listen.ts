import type { FastifyInstance } from 'fastify';

const ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there: stop it, or choose another port',
  EACCES: 'this user may not listen there: choose a port from 1024 on',
  EADDRNOTAVAIL: 'this machine does not have that address',
  ENOTFOUND: 'that name is not known',
  EAI_AGAIN: 'that name cannot be looked up',
};

/**
 * Lets an app listen.
 * @param variables what the message of an error names as the place to correct, such as `HOST and PORT`
 * @returns the address, such as http://127.0.0.1:3000
 * @throws Error with one line that says what to do
 */
export async function listen(app: FastifyInstance, host: string, port: number, variables: string): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException; // that is what `listen` rejects with
    const advice = ADVICE[code] ?? message;
    throw new Error(`cannot listen at ${host}:${port} (${variables}): ${advice}`, { cause: error });
  }
}
