-- The mode of a deployment is written by its first start and never changed. Orders carry it, so that a CHECK can say what an order
-- of a live deployment must not have.
ALTER TABLE deployment ADD COLUMN mode text CHECK (mode IN ('live', 'sandbox'));

ALTER TABLE orders ADD COLUMN livemode boolean NOT NULL DEFAULT true;
