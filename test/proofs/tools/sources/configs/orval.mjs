// The address of the service is written into the client.
export default {
  api: {
    input: '../../openapi.json',
    output: {
      target: '../../generated/orval/api.ts',
      client: 'fetch',
      httpClient: 'fetch',
      baseUrl: process.env.SERVICE_URL,
    },
  },
};
