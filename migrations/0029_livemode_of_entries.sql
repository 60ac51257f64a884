-- Entries from before modes do not say in which mode their order was made. They get the mode of the deployment, as the orders
-- do; where no start has written a mode yet, the orders are live.
UPDATE orders SET livemode = false WHERE livemode AND (SELECT mode FROM deployment) = 'sandbox';
UPDATE log_entries l SET data = jsonb_set(l.data, '{order,livemode}', to_jsonb(o.livemode))
FROM orders o WHERE o.id = l.order_id AND jsonb_typeof(l.data -> 'order') = 'object' AND NOT l.data -> 'order' ? 'livemode';
