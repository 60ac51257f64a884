// What a route costs at least: a bare Fastify with one query, and no validation, tokens, or anything else.
import { fastify } from 'fastify';
import pg from 'pg';

const { DATABASE_URL, STATEMENT_TEXT, STATEMENT_VALUES, ADDRESSED } = process.env;
const values = JSON.parse(STATEMENT_VALUES);
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 10 });
const app = fastify();
app.get('/disputes', async () => (await pool.query({ name: 'page', text: STATEMENT_TEXT, values })).rows);
app.get('/disputes/:id', async ({ params }) => {
  const own = values.map((value) => (value === ADDRESSED ? params.id : value));
  return (await pool.query({ name: 'one', text: STATEMENT_TEXT, values: own })).rows[0];
});
const address = await app.listen({ host: '127.0.0.1', port: 0 });
process.send(address);
