-- Users have the ids that identity providers issue, such as auth0|5f7c12 or ana@example.org: printable ASCII without white
-- space. Collation "C", so that the range means code points. Not validated: the new rule admits every id of the old one.
ALTER TABLE orders
  DROP CONSTRAINT orders_client_id_check,
  DROP CONSTRAINT orders_freelancer_id_check,
  ADD CONSTRAINT orders_client_id_check
    CHECK (client_id COLLATE "C" ~ '^[!-~]+$' AND octet_length(client_id) <= 128) NOT VALID,
  ADD CONSTRAINT orders_freelancer_id_check
    CHECK (freelancer_id COLLATE "C" ~ '^[!-~]+$' AND octet_length(freelancer_id) <= 128) NOT VALID;
