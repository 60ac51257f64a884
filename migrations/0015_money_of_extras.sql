-- The price of an extra is money, so that it keeps its currency. What was stored as a bare amount was in the order's currency.
CREATE FUNCTION extras_with_money(extras jsonb, currency text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(
    jsonb_agg(
      CASE jsonb_typeof(extra -> 'price')
        WHEN 'number' THEN
          jsonb_set(extra, '{price}', jsonb_build_object('amount', extra -> 'price', 'currency', currency))
        ELSE extra
      END ORDER BY place),
    '[]')
  FROM jsonb_array_elements(extras) WITH ORDINALITY AS list (extra, place)
$$;

UPDATE orders SET extras = extras_with_money(extras, price_currency) WHERE jsonb_array_length(extras) > 0;

UPDATE disputes d
SET change = jsonb_set(d.change, '{extras}', extras_with_money(d.change -> 'extras', o.price_currency))
FROM orders o
WHERE o.id = d.order_id AND d.change IS NOT NULL AND jsonb_array_length(d.change -> 'extras') > 0;

UPDATE log_entries
SET data = jsonb_set(data, '{order,extras}',
  extras_with_money(data #> '{order,extras}', data #>> '{order,price,currency}'))
WHERE jsonb_array_length(data #> '{order,extras}') > 0;

UPDATE log_entries
SET data = jsonb_set(data, '{dispute,change,extras}',
  extras_with_money(data #> '{dispute,change,extras}', data #>> '{order,price,currency}'))
WHERE jsonb_typeof(data #> '{dispute,change,extras}') = 'array'
  AND jsonb_array_length(data #> '{dispute,change,extras}') > 0;

DROP FUNCTION extras_with_money;
