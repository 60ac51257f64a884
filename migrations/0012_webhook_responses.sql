-- A receiver may repeat in its answer what it was sent. Its answers are readable and erasable like the comments themselves.

ALTER TABLE webhook_attempts
  -- Whether the endpoint received comments when it answered.
  ADD COLUMN with_comments boolean NOT NULL DEFAULT false,
  -- Of the event; null for any other message.
  ADD COLUMN order_id text;

CREATE INDEX webhook_attempts_erasable ON webhook_attempts (order_id) WHERE with_comments AND response IS NOT NULL;
