-- Who had requests declined, of which type, and when last: [{ role, type, at }], one for each role and type.
ALTER TABLE orders ADD COLUMN declines jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_array_length(declines) <= 6);
